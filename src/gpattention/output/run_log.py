"""The log file of a run, opened once the run folder may be written to, with all that was said before."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from logging.handlers import MemoryHandler
from pathlib import Path

from gpattention.output.secrets import RedactingFormatter


class LogFile(logging.FileHandler):
    """A log that a full disk cuts short: what else is written there then says so."""

    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)

    def close(self) -> None:
        with suppress(OSError):
            super().close()


@contextmanager
def quiet_terminal() -> Iterator[None]:
    """Nothing but errors on the terminal; the log files of runs hold all."""

    def is_error(record: logging.LogRecord) -> bool:
        return record.levelno >= logging.ERROR

    handlers = logging.getLogger().handlers
    for handler in handlers:
        handler.addFilter(is_error)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(is_error)


@contextmanager
def log_kept_for(path: Path) -> Iterator[Callable[[], None]]:
    """Keep what the program logs; the value yielded opens the file and writes it there, with all that follows."""
    package = logging.getLogger("gpattention")
    kept = MemoryHandler(capacity=10_000, flushLevel=logging.CRITICAL + 1, flushOnClose=False)
    package.addHandler(kept)
    package.setLevel(logging.INFO)

    def open_log() -> None:
        file = LogFile(path)
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
