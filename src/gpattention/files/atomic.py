"""Files that are whole or not there, whatever happens while they are written."""

import json
import os
from pathlib import Path
from typing import Any


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write under another name, then rename, so that the file is whole or not there."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error  # a full disk names no file
    temporary.replace(path)


def write_json(path: Path, content: Any) -> None:
    write_text(path, to_json(content))


def to_json(content: Any) -> str:
    return json.dumps(content, indent=2, allow_nan=False) + "\n"
