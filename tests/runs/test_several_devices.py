"""Runs on several devices, started by this program, by torchrun and by srun."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pandas as pd
import psutil
import pytest
from conftest import ROOT, SMALL
from slurm_here import needs_slurm

from gpattention.config import compose_config
from gpattention.errors import InputError, Preempted, RunLost
from gpattention.files.atomic import write_json
from gpattention.run_folder import files
from gpattention.runs.run import run
from gpattention.runs.several_devices import Channel, explain, is_needed

DEVICES = ["trainer.devices=2", "model=transformer"]
EPOCHS = "trainer.max_epochs=100"  # enough of them to be killed among
SECONDS = 120
CHANGING = {"fit_seconds", "segregants_per_second", "peak_memory_mib", "made_with"}


def small_run(folder, *overrides, on_epoch=None):
    return run(compose_config([*SMALL, *overrides]), folder, on_epoch)


def assert_same(one, other, tolerance=1e-5):
    for name in one.keys() - CHANGING:
        assert one[name] == pytest.approx(other[name], abs=tolerance, nan_ok=True), name


def rank_workers(of=None):
    """The processes of a run, by their numbers."""
    found = {}
    for process in psutil.Process(of).children(recursive=True):
        try:
            if "gpattention.runs.rank_worker" in process.cmdline() and "torch.distributed.run" not in process.cmdline():
                found[int(process.environ()["RANK"])] = process
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("launch") / "one"
    return small_run(folder, "model=transformer", EPOCHS)


def test_a_lost_process_ends_the_others_and_the_run_goes_on(tmp_path, undisturbed):
    folder, lost_at, epochs = tmp_path / "run", [], []

    def kill(epoch, n_epochs, score):
        epochs.append((epoch, n_epochs))
        if epoch == 2 and not lost_at:
            lost_at.append(time.monotonic())
            rank_workers()[1].kill()

    with pytest.raises(RunLost) as caught:
        small_run(folder, *DEVICES, EPOCHS, on_epoch=kill)
    assert time.monotonic() - lost_at[0] < 240  # ends a hang; on an idle machine it takes seconds
    assert epochs[:2] == [(1, 100), (2, 100)]
    for words in ("process 1 of 2 ended with signal SIGKILL", "resume=auto goes on", "ranks.log"):
        assert words in str(caught.value)
    assert (folder / files.LAST).is_file()
    assert not files.is_complete(folder)
    assert rank_workers() == {}
    metrics = small_run(folder, *DEVICES, EPOCHS, "resume=auto")
    assert_same(metrics, undisturbed)
    assert metrics["made_with"]["processes"] == 2
    assert {path.name for path in folder.iterdir()} == set(files.ALL) - set(files.OCCASIONAL)
    assert small_run(folder, "model=transformer", EPOCHS, "resume=auto") == metrics  # on one device too


def test_what_a_process_refuses_is_said_as_one_process_says_it(tmp_path):
    said = []
    for devices in (1, 2):
        with pytest.raises(InputError) as caught:
            small_run(tmp_path / "run", "model=transformer", f"trainer.devices={devices}", "monitor=val/r2/99C")
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert not (tmp_path / "run").exists()


def test_several_machines_are_not_started_from_one(tmp_path):
    with pytest.raises(InputError, match="num_nodes=2: processes on several machines are started by torchrun or srun"):
        small_run(tmp_path / "run", *DEVICES, "trainer.num_nodes=2")


def test_launch_is_needed_where_nothing_was_started(monkeypatch):
    several = {"devices": 2, "num_nodes": 1}
    assert is_needed(several)
    assert is_needed({"devices": 1, "num_nodes": 2})
    assert not is_needed({"devices": 1, "num_nodes": 1})
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "2")
    assert not is_needed(several)


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ({0: ("lost", "Connection closed"), 1: ("input", "x=1: give 2")}, InputError, "^x=1: give 2$"),
        ({0: ("preempted", "stopped at 3"), 1: ("preempted", "stopped at 3")}, Preempted, "^stopped at 3$"),
        (
            {0: ("fault", "KeyError: 'a'"), 1: ("lost", "Connection closed")},
            RunLost,
            "^process 0: KeyError: 'a'; start it",
        ),
        ({0: ("lost", "Connection closed")}, RunLost, "^process 1 of 2 was killed or lost.*ranks.log$"),
        ({}, RunLost, "^process 0 or 1 of 2 was killed"),
        (
            {0: ("lost", "0 (local_rank: 0)\n exitcode  : -15 (pid: 6)\n 1 (local_rank: 1)\n exitcode  : -9 (pid: 7)")},
            RunLost,
            "^process 1 of 2 ended with signal SIGKILL",
        ),
    ],
)
def test_the_failure_told_is_the_one_that_began_it(tmp_path, said, kind, words):
    channel = Channel(tmp_path)
    channel.printed.write_text("; ".join(["what torch printed", *(text for _, text in said.values())]))
    for rank, (name, text) in said.items():
        write_json(channel.error(rank), {"kind": name, "text": text})
    folder = tmp_path / "run"
    folder.mkdir()
    error = explain(channel, 2, folder)
    with pytest.raises(kind, match=words):
        raise error
    assert (folder / files.RANKS_LOG).is_file() == (kind is RunLost)


def start(*command, **environment):
    return subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment
    )


def finish(process):
    out, err = process.communicate(timeout=SECONDS)
    assert "Traceback" not in out + err
    return process.returncode, out, err


def wait_for(path):
    until = time.monotonic() + SECONDS
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert path.exists()


@pytest.mark.slow
def test_sigterm_is_passed_on_and_the_run_goes_on(tmp_path):
    folder = tmp_path / "run"
    command = [sys.executable, ROOT / "train.py", *SMALL, *DEVICES, f"hydra.run.dir={folder}"]
    process = start(*command, "trainer.max_epochs=4000")
    wait_for(folder / files.LAST)
    process.send_signal(signal.SIGTERM)
    status, _, err = finish(process)
    assert status == 143
    assert "stopped by SIGTERM after" in err and "resume=auto" in err
    process = start(*command, "trainer.max_epochs=4000", "resume=auto")
    line = next(line for line in process.stdout if "going on from" in line or "error" in line)
    assert f"going on from {folder / files.LAST}" in line
    process.send_signal(signal.SIGTERM)
    assert finish(process)[0] == 143


@pytest.mark.slow
def test_multirun_over_the_number_of_devices(tmp_path, undisturbed):
    command = [sys.executable, ROOT / "train.py", "-m", *SMALL, "model=transformer", EPOCHS]
    status, out, err = finish(start(*command, "trainer.devices=1,2", f"hydra.sweep.dir={tmp_path}"))
    assert status == 0, out + err
    metrics = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("*/metrics.json"))]
    assert [one["made_with"]["processes"] for one in metrics] == [1, 2]
    for one in metrics:
        assert_same(one, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("multirun", [False, True])
def test_torchrun(tmp_path, undisturbed, multirun):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    where = ["-m", "seed=0,1", f"hydra.sweep.dir={tmp_path}"] if multirun else [f"hydra.run.dir={tmp_path / '0'}"]
    status, out, err = finish(start(*torchrun, ROOT / "train.py", *where, *SMALL, *DEVICES, EPOCHS))
    assert status == 0, out + err
    assert out.count("epoch 100/100") == 1 + multirun  # the first process alone speaks
    assert_same(json.loads((tmp_path / "0" / "metrics.json").read_text()), undisturbed)
    assert (tmp_path / "1" / "metrics.json").exists() == multirun


@pytest.mark.slow
def test_torchrun_with_other_numbers_than_the_configuration(tmp_path):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    process = start(*torchrun, ROOT / "train.py", *SMALL, "model=transformer", f"hydra.run.dir={tmp_path / 'run'}")
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode
    assert "trainer.devices=1 on trainer.num_nodes=1 make 1 processes, and 2 were started" in err
    process = start(*torchrun, ROOT / "sweep.py", "sweep=quickstart", f"folder={tmp_path / 'sweep'}")
    _, err = process.communicate(timeout=SECONDS)
    assert "sweep.py was started 2 times, by torchrun or srun: start it once" in err
    assert list(tmp_path.iterdir()) == []


@needs_slurm
@pytest.mark.slow
def test_srun(tmp_path, undisturbed):
    srun = [shutil.which("srun"), "--nodes=1", "--ntasks-per-node=2", sys.executable, ROOT / "train.py"]
    process = start(*srun, *SMALL, *DEVICES, EPOCHS, f"hydra.run.dir={tmp_path / 'run'}")
    status, out, err = finish(process)
    assert status == 0, out + err
    assert_same(json.loads((tmp_path / "run" / "metrics.json").read_text()), undisturbed)


@pytest.mark.slow
def test_sweep_of_runs_on_two_devices_ended_and_begun_again(tmp_path):
    command = [sys.executable, ROOT / "sweep.py", "sweep=quickstart", f"folder={tmp_path}", *SMALL]
    command += ["trainer.devices=2", "workers=1", "trainer.max_epochs=30"]
    process = start(*command)
    until = time.monotonic() + SECONDS
    while not list(tmp_path.glob("attention-*/last.ckpt")) and time.monotonic() < until:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    status, out, err = finish(process)
    assert status == 143, out + err
    assert "stopped by SIGTERM; the same command goes on" in err
    status, out, err = finish(start(*command))
    assert status == 0, out + err
    assert "2 of 5 runs are finished already" in out
    assert len(pd.read_csv(tmp_path / "results.csv")) == 5
