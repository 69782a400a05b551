"""SHA-256 of files, and of what a finished run holds, so that a change to any of it is noticed; `sha256sum --check checksums.txt` reads it too."""

import hashlib
from functools import lru_cache
from pathlib import Path

from gpattention.errors import InputError
from gpattention.files.untrusted import refuse_missing_file

CHECKSUMS = "checksums.txt"
LARGEST = 2**20


def checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content."""
    refuse_missing_file(path)
    status = path.stat()
    return digest_of(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=256)
def digest_of(path: Path, _modified: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def list_checksums(folder: Path, names: tuple[str, ...], planned: dict[str, str]) -> str:
    """The lines for those of the files that are there, and for text that is about to be written."""
    sums = {name: checksum((folder / name).read_bytes()) for name in names if (folder / name).is_file()}
    sums |= {name: checksum(text.encode()) for name, text in planned.items()}
    return "".join(f"{digest}  {name}\n" for name, digest in sums.items())


def refuse_changed(folder: Path, *names: str) -> None:
    """Raise an InputError where a file is no longer what the run wrote. A folder without checksums is not checked."""
    path = folder / CHECKSUMS
    if not path.is_file():
        return
    if path.stat().st_size > LARGEST:
        raise InputError(f"{path} is no list of checksums: remove it, or fit the run again with overwrite=true")
    lines = path.read_text(errors="replace").splitlines()
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    for name in names:
        if (folder / name).is_file() and sums.get(name) != checksum((folder / name).read_bytes()):
            raise InputError(
                f"{folder / name} is not what the run wrote ({CHECKSUMS} has another checksum of it): restore it from a copy, or "
                "fit the run again with overwrite=true"
            )
