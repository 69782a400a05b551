"""A sweep killed at random moments, again and again."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

SWEEP = """
import sys
from gpattention.sweeps import command, sweep
from gpattention.sweeps.sweep_file import Sweep

SMALL = ["trainer=cpu", "data.n_segregants=600", "data.n_loci=6", "trainer.max_epochs=12", "data.batch_size=32"]
sweep.read_sweep = lambda *_: Sweep(
    title="t",
    folder="f",
    common=["data=simulated", *SMALL, "data.epsilon=0,0.3,1"],
    blocks={
        "linear": ["model=linear"],
        "attention": ["model=attention"],
        "transformer": ["model=transformer", "model.dropout=0.1"],
        "four heads": ["model=transformer", "model.n_heads=4"],
    },
)
if __name__ == "__main__":
    sys.argv = ["sweep.py", "sweep=quickstart", f"folder={sys.argv[1]}", "workers=2"]
    command.main()
"""
N_KILLS = 20
SECONDS = 600  # as a stop: the sweep takes one minute on two free cores
CHANGING = ["fit_seconds", "segregants_per_second", "peak_memory_mib", "folder"]


def begin(script, folder):
    return subprocess.Popen(
        [sys.executable, script, folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def complete(folder):
    return {path: path.stat().st_mtime_ns for path in Path(folder).glob("*/metrics.json")}


@pytest.mark.slow
def test_killed_sweeps_finish_what_is_missing_and_nothing_else(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SWEEP)
    undisturbed = begin(script, tmp_path / "undisturbed")
    text, _ = undisturbed.communicate(timeout=SECONDS)
    assert undisturbed.returncode == 0, text

    rng = random.Random(0)
    folder = tmp_path / "killed"
    first: dict[Path, int] = {}
    n_killed = n_runs_killed = 0
    while n_killed < N_KILLS:
        sweep = begin(script, folder)
        try:
            # First attempts are killed while they load, plan and train; later ones mostly while they train.
            sweep.communicate(timeout=rng.uniform(1, 12))
        except subprocess.TimeoutExpired:
            if n_killed % 2 and (workers := children(sweep.pid)):
                os.kill(rng.choice(workers), signal.SIGKILL)  # one run alone, and then the sweep as well
                n_runs_killed += 1
            sweep.kill()
            sweep.communicate()
            n_killed += 1
        else:
            for path in rng.sample(sorted(complete(folder)), 3):  # all was finished: three runs are to be made again
                first.pop(path, None)
                path.unlink()
        now = complete(folder)
        assert {path: now.get(path) for path in first} == first, "a complete run was trained again"
        first |= now
    last = begin(script, folder)
    text, _ = last.communicate(timeout=SECONDS)
    assert last.returncode == 0, text
    now = complete(folder)
    assert {path: now[path] for path in first} == first
    assert len(now) == 12
    assert n_runs_killed > 0
    for path in now:
        json.loads(path.read_text())
    tables = [pd.read_csv(tmp_path / name / "results.csv").drop(columns=CHANGING) for name in ("undisturbed", "killed")]
    pd.testing.assert_frame_equal(*tables, rtol=1e-6)


def children(pid):
    """Processes of runs, which are children of the server that the sweep has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == os.getsid(pid) and int(fields[1]) != pid and int(path.parent.name) != pid:
            found.append(int(path.parent.name))
    return found
