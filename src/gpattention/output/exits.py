"""How the program ends: with a message and a status."""

import os
import signal
import sys
import time
from typing import NoReturn

# Of processes that torchrun has started all may find the same fault: the first says it, and the others are then ended.
SECONDS_FOR_FIRST = 5


def stop(message: str, status: int = 2) -> NoReturn:
    end(f"error: {message}", status)


def end(message: str, status: int) -> NoReturn:
    if os.environ.get("RANK", "0") != "0":
        time.sleep(SECONDS_FOR_FIRST)
    print(message, file=sys.stderr)
    sys.exit(status)


def ending(exit_code: int | None) -> str:
    return f"signal {signal.Signals(-exit_code).name}" if exit_code and exit_code < 0 else f"status {exit_code}"
