"""Memory of one process that makes many runs, one after another."""

import subprocess
import sys
import time

import psutil
import pytest
from conftest import ROOT

RUN = ["trainer=cpu", "data.n_segregants=4000", "data.n_loci=30", "trainer.max_epochs=2", "model=transformer"]


@pytest.mark.parametrize(
    "n_jobs", [pytest.param(8, marks=pytest.mark.slow), pytest.param(30, marks=pytest.mark.stress)]
)
def test_a_multirun_does_not_grow(n_jobs, tmp_path, capsys):
    command = [sys.executable, ROOT / "train.py", "-m", *RUN, f"seed=range({n_jobs})", f"hydra.sweep.dir={tmp_path}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    watched, after_job = psutil.Process(process.pid), []
    while process.poll() is None:
        n_done = len(list(tmp_path.glob("*/metrics.json")))
        if n_done > len(after_job):
            after_job.append(watched.memory_info().rss / 2**20)
        time.sleep(0.02)
    assert process.returncode == 0
    assert len(after_job) >= n_jobs - 2  # the last may end with the process
    growth = max(after_job[3:]) / after_job[2] - 1
    with capsys.disabled():
        print(f"\n{n_jobs} runs in one process: {after_job[2]:.0f} MiB after the third, {growth:+.1%} at most after it")
    assert growth < 0.05
