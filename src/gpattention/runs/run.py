"""One run: configuration in, trained map, scores and run folder out."""

import logging
import resource
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from inspect import signature
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig, OmegaConf

from gpattention import ranks
from gpattention.config import check_config, suggest
from gpattention.data.datamodule import GPMapDataModule
from gpattention.data.noise_ceiling import over_ceiling, r2_ceiling
from gpattention.errors import InputError
from gpattention.files.atomic import write_json, write_text
from gpattention.files.full_disk import full_disk_told
from gpattention.hydra_targets import find_target
from gpattention.output import figures
from gpattention.output.run_log import log_kept_for
from gpattention.output.silenced_warnings import quiet_libraries
from gpattention.run_folder import files
from gpattention.run_folder.identity import identify, input_files, is_of, refuse_another, to_json
from gpattention.runs import several_devices
from gpattention.runs.fine_tuning import start_from
from gpattention.runs.folder import new_run, put_back, refuse_complete, refuse_unfinished
from gpattention.runs.provenance import made_with
from gpattention.scores.conformal import calibrate, interval_scores
from gpattention.training import loggers
from gpattention.training.by_gradients import GPMapModule
from gpattention.training.callbacks import EpochHistory, FitProgress, OnEpoch
from gpattention.training.checkpoints import FolderCheckpoint, TrainingPosition, newest_whole, read_checkpoint
from gpattention.training.gpmap import GPMap
from gpattention.training.preemption import SaveOnSigterm
from gpattention.training.trainer import make_trainer

log = logging.getLogger(__name__)

ROOM = "make room, then give the same command with resume=auto; what is there is whole"
Metrics = dict[str, Any]


def run(cfg: DictConfig, folder: Path, on_epoch: OnEpoch | None = None) -> Metrics:
    """Fit one map and score it, leaving the run folder; returns what `metrics.json` holds.

    Configuration and data are refused before the folder is touched; a complete run in it is gone only once its
    replacement is complete. With `resume=auto` an unfinished run goes on after its last epoch, and a complete one is
    left as it is.

    Args:
        on_epoch: told of every epoch of a map that takes several.

    Raises:
        InputError: the configuration or the data cannot be used, or the folder holds another run.
    """
    config = check_config(cfg)
    if several_devices.is_needed(config["trainer"]):
        return several_devices.run_on_devices(config, folder, on_epoch)
    ranks.join(config["trainer"])
    folder = ranks.from_first(folder)
    overwrite, resume = config.pop("overwrite"), config.pop("resume") == "auto"
    identity = identify(config)
    # A run that was begun goes on, also one that is to replace another; before all else the other is put back.
    was_begun = resume and ranks.from_first(files.is_unfinished(folder) and is_of(identity, folder))
    if ranks.is_first() and not was_begun:
        put_back(folder)
    is_complete, is_unfinished = ranks.from_first((files.is_complete(folder), files.is_unfinished(folder)))
    goes_on = was_begun or (resume and not overwrite and (is_complete or is_unfinished))
    if goes_on:
        refuse_another(identity, folder)
        if is_complete:
            log.info("finished earlier: %s", folder)
            return files.read_metrics(folder)
    elif not overwrite:
        refuse_complete(folder)
        refuse_unfinished(folder)
    quiet_libraries()
    with log_kept_for(folder / files.LOG) as open_log:
        L.seed_everything(config["seed"], workers=True, verbose=False)
        module_class = files.module_class(config["model"])
        data = build_data(config, module_class)
        module = build_module(config, module_class, data)
        check_monitor(config["monitor"], module, data)
        trainer = build_trainer(config, folder, module, on_epoch)
        log.info("%s", data.describe())
        count = module.n_fitted()  # none yet where they are as many as individuals
        log.info("%s%s", model_name(config), f" with {count:,} fitted parameters" if count else "")

        with full_disk_told(folder, ROOM), folder_of_run(folder, goes_on):
            if ranks.is_first():
                open_log()
                write_json(folder / files.IDENTITY, to_json(identity))
                write_text(folder / files.CONFIG, OmegaConf.to_yaml(OmegaConf.create(config)))
                files.write_data_description(folder, data)
                trainer.loggers = build_loggers(config["logger"], folder)
            ranks.from_first(None)  # the others wait until the folder is as they expect it
            with loggers.logged(trainer.loggers, config):
                metrics, drawn = fit_and_test(folder, data, module, trainer)
                metrics |= {"made_with": made_with(config, data, module)}
                loggers.log_results(trainer.loggers, metrics, drawn)
            if ranks.is_first():
                files.complete(folder, metrics)
            ranks.from_first(None)  # no process says that the run is done before it is
        log.info("test R2 %.4f%s; results in %s", metrics["test/r2"], ceiling_text(metrics), folder)
        if metrics["test/r2"] < 0:
            log.warning(
                "on the test part this map is worse than predicting the mean of each environment (R2 below 0): %s",
                "look at learning_curve.png, and at what model=linear reaches on the same data",
            )
    return metrics


def folder_of_run(folder: Path, goes_on: bool) -> AbstractContextManager[None]:
    """The folder cleared for this run, or for its continuation; the first process alone does so."""
    if not ranks.is_first():
        return nullcontext()
    kept = (files.CHECKPOINT, files.LAST, *files.PREVIOUS, files.LOG) if goes_on else ()
    return new_run(folder, keep=kept)


def check_monitor(monitor: str, module: GPMap, data: GPMapDataModule) -> None:
    """Refuse a score that validation does not give, or of which less is better."""
    n_measured = np.count_nonzero(~np.isnan(data.data.phenotype[data.split.val]), axis=0)
    names = [name for name, n in zip(module.environment_names, n_measured.tolist(), strict=True) if n]
    known = ["val/r2", "val/r2_pooled", *(f"val/r2/{name}" for name in names)]
    if module.target_environment is not None:
        known.append("val/r2_target")
    if monitor not in known:
        raise InputError(f"monitor={monitor}: {suggest(monitor, known, 'validation')}")


def build_data(config: Mapping[str, Any], module_class: type[GPMap]) -> GPMapDataModule:
    """Read or simulate the data set and wrap it; the `data` keys go to whichever of the two takes them."""
    settings = dict(config["data"])
    if settings["split_file"] is not None:
        settings["split_file"] = str(input_files(settings)["split_file"])
    read = find_target("data", "data", settings.pop("_target_"))
    own = {name: settings.pop(name) for name in signature(read).parameters if name in settings}
    batching = module_class.batching(config["model"])
    data = GPMapDataModule(read(**own), **settings, batching=batching, batch_seed=config["seed"])
    fewest = min(data.sampler.batch_size, len(data.split.val), len(data.split.test))
    if fewest < ranks.n_ranks():
        raise InputError(
            f"{ranks.n_ranks()} processes share batches of {data.sampler.batch_size} individuals, {len(data.split.val)} of "
            f"validation and {len(data.split.test)} of test: take fewer devices, or raise data.batch_size or the fractions"
        )
    return data


def build_module(config: Mapping[str, Any], module_class: type[GPMap], data: GPMapDataModule) -> GPMap:
    """The map for these data: one that fits itself takes the model's keys, a network is wrapped for training."""
    sizes: dict[str, Any] = {"n_loci": data.data.n_loci, "environment_names": list(data.data.environment_names)}
    model = dict(config["model"])
    module: GPMap
    if issubclass(module_class, GPMapModule):
        by_covariate = model.get("environment_encoding") == "covariate"
        covariates = data.covariates if by_covariate else None
        module = module_class(model=model, **sizes, environment_covariates=covariates, **config["training"])
        if config["fine_tune_from"] is not None:
            start_from(module, files.load_run(config["fine_tune_from"]), data)
    else:
        if config["fine_tune_from"] is not None:
            raise InputError(
                f"fine_tune_from={config['fine_tune_from']}: a regression starts from nothing; set it to null"
            )
        del model["_target_"]
        module = module_class(**model, **sizes)
    if data.target is not None:
        module.target_environment = data.data.environment_names[data.target.column]
    return module


def build_trainer(config: Mapping[str, Any], folder: Path, module: GPMap, on_epoch: OnEpoch | None = None) -> L.Trainer:
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
    settings = {name: value for name, value in config["trainer"].items() if name != "_target_"}
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


def fit_and_test(folder: Path, data: GPMapDataModule, module: GPMap, trainer: L.Trainer) -> tuple[Metrics, list[Path]]:
    """Fit, restore the best epoch by validation, score it on validation and test; metrics, and the figures drawn."""
    start = time.perf_counter()
    history = next(callback for callback in trainer.callbacks if isinstance(callback, EpochHistory))  # type: ignore[attr-defined]
    last = newest_whole(folder / files.LAST)
    if last is not None:
        log.info("going on from %s", last)
    trainer.fit(module, datamodule=data, ckpt_path=last)
    fit_seconds = history.seconds_before + time.perf_counter() - start
    rows = history.rows
    module.scores |= {name: value for name, value in rows[-1].items() if name.startswith("train/")}

    path = folder / files.CHECKPOINT
    best_epoch = len(rows)
    if module.automatic_optimization:
        best = newest_whole(path)
        if best is None:
            raise InputError(f"{path} is damaged, and so is the one before it: fit it again with overwrite=true")
        checkpoint = read_checkpoint(best)
        best_epoch = checkpoint["epoch"] + 1
        module.load_state_dict(checkpoint["state_dict"])
    else:  # a solution is the best at its last step, and of one pass the Trainer sees nothing to save
        trainer.save_checkpoint(path, weights_only=True)
    trainer.validate(module, datamodule=data, verbose=False)
    trainer.test(module, datamodule=data, verbose=False)

    validation = files.predictions_table(data, data.split.val, module.predictions["val"])
    predictions = files.predictions_table(data, data.split.test, module.predictions["test"])
    ceiling = r2_ceiling(data)
    metrics = {
        **module.scores,
        **{f"test/{name}": value for name, value in ceiling.items()},
        **over_ceiling(module.scores, ceiling),
        **interval_scores(validation, predictions),
        "n_parameters": module.n_fitted(),
        "n_loci": data.data.n_loci,
        "n_train": len(data.split.train),
        "n_val": len(data.split.val),
        "n_test": len(data.split.test),
        **target_counts(data),
        "best_epoch": best_epoch,
        "n_epochs": len(rows),
        "fit_seconds": round(fit_seconds, 3),
        "segregants_per_second": round(data.rows_per_epoch * len(rows) / fit_seconds, 1),
        "peak_memory_mib": round(peak_memory_mib(), 1),
    }
    if not ranks.is_first():
        return metrics, []
    for name, table in ((files.PREDICTIONS, predictions), (files.VALIDATION_PREDICTIONS, validation)):
        write_text(folder / name, table.to_csv(sep="\t", index=False, float_format="%.8g"))
    drawn = {
        files.LEARNING_CURVE: figures.learning_curve(rows, best_epoch),
        files.PREDICTED: figures.predicted_against_measured(predictions, metrics),
        files.CALIBRATION: figures.calibration(calibrate(validation, predictions)),
    }
    for name, figure in drawn.items():
        figures.save(figure, folder / name)
    return metrics, [folder / name for name in drawn]


def target_counts(data: GPMapDataModule) -> dict[str, int]:
    """Values that the environment with few of them has for training and validation."""
    return {} if data.target is None else {"n_train_target": data.target.n_train, "n_val_target": data.target.n_val}


def model_name(config: Mapping[str, Any]) -> str:
    """What to call the model in the log: its terms where it is a plain regression, else its class."""
    return config["model"].get("terms") or config["model"]["_target_"].rsplit(".", 1)[-1].lower().removesuffix("module")


def ceiling_text(metrics: Metrics) -> str:
    ceiling = metrics.get("test/r2_ceiling")
    return "" if ceiling is None else f" (noise ceiling {ceiling:.4f})"


def peak_memory_mib() -> float:
    """Highest memory of the accelerator if there is one, else of this process so far."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
