"""Runs in processes of their own, some at a time, each with its GPUs or its share of the processor's cores.

A run that is killed or fails takes nothing with it, and runs end when the process that started them ends. Processes are
forked from a server that has loaded the program once, so that a further run starts at once.
"""

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from gpattention.output.exits import ending

LAST_LINES = 8
SECONDS_TO_END = 45  # a run on several devices gives its own processes 40
LOGS = "logs"
METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
PROCESSES: Any = multiprocessing.get_context(METHOD)


class Outcome(NamedTuple):
    """How a run ended: with its metrics, stopped on request, or failed with a message."""

    name: str
    metrics: dict[str, Any] | None = None
    error: str | None = None

    @property
    def stopped(self) -> bool:
        return self.metrics is None and self.error is None


class Stopped(Exception):
    """Raised inside a run that is asked to end."""


def load_ahead() -> None:
    """Start to load the program in the server, while this process does so itself."""
    if METHOD == "forkserver":
        PROCESSES.set_forkserver_preload(["gpattention.runs.run"])
        forkserver.ensure_running()


class Workers:
    """At most `n` runs at a time.

    Args:
        n: processes.
        folder: what a run prints goes to `logs/NAME.log` in it, and stays there where the run fails.
        on_epoch: told of every epoch of every run: its name, the epoch, how many there will be, the score. False ends it.
        n_devices: of each run.
    """

    def __init__(
        self, n: int, folder: Path, on_epoch: Callable[[str, int, int, float], bool], n_devices: int = 1
    ) -> None:
        self.folder, self.on_epoch = folder / LOGS, on_epoch
        self.free = list(range(n))[::-1]
        self.gpus = shares_of_gpus(n_devices)
        self.n_threads = max(1, n_cores() // n)
        self.running: dict[Connection, tuple[str, int, BaseProcess]] = {}

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_: object) -> None:
        processes = [process for _, _, process in self.running.values()]
        for process in processes:
            process.terminate()
        until = time.monotonic() + SECONDS_TO_END
        for process in processes:
            process.join(max(0.0, until - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()

    def start(self, name: str, config: dict[str, Any], folder: Path, overrides: list[str] | None = None) -> None:
        """Begin a run; there must be a free place."""
        self.folder.mkdir(parents=True, exist_ok=True)
        place = self.free.pop()
        gpus = self.gpus[place % len(self.gpus)] if self.gpus else None
        ours, theirs = PROCESSES.Pipe()
        arguments = (config, str(folder), overrides, str(self.printed(name)), gpus, self.n_threads, theirs)
        process = PROCESSES.Process(target=work, args=arguments, name=name)
        process.start()
        theirs.close()
        self.running[ours] = (name, place, process)

    def wait(self, seconds: float) -> list[Outcome]:
        """The runs that ended, after at most so many seconds."""
        ended = []
        for connection in wait(list(self.running), seconds):
            assert isinstance(connection, Connection)
            name, place, process = self.running[connection]
            try:
                kind, *content = connection.recv()
            except (EOFError, OSError):
                process.join()
                kind, content = "failed", [f"its process ended with {ending(process.exitcode)}"]
            if kind == "epoch":
                answer(connection, self.on_epoch(name, *content))
                continue
            process.join()
            connection.close()
            del self.running[connection]
            self.free.append(place)
            if kind == "failed":
                ended.append(Outcome(name, error=self.explain(name, content[0])))
                continue
            self.printed(name).unlink(missing_ok=True)
            ended.append(Outcome(name, *content))
        return ended

    def printed(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def explain(self, name: str, message: str) -> str:
        path = self.printed(name)
        lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
        last = "".join(f"\n    {line}" for line in lines[-LAST_LINES:])
        return f"{message}{last}\n    all of it: {path}" if lines else message


def answer(connection: Connection, go_on: bool) -> None:
    with suppress(OSError):  # it ended meanwhile, which the next wait finds
        connection.send(go_on)


def work(
    config: dict[str, Any],
    folder: str,
    overrides: list[str] | None,
    printed: str,
    gpus: str | None,
    n_threads: int,
    pipe: Connection,
) -> None:
    """One run, in a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started it, which ends this one
    threading.Thread(target=end_with_parent, daemon=True).start()
    with Path(printed).open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    if gpus is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus  # read when a GPU is first used

    import torch
    from omegaconf import OmegaConf
    from threadpoolctl import threadpool_limits

    from gpattention.errors import InputError
    from gpattention.runs.run import run

    torch.set_num_threads(n_threads)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stdout)

    def on_epoch(epoch: int, n_epochs: int, score: float) -> None:
        pipe.send(("epoch", epoch, n_epochs, score))
        if not pipe.recv():
            raise Stopped

    try:
        with threadpool_limits(n_threads):
            metrics = run(OmegaConf.create(config), Path(folder), on_epoch, overrides)
        pipe.send(("done", metrics))
    except Stopped:
        pipe.send(("stopped", None))
    except InputError as error:
        pipe.send(("failed", str(error)))
    except Exception as error:
        traceback.print_exc()
        pipe.send(("failed", f"{type(error).__name__}: {error}"))
    sys.stdout.flush()
    sys.stderr.flush()


def end_with_parent() -> None:
    """End this process at once when the one that started it is gone."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def visible_gpus() -> list[str]:
    """Names of the GPUs that runs may use, without taking hold of one."""
    import torch

    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name for name in chosen.split(",") if name]
    return [str(number) for number in range(torch.cuda.device_count())]


def shares_of_gpus(n_devices: int) -> list[str]:
    """The GPUs of each run, as CUDA_VISIBLE_DEVICES names them; all of them to each where a run asks for more."""
    gpus = visible_gpus()
    starts = range(0, max(len(gpus) - n_devices, 0) + 1, n_devices) if gpus else ()
    return [",".join(gpus[start : start + n_devices]) for start in starts]


def default_workers(n_devices: int) -> int:
    """One for as many GPUs as a run takes; without one, for as many cores up to four, as each run holds its data in memory."""
    return len(shares_of_gpus(n_devices)) or max(1, min(n_cores(), 4) // n_devices)


def n_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
