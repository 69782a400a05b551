"""The parts of a run, built from its configuration: data, map, Trainer, loggers."""

import re
from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning.pytorch.loggers import Logger

from gpattention import ranks
from gpattention.checks import suggest
from gpattention.config import KINDS
from gpattention.data.datamodule import GPMapDataModule
from gpattention.data.informative_loci import Pruning
from gpattention.data.splits import Splitting
from gpattention.data.training_data import TrainingData
from gpattention.data.transfer import FewValues
from gpattention.errors import InputError
from gpattention.hydra_targets import find_target
from gpattention.regressions.ladder import Ladder
from gpattention.run_folder import files
from gpattention.run_folder.identity import input_files
from gpattention.run_folder.loading import load_run
from gpattention.runs.fine_tuning import refuse_known_individuals, start_from
from gpattention.runs.on_top import interaction_sets, residual_data
from gpattention.runs.rungs import check_rungs
from gpattention.training.by_gradients import GPMapModule
from gpattention.training.callbacks import EpochHistory, FitProgress, OnEpoch
from gpattention.training.checkpoints import FolderCheckpoint, TrainingPosition
from gpattention.training.gpmap import GPMap
from gpattention.training.latents import LatentModule
from gpattention.training.preemption import SaveOnSigterm
from gpattention.training.trainer import Flags, make_trainer


def build_data(config: Mapping[str, Any]) -> TrainingData:
    """Read or simulate the data set, and split, scale and weigh it; each `data` key goes to what takes it."""
    settings = dict(config["data"])
    if settings["split_file"] is not None:
        settings["split_file"] = str(input_files(settings)["split_file"])
    read = find_target(KINDS["data"], settings)
    data, earlier = read(**arguments_of(read, settings)), None
    if (source := config.get("fit_on_residual_of")) is not None:
        earlier = load_run(source)
        data = residual_data(earlier, data)
    made = TrainingData(
        data,
        splitting=Splitting(**arguments_of(Splitting, settings)),
        pruning=Pruning(**arguments_of(Pruning, settings)),
        few_values=FewValues(**arguments_of(FewValues, settings)),
        **arguments_of(TrainingData, settings),
    )
    if earlier is not None:
        refuse_known_individuals(f"fit_on_residual_of={earlier.folder}", earlier, made)
    return made


def build_datamodule(config: Mapping[str, Any], module_class: type[GPMap], data: TrainingData) -> GPMapDataModule:
    """What serves the data to the Trainer, in the batches that the map asks for."""
    settings, batching = arguments_of(GPMapDataModule, config["data"]), module_class.batching(config["model"])
    datamodule = GPMapDataModule(data, **settings, batching=batching, batch_seed=config["seed"])
    batch_size = datamodule.sampler.batch_size
    if min(batch_size, len(data.split.val), len(data.split.test)) < ranks.n_ranks():
        raise InputError(
            f"{ranks.n_ranks()} processes share batches of {batch_size} individuals, {len(data.split.val)} of "
            f"validation and {len(data.split.test)} of test: take fewer devices, or raise data.batch_size or the fractions"
        )
    return datamodule


def arguments_of(function: Callable, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the settings that a function takes."""
    return {name: settings[name] for name in signature(function).parameters if name in settings}


def build_module(config: Mapping[str, Any], module_class: type[GPMap], data: TrainingData) -> GPMap:
    """The map for these data: one that fits itself takes the model's keys, a network is wrapped for training."""
    sizes: dict[str, Any] = {"n_loci": data.data.n_loci, "environment_names": list(data.data.environment_names)}
    model = dict(config["model"])
    module: GPMap
    if issubclass(module_class, GPMapModule):
        if module_class is LatentModule and config["training"]["n_members"] != 1:
            raise InputError(
                f"training.n_members={config['training']['n_members']}: model=latent is a mean of several fits already; leave it at 1, "
                "and raise model.n_starts or model.n_averaged"
            )
        by_covariate = model.get("environment_encoding") == "covariate"
        covariates = data.covariates if by_covariate else None
        sets = None
        if (source := model.get("interactions_from")) is not None:
            sets = interaction_sets(load_run(source), data)
        given: dict[str, Any] = {"environment_covariates": covariates, "interaction_sets": sets}
        module = module_class(model=model, **sizes, **given, **config["training"])
        if config["fine_tune_from"] is not None:
            start_from(module, load_run(config["fine_tune_from"]), data)
    else:
        if config["fine_tune_from"] is not None:
            raise InputError(
                f"fine_tune_from={config['fine_tune_from']}: a regression starts from nothing; set it to null"
            )
        if issubclass(module_class, Ladder):
            check_rungs(config, data)
        del model["_target_"]
        module = module_class(**model, **sizes)
    if data.target is not None:
        module.target_environment = data.data.environment_names[data.target.column]
    return module


def build_trainer(
    config: Mapping[str, Any],
    folder: Path,
    module: GPMap,
    datamodule: GPMapDataModule,
    on_epoch: OnEpoch | None = None,
) -> L.Trainer:
    """The Trainer with its history, its progress and the epoch that is best by validation; touches no file yet."""
    best = FolderCheckpoint(
        folder,
        Path(files.CHECKPOINT).stem,
        monitor=config["monitor"],
        mode="max",
        save_weights_only=True,
        enable_version_counter=False,
    )
    last = FolderCheckpoint(folder, Path(files.LAST).stem, save_on_train_epoch_end=True, enable_version_counter=False)
    progress = FitProgress(model_name(config), config["monitor"], on_epoch)
    chosen = [instantiate(node, _convert_="all") for node in config["callbacks"].values()]
    settings = arguments_of(make_trainer, config["trainer"]) | {"folder": folder}
    settings["steps_per_epoch"] = len(datamodule.sampler)
    settings["flags"] = Flags(**arguments_of(Flags, config["trainer"]))
    if module.max_epochs is not None:
        settings["max_epochs"] = module.max_epochs
    saving = SaveOnSigterm(folder / files.LAST)
    callbacks = [EpochHistory(), TrainingPosition(), progress, saving, best, last, *chosen]
    return make_trainer(**settings, by_gradients=module.automatic_optimization, callbacks=callbacks)


def build_loggers(node: Mapping[str, Any], folder: Path) -> list[Logger]:
    try:
        return instantiate(node, folder=str(folder), _convert_="all")
    except InstantiationException as error:
        if isinstance(error.__cause__, InputError):
            raise error.__cause__ from None  # as it was said, without Hydra's words around it
        raise


def check_monitor(monitor: str, module: GPMap, data: TrainingData) -> None:
    """Refuse a score that validation does not give, or of which less is better."""
    n_measured = np.count_nonzero(~np.isnan(data.data.phenotype[data.split.val]), axis=0)
    names = [name for name, n in zip(module.environment_names, n_measured.tolist(), strict=True) if n]
    known = ["val/r2", "val/r2_pooled", *(f"val/r2/{name}" for name in names)]
    if module.target_environment is not None:
        known.append("val/r2_target")
    if monitor not in known:
        raise InputError(f"monitor={monitor}: {suggest(monitor, known, 'validation')}")


def model_name(config: Mapping[str, Any]) -> str:
    """What to call the model in the log: its terms where it is a plain regression, else the words of its class."""
    words = re.findall("[A-Z][a-z0-9]*", config["model"]["_target_"].rsplit(".", 1)[-1])
    return config["model"].get("terms") or " ".join(words).lower()
