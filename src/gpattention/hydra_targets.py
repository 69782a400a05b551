"""Where the files of the configuration are, and what a `_target_` in them may name: classes and functions of the right kind."""

from collections.abc import Callable, Mapping
from importlib import import_module
from inspect import isfunction
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

from gpattention.errors import InputError

OURS = "gpattention."


class Kind(NamedTuple):
    """What a group of the configuration takes: its name, in words, from which packages, and the test of it."""

    group: str
    words: str
    packages: tuple[str, ...]
    fits: Callable[[Any], bool]


def returns(result: Any) -> Callable[[Any], bool]:
    """The test of a function that is annotated with this result."""
    return lambda found: isfunction(found) and get_type_hints(found).get("return") == result


def find_target(kind: Kind, node: Mapping[str, Any], place: str | None = None) -> Any:
    """The class or function that a node is for; nothing is imported but the packages that the kind may come from.

    Args:
        place: where the node stands, for the message; None for its group.

    Raises:
        InputError: it is not there, from elsewhere or not of this kind.
    """
    place, path = place or kind.group, node.get("_target_")
    if path is None:
        names = f": choose one of {', '.join(known)}, as in {kind.group}=NAME" if (known := options(kind.group)) else ""
        raise InputError(f"{place} has no _target_{names}")
    cure = f"give {kind.words} of {' or '.join(name.rstrip('.') for name in kind.packages)}"
    if not isinstance(path, str) or not path.startswith(kind.packages):
        raise InputError(f"{place}._target_={path} is not of this program: {cure}")
    module, _, name = path.rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"{place}._target_={path} is not there: mend the name, or {cure}") from error
    if not str(getattr(found, "__module__", "")).startswith(kind.packages) or not kind.fits(found):
        raise InputError(f"{place}._target_={path} is not what {kind.group} is for: {cure}")
    return found


def refuse_inner_targets(place: str, value: Any) -> None:
    """Raise an InputError where an argument would itself be made from a `_target_`."""
    inner: Any = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        if str(key).startswith("_"):
            raise InputError(f"{place}.{key}={part}: an argument is a plain value: leave {key} out")
        refuse_inner_targets(f"{place}.{key}", part)


def conf_folder() -> Path:
    """The configuration files: inside the installed package, or at the top of a checkout."""
    here = Path(__file__).resolve().parent
    return next(folder for folder in (here / "conf", here.parents[1] / "conf") if folder.is_dir())


def options(group: str) -> list[str]:
    """The names that `group=` takes; files that others include begin with an underscore."""
    return sorted(path.stem for path in (conf_folder() / group).glob("[!_]*.yaml"))
