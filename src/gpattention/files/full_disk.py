"""A disk that fills up, said in words."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gpattention.errors import InputError


@contextmanager
def full_disk_told(folder: Path, cure: str) -> Iterator[None]:
    """Turn the error of a full disk, or of a quota, into an InputError that names the folder, the file and the cure."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        free = shutil.disk_usage(there).free / 2**20
        at = f" at {error.filename}" if error.filename else ""
        raise InputError(f"the disk of {folder} is full{at} ({free:,.1f} MiB free now): {cure}") from error
