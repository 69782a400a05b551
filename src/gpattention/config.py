"""The configuration: composed from its files, and whether every key and value is one that the program takes.

The constructors are the schema: the keys of a node are the arguments of its `_target_`, and a value must have the type
that the argument is annotated with.
"""

import inspect
import re
import sys
from inspect import isclass
from typing import Any, Literal

import lightning as L
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from gpattention.checks import check_node, check_type, refuse_unknown, suggest
from gpattention.data.datamodule import GPMapDataModule
from gpattention.data.genotype_phenotype import GenotypePhenotypeData
from gpattention.data.informative_loci import Pruning
from gpattention.data.splits import Splitting
from gpattention.data.training_data import TrainingData
from gpattention.data.transfer import FewValues
from gpattention.errors import InputError
from gpattention.hydra_targets import OURS, Kind, conf_folder, find_target, options, refuse_inner_targets, returns
from gpattention.output.secrets import refuse_secrets
from gpattention.training.by_gradients import GPMapModule
from gpattention.training.gpmap import MAPS
from gpattention.training.trainer import Flags

Node = dict[str, Any]
ROOT: dict[str, Any] = {
    **dict.fromkeys(("data", "model", "profile", "training", "trainer", "callbacks", "logger"), Node),
    "seed": int,
    "monitor": str,
    "fine_tune_from": str | None,
    "fit_on_residual_of": str | None,
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
    "data": {"data", "splitting", "pruning", "few_values", "training_data", "batching", "batch_seed"},
    "model": {"n_loci", "n_environments", "environment_names", "environment_covariates", "interaction_sets"},
    "training": {"model", "n_loci", "environment_names", "environment_covariates", "interaction_sets"},
    "trainer": {"by_gradients", "steps_per_epoch", "callbacks", "flags", "folder"},
    "logger": {"folder"},
}


def is_callback(found: Any) -> bool:
    return isclass(found) and issubclass(found, L.Callback)


KINDS = {
    "data": Kind("data", "a function that reads a data set", (OURS,), returns(GenotypePhenotypeData)),
    "model": MAPS,
    "trainer": Kind("trainer", "the function that makes the Trainer", (OURS,), returns(L.Trainer)),
    "logger": Kind("logger", "a function that makes loggers", (OURS,), returns(list[Logger])),
    "callbacks": Kind("callbacks", "a class of callbacks", (OURS, "lightning.pytorch.callbacks."), is_callback),
}


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
    kinds = {name: find_target(KINDS[name], config[name]) for name in ("data", "model", "trainer", "logger")}
    takers = (kinds["data"], Splitting, Pruning, FewValues, TrainingData.__init__, GPMapDataModule.__init__)
    check_node("data", config["data"], *takers, given=GIVEN["data"])
    check_node("model", config["model"], kinds["model"].__init__, given=GIVEN["model"])
    check_node("training", config["training"], GPMapModule.__init__, given=GIVEN["training"])
    check_node("trainer", config["trainer"], kinds["trainer"], Flags, given=GIVEN["trainer"])
    check_node("logger", config["logger"], kinds["logger"], given=GIVEN["logger"])
    for name, callback in config["callbacks"].items():
        place = f"callbacks.{name}"
        check_type(place, callback, dict[str, Any])
        known = inspect.signature(find_target(KINDS["callbacks"], callback, place)).parameters
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
    if missing := re.search(r"Could not find '(\w+)/([^']+)'", text):
        group, option = missing.groups()
        return f"unknown option {group}={option}: {suggest(option, options(group), 'the group ' + group)}"
    if "LexerNoViableAltException" in text:
        return f"{text.splitlines()[0]}: quote a value with special characters, as in 'key=\"value\"'"
    return " ".join(text.split("Config search path")[0].split())
