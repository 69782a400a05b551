"""Fit the maps of a sweep and compare them. See `python sweep.py --help`."""

from gpattention.cli import sweep

if __name__ == "__main__":
    sweep()
