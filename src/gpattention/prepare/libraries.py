"""Readers that are installed with `pip install 'gpattention[files]'`."""

from importlib import import_module
from types import ModuleType

from gpattention.errors import InputError


def needed(module: str, purpose: str) -> ModuleType:
    """A library, or an InputError that says how to install it."""
    try:
        return import_module(module)
    except ImportError as error:
        raise InputError(f"{purpose} needs {module}: pip install 'gpattention[files]'") from error
