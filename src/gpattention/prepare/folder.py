"""The folder of a prepared data set: made under another name, and there only once it is whole."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from gpattention.data.prepared_files import MANIFEST
from gpattention.errors import InputError
from gpattention.files.full_disk import full_disk_told

PARTIAL, REPLACED = ".partial", ".replaced"


def refuse_taken(folder: Path, overwrite: bool) -> None:
    """Raise an InputError unless a data set may be written to this folder."""
    if (folder / MANIFEST).is_file():
        if not overwrite:
            raise InputError(
                f"{folder} holds a prepared data set: set overwrite=true to replace it, or give another folder"
            )
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there and holds something else than a prepared data set: give another folder")


@contextmanager
def new_folder(folder: Path, overwrite: bool) -> Iterator[Path]:
    """A folder to fill, which takes the name `folder` at the end. What an interrupted attempt left is removed first.

    Raises:
        InputError: the folder is taken, another process is at it, or the disk is full.
    """
    put_back(folder)
    refuse_taken(folder, overwrite)
    partial = folder.with_name(folder.name + PARTIAL)
    cure = "make room, about twice what the genotypes take, or give a folder on another disk"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with full_disk_told(folder, cure), FileLock(f"{partial}.lock", timeout=0) as lock:
            try:
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir()
                yield partial
                refuse_taken(folder, overwrite)
                take_place(partial, folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
                Path(lock.lock_file).unlink(missing_ok=True)
    except Timeout as error:
        raise InputError(f"another process is preparing {folder}: wait for it, or give another folder") from error


def put_back(folder: Path) -> None:
    """Give a data set back its name, where a process was killed between taking it away and putting another in its place."""
    replaced = folder.with_name(folder.name + REPLACED)
    if replaced.exists() and not folder.exists():
        replaced.rename(folder)


def take_place(partial: Path, folder: Path) -> None:
    replaced = folder.with_name(folder.name + REPLACED)
    shutil.rmtree(replaced, ignore_errors=True)
    if folder.exists():
        folder.rename(replaced)
    partial.rename(folder)
    shutil.rmtree(replaced, ignore_errors=True)
