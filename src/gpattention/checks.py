"""What every part of the program refuses in the same words: unknown names, repeated names, values of the wrong type."""

import difflib
import inspect
import math
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from gpattention.errors import InputError


def refuse_repeats(names: Sequence[str], what: str) -> None:
    """Raise an InputError if a name occurs twice."""
    if len(set(names)) == len(names):
        return
    first: dict[str, int] = {}
    again = [(name, number) for number, name in enumerate(names, 1) if first.setdefault(name, number) != number]
    name, number = again[0]
    raise InputError(
        f"{what} {name_some([name for name, _ in again])} occurs more than once ({name} is number {first[name]} and "
        f"{number}): names must be unique"
    )


def name_some(names: Sequence[str], most: int = 5) -> str:
    """The first names of a list and how many more there are."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def check_node(place: str, node: Mapping[str, Any], *functions: Any, given: Iterable[str] = ()) -> None:
    """Compare the keys and values of a node of the configuration with the arguments of the functions that it is for.

    Args:
        place: where the node stands, for the messages.
        given: arguments that the program itself gives, so that a configuration cannot.
    """
    hints: dict[str, Any] = {}
    needed: set[str] = set()
    for function in functions:
        hints |= get_type_hints(function)
        parameters = inspect.signature(function).parameters.values()
        needed |= {p.name for p in parameters if p.default is p.empty and p.name != "self"}
    known = set(hints) - {"return", *given}
    refuse_unknown(place, node, known | {"_target_"})
    dot = f"{place}." if place else ""
    for name in sorted(needed & known - set(node)):
        raise InputError(f"{dot}{name} is not given: set {dot}{name}=VALUE")
    for key, value in node.items():
        if key != "_target_":
            check_type(f"{dot}{key}", value, hints[key])


def check_type(name: str, value: Any, hint: Any) -> None:
    """Raise an InputError unless a value has the type and all its numbers are finite."""
    try:
        TypeAdapter(hint, config=ConfigDict(strict=True)).validate_python(value)
    except ValidationError as error:
        wanted = " or ".join(dict.fromkeys(line["msg"].removeprefix("Input should be ") for line in error.errors()))
        raise InputError(f"{name}={value}: give {wanted}") from error
    numbers = value if isinstance(value, list) else [value]
    if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
        raise InputError(f"{name}={value}: give a finite number")


def refuse_unknown(place: str, node: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raise an InputError that names the first unknown key of a node and what may have been meant."""
    known = set(known)
    for key in node:
        if key not in known:
            name = f"{place}.{key}" if place else key
            raise InputError(f"unknown key {name}: {suggest(key, known - {'_target_'}, place)}")


def suggest(key: str, known: Iterable[str], place: str = "") -> str:
    """Near misses of a key, or all keys where there are none; a place of several words is no part of the key."""
    dot = f"{place}." if place and " " not in place else ""
    near = difflib.get_close_matches(key, sorted(known), n=3)
    if near:
        return f"did you mean {' or '.join(dot + name for name in near)}?"
    return f"{place or 'the configuration'} has {', '.join(sorted(known))}"


def is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        return False
