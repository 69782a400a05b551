"""The maps of `model=auto`, each a run of its own in the folder of the run."""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gpattention.config import check_config, compose_config, explain, plain_values
from gpattention.data.training_data import TrainingData
from gpattention.errors import InputError
from gpattention.output.run_log import quiet_terminal
from gpattention.ranks import n_ranks
from gpattention.run_folder import files
from gpattention.run_folder.loading import load_run
from gpattention.training.gpmap import GPMap

log = logging.getLogger(__name__)

MOST_OF_GAUSSIAN = 5000  # training individuals: its time grows with their cube
OWN = ("model", "profile", "training")  # what a rung brings; the rest is that of the run


class Unsuited(InputError):
    """A rung that is not for the data of the run."""


def check_rungs(config: Mapping[str, Any], data: TrainingData) -> None:
    """Raise an InputError where a rung is misspelt, before any is fitted, or where processes would share the run."""
    if n_ranks() > 1:
        raise InputError("model=auto fits its maps on one device: set trainer.devices=1 and trainer.num_nodes=1")
    for name, options in config["model"]["rungs"].items():
        if options:
            with suppress(Unsuited):
                check_config(OmegaConf.create(rung_config(config, name, options, data, 1)))


def rung_config(
    config: Mapping[str, Any], name: str, options: list[str], data: TrainingData, seconds: float
) -> dict[str, Any]:
    """The configuration of one rung: its map with the profile that this asks for, on the data of the run.

    Raises:
        Unsuited: the rung is not for these data.
        InputError: its options are no words that choose a map.
    """
    try:
        composed = plain_values(compose_config(options))
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(f"model.rungs.{name}={options}: {explain(error)}") from error
    model, n_environments = composed["model"], len(data.data.environment_names)
    kind = model["_target_"].rpartition(".")[2]
    if kind == "Ladder":
        raise InputError(f"model.rungs.{name}={options}: a rung is one map; give another model")
    gaussian = model.get("genotype_kernel") == "gaussian"
    if kind == "Kronecker" and n_environments == 1 and not gaussian:
        raise Unsuited("with one environment it is the linear map")
    if gaussian and len(data.split.train) > MOST_OF_GAUSSIAN:
        raise Unsuited(
            f"its kernel is for up to {MOST_OF_GAUSSIAN:,} training individuals, and there are {len(data.split.train):,}"
        )
    if n_environments > 1 and model.get("environment") == "none":
        model["environment"] = "joint"
    days, rest = divmod(max(1, int(seconds)), 86_400)
    trainer = {"max_time": f"{days:02}:{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"}
    logger = plain_values(compose_config(["logger=csv"]))["logger"]
    own = {group: composed[group] for group in OWN}
    return {
        **config,
        **own,
        "logger": logger,
        "trainer": config["trainer"] | trainer,
        "resume": "never",
        "overwrite": True,  # what an interruption left of a rung; a complete one is not fitted again
    }


def fit_rung(
    run: Callable[[DictConfig, Path], Any],
    config: Mapping[str, Any],
    folder: Path,
    data: TrainingData,
    name: str,
    options: list[str],
    seconds: float,
) -> GPMap:
    """Fit one map by `run`, or take it where it was fitted before the run was interrupted."""
    place = folder / files.RUNGS / name
    if files.is_complete(place):
        log.info("%s was fitted earlier", name)
    else:
        with quiet_terminal():
            run(OmegaConf.create(rung_config(config, name, options, data, seconds)), place)
    metrics = files.read_metrics(place)
    log.info(
        "%s: validation R2 %.4f, test R2 %.4f, %.0f s",
        name,
        metrics["val/r2"],
        metrics["test/r2"],
        metrics["fit_seconds"],
    )
    return load_run(place).module
