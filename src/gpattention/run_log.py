"""The log file of a run, opened once the run folder may be written to, with all that was said before."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging.handlers import MemoryHandler
from pathlib import Path

from gpattention.secrets import RedactingFormatter


@contextmanager
def log_kept_for(path: Path) -> Iterator[Callable[[], None]]:
    """Keep what the program logs; the value yielded opens the file and writes it there, with all that follows."""
    package = logging.getLogger("gpattention")
    kept = MemoryHandler(capacity=10_000, flushLevel=logging.CRITICAL + 1, flushOnClose=False)
    package.addHandler(kept)
    package.setLevel(logging.INFO)

    def open_log() -> None:
        file = logging.FileHandler(path)
        file.setFormatter(RedactingFormatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S"))
        kept.setTarget(file)
        kept.flush()
        kept.capacity = 1

    try:
        yield open_log
    finally:
        package.removeHandler(kept)
        if kept.target is not None:
            kept.flush()
            kept.target.close()
        kept.close()
