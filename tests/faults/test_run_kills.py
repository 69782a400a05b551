"""Runs killed at random moments, half of them while a checkpoint is written, and resumed."""

import json
import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL

from gpattention.config import compose_config
from gpattention.run_folder import files
from gpattention.run_folder.loading import load_run
from gpattention.runs.run import run
from gpattention.sweeps.workers import PROCESSES, load_ahead
from gpattention.training.checkpoints import read_checkpoint

N_EPOCHS = 25
RUN = [
    *SMALL,
    f"trainer.max_epochs={N_EPOCHS}",
    "data.batch_size=32",
    "model=transformer",
    "model.dropout=0.1",
    "resume=auto",
]
MOMENTS = ("half written", "before the renames", "between the renames", "after the renames")


def start(folder, moment=None, at=0):
    process = PROCESSES.Process(target=work, args=(str(folder), moment, at))
    process.start()
    return process


def work(folder, moment, at):
    import torch

    from gpattention.output.silenced_warnings import quiet_libraries

    torch.set_num_threads(1)
    quiet_libraries()
    if moment is not None:
        kill_while_written(moment, at)
    with Path(f"{folder}.epochs").open("a", buffering=1) as epochs:
        run(compose_config(RUN), Path(folder), lambda epoch, *_: epochs.write(f"{epoch}\n"))


def epochs_of(folder):
    """The epochs that the processes at a run have told of, one process after another; none where it was killed before."""
    told = Path(f"{folder}.epochs")
    return [int(line) for line in told.read_text().split()] if told.exists() else []


def kill_while_written(moment, at):
    """This process is killed while it writes the checkpoint with this number, from 0."""
    n = {"synced": 0}
    fsync, replace = os.fsync, Path.replace

    def end():
        os.kill(os.getpid(), signal.SIGKILL)

    def counted_fsync(descriptor):
        fsync(descriptor)
        if Path(f"/proc/self/fd/{descriptor}").readlink().name.endswith(".ckpt.tmp"):
            n["synced"] += 1
            if n["synced"] == at + 1 and moment == "half written":
                os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
                end()

    def replace_or_end(path, other):
        is_due = n["synced"] == at + 1 and path.name.endswith((".ckpt", ".ckpt.tmp"))
        if is_due and moment == "before the renames":
            end()
        if is_due and moment == "between the renames" and path.name.endswith(".tmp"):
            end()
        replace(path, other)
        if is_due and moment == "after the renames" and path.name.endswith(".tmp"):
            end()

    os.fsync, Path.replace = counted_fsync, replace_or_end


@pytest.mark.parametrize(
    "n_kills", [pytest.param(4, marks=pytest.mark.slow), pytest.param(30, marks=pytest.mark.stress)]
)
def test_killed_runs_finish_with_the_undisturbed_result(tmp_path, n_kills, capsys):
    load_ahead()
    first = PROCESSES.Process(target=time.sleep, args=(0,))  # the server has loaded the program once this has ended
    first.start()
    first.join()
    start_time = time.monotonic()
    undisturbed = start(tmp_path / "undisturbed")
    undisturbed.join()
    seconds = time.monotonic() - start_time
    wanted = json.loads((tmp_path / "undisturbed" / files.METRICS).read_text())

    rng = random.Random(0)
    differences, n_tried = [], 0
    while len(differences) < n_kills:
        n_tried += 1
        assert n_tried < 3 * n_kills
        folder = tmp_path / str(n_tried)
        if len(differences) % 2:
            moment = MOMENTS[len(differences) // 2 % len(MOMENTS)]
            process = start(folder, moment, rng.randrange(N_EPOCHS))
        else:
            process = start(folder)
            time.sleep(rng.uniform(0, seconds))
            process.kill()
        process.join()
        if process.exitcode != -signal.SIGKILL:
            continue  # it was done before
        before = epochs_of(folder)
        resumed = start(folder)
        resumed.join()
        assert resumed.exitcode == 0
        after = epochs_of(folder)[len(before) :]
        assert after == list(range(after[0] if after else N_EPOCHS + 1, N_EPOCHS + 1))
        assert not before or (after or [N_EPOCHS + 1])[0] >= before[-1]  # one epoch at most is made again
        assert {path.name for path in folder.iterdir()} == set(files.ALL) - set(files.OCCASIONAL)
        read_checkpoint(folder / files.CHECKPOINT)
        load_run(folder)
        metrics = json.loads((folder / files.METRICS).read_text())
        table = pd.read_csv(folder / files.PREDICTIONS, sep="\t")
        assert len(table) == wanted["n_test"]
        residual = (table["measured"] - table["predicted"]) ** 2
        r2 = 1 - residual.sum() / ((table["measured"] - table["measured"].mean()) ** 2).sum()
        assert r2 == pytest.approx(metrics["test/r2"], abs=1e-6)
        differences.append(abs(metrics["test/r2"] - wanted["test/r2"]))
    assert max(differences) < 0.003
    with capsys.disabled():
        print(f"\n{n_kills} runs killed: largest difference of R2 {np.max(differences):.2g}")
