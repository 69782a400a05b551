"""Runs on several devices of this machine: a process for each, under torch's own launcher, from the resolved configuration.

Neither Hydra nor Lightning starts processes: what is started reads the configuration from a file and knows of no command
line, so that a job of a multirun is no other than a single run.
"""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch

from gpattention.errors import InputError, Preempted, RunLost
from gpattention.output.exits import ending
from gpattention.output.progress import progress_bar
from gpattention.ranks import n_started
from gpattention.run_folder import files
from gpattention.training.trainer import refuse_missing_devices

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 0.25
SECONDS_TO_END = 40  # torch's launcher gives its processes 30 after a SIGTERM


class Channel(NamedTuple):
    """The files by which the processes of a run and the one that started them speak to one another."""

    folder: Path

    @property
    def job(self) -> Path:
        """What to run, and for whom."""
        return self.folder / "job.json"

    @property
    def epochs(self) -> Path:
        """A line from the first process for every epoch."""
        return self.folder / "epochs.jsonl"

    @property
    def printed(self) -> Path:
        """What the launcher and libraries print as errors."""
        return self.folder / "printed.log"

    def error(self, rank: int) -> Path:
        """How a process failed."""
        return self.folder / f"error-{rank}.json"


def is_needed(trainer: Mapping[str, Any]) -> bool:
    """Whether a run has several devices and no processes have been started for them."""
    return trainer["devices"] * trainer["num_nodes"] > 1 and n_started() == 1


def run_on_devices(
    config: dict[str, Any],
    folder: Path,
    on_epoch: Callable[[int, int, float], None] | None,
    overrides: list[str] | None,
) -> dict[str, Any]:
    """Make a run in processes of its own; returns its metrics.

    Raises:
        InputError, Preempted: as the processes raised them.
        RuntimeError: a process ended by a fault or a signal; the others were ended too.
    """
    n = config["trainer"]["devices"]
    if config["trainer"]["num_nodes"] > 1:
        raise InputError(
            f"trainer.num_nodes={config['trainer']['num_nodes']}: processes on several machines are started by torchrun or srun, "
            "as docs/clusters.md shows; on this machine alone leave it at 1"
        )
    refuse_missing_devices(config["trainer"]["accelerator"], n, 1)
    with tempfile.TemporaryDirectory(prefix="gpattention-") as directory:
        channel = Channel(Path(directory))
        job = {"config": config, "folder": str(folder.absolute()), "overrides": overrides, "parent": os.getpid()}
        channel.job.write_text(json.dumps(job))
        channel.epochs.touch()
        log.info("%d processes share the run", n)
        asked_to_end = threading.Event()
        with started(channel, n, asked_to_end) as process:
            follow(process, channel, config["monitor"], on_epoch)
        if process.returncode:
            error = explain(channel, n, folder)
            raise (
                Preempted("stopped by SIGTERM before the first epoch")
                if asked_to_end.is_set() and isinstance(error, RunLost)
                else error
            )
    return files.read_metrics(folder)


@contextmanager
def started(channel: Channel, n: int, asked_to_end: threading.Event) -> Iterator[subprocess.Popen]:
    """The launcher with its processes; whatever happens they are ended with it, and a SIGTERM is passed on to them."""

    def pass_on(*_: Any) -> None:
        asked_to_end.set()
        process.terminate()

    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={n}"]
    environment = (
        {"OMP_NUM_THREADS": str(max(1, torch.get_num_threads() // n))} | os.environ | {"PYTHONUNBUFFERED": "1"}
    )
    with channel.printed.open("w") as printed:
        process = subprocess.Popen(
            [*command, "-m", "gpattention.runs.rank_worker", str(channel.folder)],
            stderr=printed,
            env=environment,
            start_new_session=True,  # Ctrl-C is for this process, which ends the others
        )
    in_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, pass_on) if in_main else None
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if in_main:
            signal.signal(signal.SIGTERM, before)


def follow(
    process: subprocess.Popen, channel: Channel, monitor: str, on_epoch: Callable[[int, int, float], None] | None
) -> None:
    """Show and tell of the epochs until the processes have ended."""
    with channel.epochs.open() as epochs, progress_bar() as bar:
        task = bar.add_task("epochs", total=None, note="")
        ended = False
        while True:
            for line in iter(epochs.readline, ""):
                epoch, n_epochs, score = json.loads(line)
                bar.update(task, completed=epoch, total=n_epochs, note=f"{monitor} {score:.4f}")
                if on_epoch is not None:
                    on_epoch(epoch, n_epochs, score)
            if ended:
                return
            ended = process.poll() is not None
            if not ended:
                time.sleep(SECONDS_BETWEEN_LOOKS)


def lost(printed: str, said: Mapping[int, Any], n: int) -> str:
    """Which process ended without a word, by what the launcher printed of it, else by who said nothing."""
    table = re.findall(r"\(local_rank: (\d+)\)\s+exitcode\s+: (-\d+)", printed)
    for rank, status in table:
        if int(status) != -signal.SIGTERM:  # that is how the launcher ends the others
            return f"process {rank} of {n} ended with {ending(int(status))}"
    silent = [str(rank) for rank in range(n) if rank not in said]
    return f"process {' or '.join(silent)} of {n} was killed or lost"


def explain(channel: Channel, n: int, folder: Path) -> BaseException:
    """Why the processes failed, from what they left."""
    said = {rank: json.loads(channel.error(rank).read_text()) for rank in range(n) if channel.error(rank).is_file()}
    for kind, error in (("input", InputError), ("preempted", Preempted)):
        for one in said.values():
            if one["kind"] == kind:
                return error(one["text"])
    printed = channel.printed.read_text()
    if folder.is_dir():
        (folder / files.RANKS_LOG).write_text(printed)
    faults = [f"process {rank}: {one['text']}" for rank, one in said.items() if one["kind"] == "fault"]
    what = "; ".join(faults) or f"{lost(printed, said, n)}, and the others were ended"
    cure = "resume=auto goes on after the last epoch" if (folder / files.LAST).is_file() else "start it again"
    return RunLost(f"{what}; {cure}; what they printed: {folder / files.RANKS_LOG}")
