"""Keys and passwords stay in the environment: never in a configuration, and so in no run folder, log, checkpoint or message."""

import logging
import os
import re
from typing import Any

from gpattention.errors import InputError

NAMES = re.compile(r"(API_?KEY|TOKEN|PASSWORD|SECRET)", re.IGNORECASE)
SHORTEST = 8  # characters; shorter values are words that may stand anywhere
GIVEN = re.compile(
    r"((?:api_?key|(?:auth|access|tracking|wandb)_?token|password|secret)\w*(?:=|:\s*(?=[^\s,}\]]{16})))[^\s,}\]]+",
    re.IGNORECASE,
)
IN_URL = re.compile(r"(\w://)[^/\s:@]+:[^/\s@]+@")
HIDDEN = "***"


def secrets() -> dict[str, str]:
    """The values of environment variables whose names say that they are secret."""
    return {name: value for name, value in os.environ.items() if NAMES.search(name) and len(value) >= SHORTEST}


def refuse_secrets(place: str, value: Any) -> None:
    """Raise an InputError where a configuration holds a secret of the environment, or an address with a password."""
    if isinstance(value, dict):
        for key, inner in value.items():
            refuse_secrets(f"{place}.{key}" if place else str(key), inner)
    elif isinstance(value, list):
        for inner in value:
            refuse_secrets(place, inner)
    elif isinstance(value, str):
        for name, secret in secrets().items():
            if secret in value:
                raise InputError(
                    f"{place} holds the value of {name}, which would be written into the run folder: leave it in the environment"
                )
        if IN_URL.search(value):
            raise InputError(
                f"{place}={redact(value)} holds a password, which would be written into the run folder: put it into the environment, "
                "such as MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            )


def refuse_secret_arguments(arguments: list[str]) -> None:
    """Raise an InputError for a key or password on a command line, before anything repeats or keeps that line."""
    for argument in arguments:
        if redact(argument) != argument:
            raise InputError(
                f"{redact(argument)}: a key or password on the command line would be written into logs and run folders: leave it "
                "in the environment, such as WANDB_API_KEY"
            )


def redact(text: str) -> str:
    """The text without secrets of the environment, values that are given as keys or passwords, and passwords in addresses."""
    for secret in secrets().values():
        text = text.replace(secret, HIDDEN)
    return IN_URL.sub(rf"\1{HIDDEN}@", GIVEN.sub(rf"\1{HIDDEN}", text))


class RedactingFormatter(logging.Formatter):
    """Lines of a log without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))
