"""What a configuration or a checkpoint may name as its `_target_`: classes and functions of this program of the right kind."""

from collections.abc import Callable, Mapping
from importlib import import_module
from inspect import isclass, isfunction, signature
from typing import Any, NamedTuple, get_type_hints

import lightning as L
from lightning.pytorch.loggers import Logger
from torch import nn

from gpattention.data.genotype_phenotype import GenotypePhenotypeData
from gpattention.errors import InputError
from gpattention.prepare.source import RawData

OURS = "gpattention."


class Kind(NamedTuple):
    """What a place takes: in words, from which packages, and the test of it."""

    words: str
    packages: tuple[str, ...]
    fits: Callable[[Any], bool]


def returns(kind: Any) -> Callable[[Any], bool]:
    return lambda found: isfunction(found) and get_type_hints(found).get("return") == kind


def is_map(found: Any) -> bool:
    """A network or a regression, by the arguments that all have; what trains networks takes a model as well."""
    return (
        isclass(found)
        and issubclass(found, nn.Module)
        and {"n_loci", "model"} & {*signature(found).parameters} == {"n_loci"}
    )


def is_callback(found: Any) -> bool:
    return isclass(found) and issubclass(found, L.Callback)


KINDS = {
    "data": Kind("a function that reads a data set", (OURS,), returns(GenotypePhenotypeData)),
    "model": Kind("a class of maps", (OURS,), is_map),
    "prepare": Kind("a function that opens genotypes and phenotypes", (OURS,), returns(RawData)),
    "trainer": Kind("the function that makes the Trainer", (OURS,), returns(L.Trainer)),
    "logger": Kind("a function that makes loggers", (OURS,), returns(list[Logger])),
    "callbacks": Kind("a class of callbacks", (OURS, "lightning.pytorch.callbacks."), is_callback),
}


def find_target(group: str, place: str, path: Any) -> Any:
    """The class or function of this dotted name; nothing is imported but the packages that the group may name.

    Args:
        group: the part of the configuration that it is for.
        place: where it stands, for the message.

    Raises:
        InputError: it is not there, from elsewhere or not what the group is for.
    """
    kind = KINDS[group]
    cure = f"give {kind.words} of {' or '.join(name.rstrip('.') for name in kind.packages)}"
    if not isinstance(path, str) or not path.startswith(kind.packages):
        raise InputError(f"{place}._target_={path} is not of this program: {cure}")
    module, _, name = path.rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"{place}._target_={path} is not there: mend the name, or {cure}") from error
    if not str(getattr(found, "__module__", "")).startswith(kind.packages) or not kind.fits(found):
        raise InputError(f"{place}._target_={path} is not what {group} is for: {cure}")
    return found


def refuse_inner_targets(place: str, value: Any) -> None:
    """Raise an InputError where an argument would itself be made from a `_target_`."""
    inner: Any = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        if str(key).startswith("_"):
            raise InputError(f"{place}.{key}={part}: an argument is a plain value: leave {key} out")
        refuse_inner_targets(f"{place}.{key}", part)
