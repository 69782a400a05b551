"""The runs of a sweep that are missing, made: in processes of this machine or by a launcher."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gpattention.run_folder import files
from gpattention.runs.folder import put_back
from gpattention.sweeps import clusters
from gpattention.sweeps.live_table import Board
from gpattention.sweeps.planned_runs import Planned
from gpattention.sweeps.workers import Outcome, Workers, default_workers

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 0.25


def make(
    planned: list[Planned],
    folder: Path,
    n_workers: int | None,
    launcher: str | None,
    launcher_settings: tuple[str, ...],
) -> list[Outcome]:
    """Make the runs that are missing, here or by a launcher; what failed of them."""
    distinct = list({one.name: one for one in planned}.values())
    missing = [one for one in distinct if one.config["overwrite"] or not is_finished(one)]
    if len(missing) < len(distinct):
        log.info("%d of %d runs are finished already", len(distinct) - len(missing), len(distinct))
    if not missing:
        return []
    if launcher is not None:
        return make_elsewhere(missing, folder, launcher, launcher_settings)
    return make_here(missing, folder, n_workers)


def is_finished(one: Planned) -> bool:
    put_back(one.folder)
    return files.is_complete(one.folder)


def make_here(missing: list[Planned], folder: Path, n_workers: int | None) -> list[Outcome]:
    """The runs in processes of this machine, one that starts from another after it."""
    n_devices = max(one.config["trainer"]["devices"] for one in missing)
    n_workers = min(n_workers or default_workers(n_devices), len(missing))
    waiting, failed, lost = list(missing), [], set[str]()
    unmade = {one.name for one in missing}

    def next_run() -> Planned | None:
        """One that starts from none that is still to be made; those that start from one that was lost have failed."""
        for one in list(waiting):
            if one.source in lost:
                waiting.remove(one)
                failed.append(Outcome(one.name, error=f"{one.source}, which it starts from, has failed"))
            elif one.source not in unmade:
                waiting.remove(one)
                return one
        return None

    def ended(outcome: Outcome) -> None:
        if outcome.error is None:
            unmade.discard(outcome.name)
        else:
            lost.add(outcome.name)
            failed.append(outcome)

    with Board(len(missing)) as board:

        def on_epoch(name: str, epoch: int, n_epochs: int, score: float) -> bool:
            board.epoch(name, epoch, n_epochs, score)
            return True

        with Workers(n_workers, folder, on_epoch, n_devices) as workers:
            work_through(workers, board, next_run, ended)
    return failed


def work_through(
    workers: Workers, board: Board, next_run: Callable[[], Any | None], ended: Callable[[Outcome], None]
) -> None:
    """Start what `next_run` gives while there is room, and tell of every run that ends, until nothing is left.

    Args:
        next_run: gives a run with its `name`, `config`, `folder` and `overrides`, or None where there is none for now.
        ended: told of every run that has ended, before `next_run` is asked again.
    """
    while True:
        while workers.free and (one := next_run()) is not None:
            workers.start(one.name, one.config, one.folder, one.overrides)
            board.started(one.name)
        if not workers.running:
            return
        for outcome in workers.wait(SECONDS_BETWEEN_LOOKS):
            board.ended(outcome)
            ended(outcome)


def make_elsewhere(missing: list[Planned], folder: Path, launcher: str, settings: tuple[str, ...]) -> list[Outcome]:
    """The runs by one of Hydra's launchers, those that start from others after them."""
    names = {one.name for one in missing}
    before = {one.name: when_complete(one.folder) for one in missing}
    errors: dict[str, str] = {}
    for stage in (
        [one for one in missing if one.source not in names],
        [one for one in missing if one.source in names],
    ):
        if stage:
            log.info("%d runs go to %s", len(stage), launcher)
            jobs = [(one.name, [*one.overrides, "resume=auto"]) for one in stage]
            errors |= clusters.launch(launcher, settings, folder, jobs)
    return [
        Outcome(one.name, error=errors.get(one.name, f"it left no {files.METRICS}"))
        for one in missing
        if when_complete(one.folder) in (None, before[one.name])
    ]


def when_complete(folder: Path) -> int | None:
    """When the run in a folder was completed, or None if it is not."""
    return (folder / files.METRICS).stat().st_mtime_ns if files.is_complete(folder) else None
