"""Data sets: read or simulated, checked once, split, scaled and served in batches. The names given here are public: a configuration names them as its `_target_`."""

from gpattention.data.formats import read_table
from gpattention.data.prepared import read_prepared
from gpattention.data.simulated import simulate

__all__ = ["read_table", "read_prepared", "simulate"]
