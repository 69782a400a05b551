"""Prepared arrays that several runs share: made once, kept by what they were made from, safe between processes."""

import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray
from platformdirs import user_cache_path

from gpattention.errors import InputError
from gpattention.files.untrusted import UNREADABLE

log = logging.getLogger(__name__)

FORMAT = 1  # raise it when what is prepared changes
FOLDER, LIMIT = "GPATTENTION_CACHE", "GPATTENTION_CACHE_GB"
DEFAULT_LIMIT = 20.0
BLOCK_BYTES = 2**27  # read at once for a digest

Arrays = dict[str, NDArray]


def prepared(kind: str, made_from: Mapping[str, Any], make: Callable[[], Arrays]) -> Arrays:
    """What `make` gives, or gave earlier for the same `made_from`.

    A second process that asks meanwhile waits for the first. An entry that cannot be read is made anew. When the cache
    outgrows its limit, what was not used for longest goes.

    Args:
        made_from: plain values, everything that the arrays depend on.
    """
    key = hashlib.sha256(json.dumps([FORMAT, kind, made_from], sort_keys=True).encode()).hexdigest()
    limit = cache_limit()
    if not limit:
        return make()
    entry = cache_folder() / f"{kind}-{key}.npz"
    lock = FileLock(cache_folder() / "locks" / f"{key}.lock")
    try:
        (cache_folder() / "locks").mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (OSError, NotImplementedError) as error:  # a home that cannot be written, a file system without locks
        log.info("prepared data are not kept: %s", error)
        return make()
    try:
        if (found := read(entry)) is not None:
            return found
        made = make()
        keep(entry, made, limit)
        return made
    finally:
        lock.release()


def read(entry: Path) -> Arrays | None:
    """The arrays of an entry that is there and whole."""
    try:
        with entry.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = dict(arrays)
        os.utime(entry)
        return found
    except FileNotFoundError:
        return None
    except UNREADABLE:
        log.info("%s cannot be read and is made anew", entry)
        return None


def keep(entry: Path, made: Arrays, limit: float) -> None:
    temporary = entry.with_name(f"{entry.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **made)  # type: ignore[arg-type]
        temporary.replace(entry)
        forget_oldest(entry.parent, limit)
    except OSError as error:  # a full disk: the run needs the arrays, not the cache
        temporary.unlink(missing_ok=True)
        log.info("prepared data are not kept: %s", error)


def digest(array: NDArray, rows: NDArray[np.int64] | None = None) -> str:
    """SHA-256 of the content of an array, or of the rows given of it, for `made_from`; read in blocks."""
    n = len(array) if rows is None else len(rows)
    at_once = max(1, BLOCK_BYTES * n // max(array.nbytes, 1))
    content = hashlib.sha256()
    for start in range(0, n, at_once):
        block = slice(start, start + at_once)
        content.update(np.ascontiguousarray(array[block] if rows is None else array[rows[block]]).data)
    shape = (n, *array.shape[1:])
    return hashlib.sha256(f"{array.dtype}{shape}".encode() + content.digest()).hexdigest()


def cache_folder() -> Path:
    return Path(os.environ.get(FOLDER) or user_cache_path("gpattention"))


def cache_limit() -> float:
    """Largest size in bytes; 0 keeps nothing."""
    text = os.environ.get(LIMIT, "") or str(DEFAULT_LIMIT)
    try:
        limit = float(text)
    except ValueError:
        limit = -1
    if not 0 <= limit < float("inf"):
        raise InputError(f"{LIMIT}={text}: give a number of gigabytes from 0 on")
    return limit * 1e9


def forget_oldest(folder: Path, limit: float) -> None:
    """Remove entries until the others fit, those not used for longest first, and what killed processes left."""
    entries = sorted(
        ((path.stat().st_mtime, path.stat().st_size, path) for path in folder.glob("*.npz*")), reverse=True
    )
    total = 0
    for _, size, path in entries:
        total += size
        if total > limit:
            path.unlink(missing_ok=True)


def describe() -> str:
    entries = list(cache_folder().glob("*.npz*"))
    gigabytes = sum(path.stat().st_size for path in entries) / 1e9
    return f"{cache_folder()}: {len(entries)} entries, {gigabytes:.2f} GB of at most {cache_limit() / 1e9:g}"


def clear() -> int:
    """Remove all entries; how many there were."""
    entries = list(cache_folder().glob("*.npz*"))
    for path in entries:
        path.unlink(missing_ok=True)
    return len(entries)
