"""Whether a SLURM answers on this machine, for the tests that need one."""

import shutil
import subprocess

import pytest


def slurm_is_up():
    if shutil.which("sinfo") is None or shutil.which("sbatch") is None:
        return False
    try:
        return subprocess.run(["sinfo", "-h"], capture_output=True, timeout=10, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


needs_slurm = pytest.mark.skipif(not slurm_is_up(), reason="no SLURM answers here: tests/slurm/up starts one")
