"""How a run takes its folder: alone, and what it replaces is kept until it is complete."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from gpattention.errors import InputError
from gpattention.run_folder.files import ALL, FOLDERS, LAST, METRICS, is_complete, is_unfinished

log = logging.getLogger(__name__)

LOCK = ".lock"
SET_ASIDE = ".replaced"  # a complete run while another takes its place


def refuse_complete(folder: Path) -> None:
    if is_complete(folder):
        raise InputError(
            f"{folder} holds a complete run: set overwrite=true to replace it, or give another hydra.run.dir "
            "(in a multirun hydra.sweep.dir)"
        )


def refuse_unfinished(folder: Path) -> None:
    if is_unfinished(folder):
        raise InputError(
            f"{folder} holds an unfinished run: set resume=auto to go on with it, overwrite=true to replace it, or give another "
            "hydra.run.dir"
        )


@contextmanager
def new_run(folder: Path, keep: tuple[str, ...] = ()) -> Iterator[None]:
    """Clear the folder for a run. A complete run in it is set aside until the new one is.

    Where the new one fails before it has a state to go on from, the old one is put back at once; else both stay, for the next
    command to go on (`resume=auto`) or to put the old one back.

    Args:
        keep: files and folders of an unfinished run that stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder):
        if is_complete(folder):
            aside = folder / SET_ASIDE
            aside.mkdir()
            for name in (*FOLDERS, *ALL):  # the metrics last: with them all of it is there
                if (folder / name).exists():
                    (folder / name).rename(aside / name)
        else:
            remove_run(folder, keep)
        try:
            yield
        except BaseException:
            if not (folder / LAST).is_file():
                put_back_held(folder)
            elif (folder / SET_ASIDE).is_dir():
                log.warning(
                    "the complete run that this one was to replace is kept in %s: resume=auto goes on with this one, and any other "
                    "command to fit a run here puts the old one back first",
                    folder / SET_ASIDE,
                )
            raise
        discard_aside(folder)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """The folder of a run, for this process alone."""
    try:
        with FileLock(folder / LOCK, timeout=0):
            try:
                yield
            finally:
                (folder / LOCK).unlink(missing_ok=True)
    except Timeout as error:
        raise InputError(f"another process is at the run in {folder}: wait for it, or give another folder") from error


def put_back(folder: Path) -> None:
    """Put back a complete run that was set aside for one that was killed."""
    if (folder / SET_ASIDE).is_dir():
        with held(folder):
            put_back_held(folder)


def put_back_held(folder: Path) -> None:
    """Put back a complete run that was set aside for one that failed or was killed.

    May itself be killed at any moment and called again: the metrics are the last to be set aside and the first to come
    back, so where they are not set aside, whatever is there belongs to the folder.
    """
    aside = folder / SET_ASIDE
    if not aside.is_dir():
        return
    if (aside / METRICS).exists():
        if is_complete(folder):
            discard_aside(folder)
            return
        remove_run(folder)
        (aside / METRICS).rename(folder / METRICS)
    for path in aside.iterdir():
        path.rename(folder / path.name)
    aside.rmdir()


def discard_aside(folder: Path) -> None:
    """Remove the run set aside, first by its name, so that half of it is never taken for one to put back."""
    discarded = folder / f"{SET_ASIDE}.discarded"
    shutil.rmtree(discarded, ignore_errors=True)
    if (folder / SET_ASIDE).exists():
        (folder / SET_ASIDE).rename(discarded)
        shutil.rmtree(discarded)


def remove_run(folder: Path, keep: tuple[str, ...] = ()) -> None:
    """Remove what a run left in a folder but for some files, and nothing else."""
    for name in reversed(ALL):
        if name not in keep:
            (folder / name).unlink(missing_ok=True)
    for path in folder.glob("*.tmp"):  # of a process that was killed while it wrote
        path.unlink(missing_ok=True)
    for name in FOLDERS:
        if name not in keep:
            shutil.rmtree(folder / name, ignore_errors=True)
