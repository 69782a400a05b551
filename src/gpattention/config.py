"""The configuration: where its files are, and whether every key and value is one that the program takes.

The constructors are the schema: the keys of a node are the arguments of its `_target_`, and a value must have the type
that the argument is annotated with.
"""

import difflib
import inspect
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_type_hints

import lightning as L
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.utils import get_method, get_object
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from pydantic import ConfigDict, TypeAdapter, ValidationError

from gpattention.data.datamodule import GPMapDataModule
from gpattention.errors import InputError
from gpattention.module import GPMapModule

ROOT = {"data", "model", "profile", "training", "trainer", "callbacks", "logger", "seed", "monitor", "overwrite"}
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
}
# Arguments that the program itself gives, so that a configuration cannot.
GIVEN = {
    "data": {"data", "batching", "batch_seed"},
    "model": {"n_loci", "n_environments", "environment_names"},
    "training": {"model", "n_loci", "environment_names"},
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
    try:
        config: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)  # type: ignore[assignment]
    except OmegaConfBaseException as error:
        raise InputError(explain(error, cfg)) from error
    refuse_unknown("", config, ROOT)
    for name in ("data", "model", "trainer", "logger"):
        if "_target_" not in config.get(name, {}):
            raise InputError(
                f"nothing is chosen for {name}: choose one of {', '.join(options(name))}, as in {name}=NAME"
            )
    refuse_unknown("profile", config.get("profile", {}), PROFILE)
    if (names := config["data"].get("environments")) is not None and isinstance(names, list):
        config["data"]["environments"] = [str(name) for name in names]
    check_node("data", config["data"], get_method(config["data"]["_target_"]), GPMapDataModule.__init__)
    check_node("model", config["model"], get_object(config["model"]["_target_"]).__init__)
    check_node("training", config["training"], GPMapModule.__init__)
    check_node("logger", config["logger"], get_object(config["logger"]["_target_"]))
    refuse_unknown("trainer", config["trainer"], {*inspect.signature(L.Trainer).parameters, "_target_"})
    for name, callback in config["callbacks"].items():
        known = inspect.signature(get_object(callback["_target_"])).parameters
        refuse_unknown(f"callbacks.{name}", callback, {*known, "_target_"})
    if config["trainer"].get("devices") != 1:
        raise InputError(
            f"trainer.devices={config['trainer'].get('devices')}: a run uses one device; set trainer.devices=1"
        )
    if not isinstance(config["trainer"].get("max_epochs"), int) or config["trainer"]["max_epochs"] < 1:
        raise InputError(f"trainer.max_epochs={config['trainer'].get('max_epochs')}: give a whole number from 1 on")
    if not isinstance(config["seed"], int) or not 0 <= config["seed"] < 2**32:
        raise InputError(f"seed={config['seed']}: give a whole number from 0 on")
    return config


def check_node(place: str, node: Mapping[str, Any], *functions: Any) -> None:
    """Compare the keys and values of a node with the arguments of the functions that it is for."""
    hints: dict[str, Any] = {}
    needed: set[str] = set()
    for function in functions:
        hints |= get_type_hints(function)
        parameters = inspect.signature(function).parameters.values()
        needed |= {p.name for p in parameters if p.default is p.empty and p.kind is p.KEYWORD_ONLY}
    known = set(hints) - {"return"} - GIVEN[place]
    refuse_unknown(place, node, known | {"_target_"})
    for name in sorted(needed & known - set(node)):
        raise InputError(f"{place}.{name} is not given: set {place}.{name}=VALUE")
    for key, value in node.items():
        if key != "_target_":
            check_type(f"{place}.{key}", value, hints[key])


def check_type(name: str, value: Any, hint: Any) -> None:
    try:
        TypeAdapter(hint, config=ConfigDict(strict=True)).validate_python(value)
    except ValidationError as error:
        wanted = " or ".join(dict.fromkeys(line["msg"].removeprefix("Input should be ") for line in error.errors()))
        raise InputError(f"{name}={value}: give {wanted}") from error


def refuse_unknown(place: str, node: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raise an InputError that names the first unknown key of a node and what may have been meant."""
    known = set(known)
    for key in node:
        if key not in known:
            name = f"{place}.{key}" if place else key
            raise InputError(f"unknown key {name}: {suggest(key, known - {'_target_'}, place)}")


def suggest(key: str, known: Iterable[str], place: str = "") -> str:
    """Near misses of a key, or all keys where there are none."""
    dot = f"{place}." if place else ""
    near = difflib.get_close_matches(key, sorted(known), n=3)
    if near:
        return f"did you mean {' or '.join(dot + name for name in near)}?"
    return f"{place or 'the configuration'} has {', '.join(sorted(known))}"


def explain(error: Exception, cfg: DictConfig | None = None) -> str:
    """One message for an error of Hydra or OmegaConf, with near misses where a key is unknown."""
    text = str(error)
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key} is not given: set {error.full_key}=VALUE"
    if unknown := re.match(r"Could not override '([^']+)'", text):
        place, _, key = unknown[1].rpartition(".")
        try:
            node = OmegaConf.select(cfg or compose_config([]), place) if place else cfg or compose_config([])
        except (HydraException, OmegaConfBaseException):
            node = None
        if isinstance(node, DictConfig):
            return f"unknown key {unknown[1]}: {suggest(key, set(map(str, node)) - {'_target_'}, place)}"
    return text.split("\nConfig search path")[0].strip()
