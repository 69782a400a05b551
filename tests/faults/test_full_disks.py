"""Runs and sweeps on a small disk that fills up while they write."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT, SMALL

from gpattention.config import compose_config
from gpattention.errors import InputError
from gpattention.files.full_disk import full_disk_told
from gpattention.run_folder import files, loading, predictions
from gpattention.runs import evaluate
from gpattention.runs.run import run
from gpattention.sweeps import sweep
from gpattention.training.checkpoints import read_checkpoint

FULL = r"the disk of .*{name}.* is full.* MiB free now\): make room"


@pytest.fixture
def disk(tmp_path):
    """A disk of 4 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def fill(disk):
    with (disk / "filler").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(b"\0" * 4096)


def small_run(folder, *overrides, on_epoch=None):
    config = compose_config([*SMALL, "model=transformer", "trainer.max_epochs=4", *overrides])
    return run(config, folder, on_epoch)


def test_disk_that_fills_during_training(disk, tmp_path):
    wanted = small_run(tmp_path / "elsewhere")
    folder, told = disk / "run", []

    def fill_after_two(epoch, n_epochs, score):
        told.append(epoch)
        if epoch == 2:
            fill(disk)

    with pytest.raises(InputError, match=FULL.format(name="run") + ".* resume=auto"):
        small_run(folder, on_epoch=fill_after_two)
    assert told == [1, 2]
    for name in (files.CHECKPOINT, files.LAST):
        read_checkpoint(folder / name)
    assert not files.is_complete(folder)
    assert list(folder.glob("*.tmp")) == []
    (disk / "filler").unlink()
    metrics = small_run(folder, "resume=auto")
    assert metrics["test/r2"] == pytest.approx(wanted["test/r2"], abs=1e-6)


def test_disk_that_fills_before_the_predictions(disk, monkeypatch):
    folder = disk / "run"
    table = predictions.predictions_table

    def fill_and_make(*arguments):
        if not (disk / "filler").exists():
            fill(disk)
        return table(*arguments)

    with monkeypatch.context() as patched, pytest.raises(InputError, match=FULL.format(name="run")):
        patched.setattr(evaluate, "predictions_table", fill_and_make)
        small_run(folder)
    assert not files.is_complete(folder)
    assert not (folder / files.PREDICTIONS).exists()
    (disk / "filler").unlink()
    small_run(folder, "resume=auto")
    loading.load_run(folder)


def test_a_complete_run_survives_one_that_finds_the_disk_full(disk):
    folder = disk / "run"
    small_run(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    fill(disk)
    with pytest.raises(InputError, match=FULL.format(name="run")):
        small_run(folder, "overwrite=true")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_disk_that_fills_before_the_results_of_a_sweep(disk, monkeypatch):
    folder, collect = disk / "sweep", sweep.collect
    options = SMALL
    sweep.run_sweep("quickstart", options, folder)
    before = (folder / sweep.RESULTS).read_bytes()

    def fill_and_collect(planned):
        fill(disk)
        return collect(planned)[:1]  # another table than before

    with (
        monkeypatch.context() as patched,
        pytest.raises(InputError, match=r"is full at .*results\.csv \(.* MiB free now\): make room"),
    ):
        patched.setattr(sweep, "collect", fill_and_collect)
        sweep.run_sweep("quickstart", options, folder)
    assert (folder / sweep.RESULTS).read_bytes() == before
    (disk / "filler").unlink()
    sweep.run_sweep("quickstart", options, folder)
    assert (folder / sweep.RESULTS).read_bytes() == before


def test_full_disk_on_the_command_line(disk):
    fill(disk)
    command = [sys.executable, ROOT / "train.py", *SMALL, "model=linear", f"hydra.run.dir={disk / 'run'}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    assert "full" in done.stderr or "No space left" in done.stderr


def test_other_errors_of_files_stay_what_they_are(tmp_path):
    with pytest.raises(FileNotFoundError), full_disk_told(tmp_path, "make room"):
        (tmp_path / "nowhere").read_bytes()
