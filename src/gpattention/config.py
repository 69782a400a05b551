"""The configuration: where its files are, and whether every key and value is one that the program takes.

The constructors are the schema: the keys of a node are the arguments of its `_target_`, and a value must have the type
that the argument is annotated with.
"""

import difflib
import inspect
import math
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_type_hints

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from pydantic import ConfigDict, TypeAdapter, ValidationError

from gpattention.data.datamodule import GPMapDataModule
from gpattention.errors import InputError
from gpattention.hydra_targets import find_target, refuse_inner_targets
from gpattention.output.secrets import refuse_secrets
from gpattention.training.by_gradients import GPMapModule

Node = dict[str, Any]
ROOT: dict[str, Any] = {
    **dict.fromkeys(("data", "model", "profile", "training", "trainer", "callbacks", "logger"), Node),
    "seed": int,
    "monitor": str,
    "fine_tune_from": str | None,
    "resume": Literal["never", "auto"],
    "overwrite": bool,
}
PROFILE = {
    "optimizer",
    "learning_rate",
    "weight_decay",
    "schedule",
    "warmup_fraction",
    "batch_size",
    "drop_last",
    "max_epochs",
    "cpu_epochs",
    "init_std",
    "score_scale",
    "loss",
    "pruning_order",
    "pruning_part",
}
# Arguments that the program itself gives, so that a configuration cannot.
GIVEN = {
    "data": {"data", "batching", "batch_seed"},
    "model": {"n_loci", "n_environments", "environment_names", "environment_covariates"},
    "training": {"model", "n_loci", "environment_names", "environment_covariates"},
    "trainer": {"by_gradients", "callbacks"},
    "logger": {"folder"},
}


def conf_folder() -> Path:
    """The configuration files: inside the installed package, or at the top of a checkout."""
    here = Path(__file__).resolve().parent
    return next(folder for folder in (here / "conf", here.parents[1] / "conf") if folder.is_dir())


def options(group: str) -> list[str]:
    """The names that `group=` takes."""
    return sorted(path.stem for path in (conf_folder() / group).glob("*.yaml") if "_target_" in path.read_text())


def compose_config(overrides: list[str], config_name: str = "config") -> DictConfig:
    """The configuration that `train.py` would run with these overrides."""
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return compose(config_name, overrides)


def check_config(cfg: DictConfig) -> dict[str, Any]:
    """The resolved configuration as plain values, once every key and value has been found to be good.

    Raises:
        InputError: names the first key that is unknown, missing or of the wrong type, and what was meant.
    """
    config = plain_values(cfg)
    refuse_secrets("", config)
    refuse_unknown("", config, ROOT)
    for name, kind in ROOT.items():
        if name not in config:
            raise InputError(f"the configuration has no {name}: leave it in, or choose one with {name}=NAME")
        check_type(name, config[name], kind)
    refuse_unknown("profile", config["profile"], PROFILE)
    for key in ("environments", "train_environments"):  # names may look like numbers
        if isinstance(names := config["data"].get(key), list):
            config["data"][key] = [str(name) for name in names]
    if config["data"].get("target_environment") is not None:
        config["data"]["target_environment"] = str(config["data"]["target_environment"])
    check_node("data", config["data"], target("data", config["data"]), GPMapDataModule.__init__)
    check_node("model", config["model"], target("model", config["model"]).__init__)
    check_node("training", config["training"], GPMapModule.__init__)
    check_node("trainer", config["trainer"], target("trainer", config["trainer"]))
    check_node("logger", config["logger"], target("logger", config["logger"]))
    for name, callback in config["callbacks"].items():
        place = f"callbacks.{name}"
        check_type(place, callback, dict[str, Any])
        known = inspect.signature(target("callbacks", callback, place)).parameters
        refuse_unknown(place, callback, {*known, "_target_"})
        refuse_inner_targets(place, {key: value for key, value in callback.items() if key != "_target_"})
    if not 0 <= config["seed"] < 2**32:
        raise InputError(f"seed={config['seed']}: give a whole number from 0 on")
    return config


def plain_values(cfg: DictConfig) -> dict[str, Any]:
    """The configuration without interpolations, as dicts, lists, numbers and text."""
    try:
        return OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)  # type: ignore[return-value]
    except OmegaConfBaseException as error:
        raise InputError(explain(error)) from error


def target(group: str, node: Mapping[str, Any], place: str | None = None) -> Any:
    """The class or function that a node of a group is for."""
    place = place or group
    path = node.get("_target_")
    if path is None:
        names = f": choose one of {', '.join(options(group))}, as in {group}=NAME" if options(group) else ""
        raise InputError(f"{place} has no _target_{names}")
    return find_target(group, place, path)


def check_node(place: str, node: Mapping[str, Any], *functions: Any) -> None:
    """Compare the keys and values of a node with the arguments of the functions that it is for."""
    hints: dict[str, Any] = {}
    needed: set[str] = set()
    for function in functions:
        hints |= get_type_hints(function)
        parameters = inspect.signature(function).parameters.values()
        needed |= {p.name for p in parameters if p.default is p.empty and p.name != "self"}
    known = set(hints) - {"return"} - GIVEN.get(place, set())
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


def chosen_options() -> list[str]:
    """The words of the command line that choose an option of a group; `prepare` has none by default."""
    return [
        word
        for word in sys.argv[1:]
        if (conf_folder() / word.partition("=")[0] / f"{word.partition('=')[2]}.yaml").is_file()
    ]


def explain(error: Exception, config_name: str = "config") -> str:
    """One line for an error of Hydra or OmegaConf, with near misses where a key is unknown."""
    text = str(error)
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key} is not given: set {error.full_key}=VALUE"
    if unknown := re.match(r"Could not override '([^']+)'", text):
        place, _, key = unknown[1].rpartition(".")
        cfg = compose_config(chosen_options() if config_name == "prepare" else [], config_name)
        node = OmegaConf.select(cfg, place) if place else cfg
        keys = set(map(str, node)) - {"_target_"} if isinstance(node, DictConfig) else set()
        if key in keys:
            return f"{unknown[1]} is no key of the {place.partition('.')[0]} chosen: leave it out, or choose another"
        if keys:
            return f"unknown key {unknown[1]}: {suggest(key, keys, place)}"
    if "LexerNoViableAltException" in text:
        return f"{text.splitlines()[0]}: quote a value with special characters, as in 'key=\"value\"'"
    return " ".join(text.split("Config search path")[0].split())
