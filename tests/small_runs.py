"""Runs of a second."""

from conftest import SMALL

from gpattention.config import compose_config
from gpattention.runs.folder import LOCK
from gpattention.runs.run import run

# Not compared between runs: what depends on the machine and the moment.
MEASURED_ON_THE_MACHINE = {"fit_seconds", "segregants_per_second", "peak_memory_mib"}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != LOCK}


def small_run(folder, *overrides):
    return run(compose_config([*SMALL, *overrides]), folder)
