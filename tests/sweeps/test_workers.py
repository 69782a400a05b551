import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import SMALL

from gpattention.config import check_config, compose_config
from gpattention.sweeps import workers
from gpattention.sweeps.workers import Workers, default_workers, shares_of_gpus, visible_gpus


def config(*overrides):
    return check_config(compose_config([*SMALL, *overrides]))


def outcomes(workers):
    ended = []
    while workers.running:
        ended += workers.wait(1)
    return {outcome.name: outcome for outcome in ended}


def test_killed_run_takes_nothing_with_it(tmp_path):
    killed = []

    def kill(name, epoch, n_epochs, score):
        if name == "long" and not killed:
            (process,) = [process for one, _, process in workers.running.values() if one == "long"]
            os.kill(process.pid, signal.SIGKILL)
            killed.append(epoch)
        return True

    with Workers(2, tmp_path, kill) as workers:
        workers.start("long", config("model=attention", "trainer.max_epochs=500"), tmp_path / "long")
        workers.start("short", config("model=transformer"), tmp_path / "short")
        ended = outcomes(workers)
    assert ended["long"].error.startswith("its process ended with signal SIGKILL")
    assert "attention: epoch" in ended["long"].error or "400" in ended["long"].error or "logs" in ended["long"].error
    assert ended["short"].metrics["n_epochs"] == 2
    assert (tmp_path / "short" / "metrics.json").exists()


def test_run_stops_on_request(tmp_path):
    seen = []

    def twice(name, epoch, n_epochs, score):
        seen.append((epoch, n_epochs))
        return epoch < 2

    with Workers(1, tmp_path, twice) as workers:
        workers.start("one", config("model=attention", "trainer.max_epochs=50"), tmp_path / "one")
        outcome = outcomes(workers)["one"]
    assert outcome.stopped
    assert seen == [(1, 50), (2, 50)]


def test_leaving_ends_the_runs(tmp_path):
    with Workers(1, tmp_path, lambda *_: True) as workers:
        workers.start("one", config("model=attention", "trainer.max_epochs=5000"), tmp_path / "one")
        ((_, _, process),) = workers.running.values()
    assert not process.is_alive()


SCRIPT = """
import sys
from pathlib import Path
from gpattention.config import check_config, compose_config
from gpattention.sweeps.workers import Workers
if __name__ == "__main__":
    with Workers(1, Path(sys.argv[1]), lambda *_: True) as workers:
        config = check_config(compose_config([*sys.argv[2:], "model=attention", "trainer.max_epochs=5000"]))
        workers.start("one", config, Path(sys.argv[1]) / "one")
        print(next(iter(workers.running.values()))[2].pid, flush=True)
        while True:
            workers.wait(1)
"""


def test_runs_end_with_the_process_that_started_them(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    starter = subprocess.Popen([sys.executable, script, tmp_path, *SMALL], stdout=subprocess.PIPE, text=True)
    pid = int(starter.stdout.readline())
    deadline = time.monotonic() + 60
    while not (tmp_path / "one" / "metrics.csv").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert alive(pid)
    starter.kill()
    starter.communicate()
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not alive(pid)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(("chosen", "names"), [("0,3", ["0", "3"]), ("", []), ("GPU-ab", ["GPU-ab"])])
def test_gpus_are_those_that_may_be_seen(chosen, names, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    assert visible_gpus() == names


@pytest.mark.parametrize(
    ("n_devices", "shares", "n_workers"),
    [
        (1, ["0", "1", "2", "3", "4"], 5),
        (2, ["0,1", "2,3"], 2),
        (3, ["0,1,2"], 1),
        (8, ["0,1,2,3,4"], 1),  # the run itself then says that these are too few
    ],
)
def test_runs_side_by_side_have_gpus_of_their_own(n_devices, shares, n_workers, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3,4")
    assert shares_of_gpus(n_devices) == shares
    assert default_workers(n_devices) == n_workers


def test_runs_without_gpus_share_the_cores(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(workers, "n_cores", lambda: 4)
    assert [default_workers(n) for n in (1, 2, 3, 9)] == [4, 2, 1, 1]
