"""One run: configuration in, trained map, scores and run folder out."""

import logging
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

import lightning as L
from omegaconf import DictConfig, OmegaConf

from gpattention import ranks
from gpattention.config import check_config
from gpattention.files.atomic import write_json, write_text
from gpattention.files.full_disk import full_disk_told
from gpattention.output.run_log import log_kept_for
from gpattention.output.silenced_warnings import quiet_libraries
from gpattention.regressions.ladder import Ladder
from gpattention.run_folder import files
from gpattention.run_folder.identity import identify, is_of, refuse_another, to_json
from gpattention.runs import several_devices
from gpattention.runs.build import (
    build_data,
    build_datamodule,
    build_loggers,
    build_module,
    build_trainer,
    check_monitor,
    model_name,
)
from gpattention.runs.evaluate import Metrics, fit_and_test
from gpattention.runs.folder import new_run, put_back, refuse_complete, refuse_unfinished
from gpattention.runs.provenance import made_with
from gpattention.runs.rungs import fit_rung
from gpattention.runs.trait import describe_trait
from gpattention.training import loggers
from gpattention.training.callbacks import OnEpoch
from gpattention.training.kinds import module_class

log = logging.getLogger(__name__)

ROOM = "make room, then give the same command with resume=auto; what is there is whole"


def run(cfg: DictConfig, folder: Path, on_epoch: OnEpoch | None = None, overrides: list[str] | None = None) -> Metrics:
    """Fit one map and score it, leaving the run folder; returns what `metrics.json` holds.

    Configuration and data are refused before the folder is touched; a complete run in it is gone only once its
    replacement is complete. With `resume=auto` an unfinished run goes on after its last epoch, and a complete one is
    left as it is.

    Args:
        on_epoch: told of every epoch of a map that takes several.
        overrides: the words of `train.py` that gave the configuration, to be kept with the run; None where none did.

    Raises:
        InputError: the configuration or the data cannot be used, or the folder holds another run.
    """
    config = check_config(cfg)
    if several_devices.is_needed(config["trainer"]):
        return several_devices.run_on_devices(config, folder, on_epoch, overrides)
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
        kind = module_class(config["model"])
        data = build_data(config)
        datamodule = build_datamodule(config, kind, data)
        module = build_module(config, kind, data)
        check_monitor(config["monitor"], module, data)
        trainer = build_trainer(config, folder, module, datamodule, on_epoch)
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
                if isinstance(module, Ladder):
                    module.climb(partial(fit_rung, run, config, folder, data))
                metrics, drawn = fit_and_test(folder, datamodule, module, trainer)
                if isinstance(module, Ladder):
                    drawn.append(describe_trait(folder, module, metrics.get("test/r2_ceiling")))
                metrics |= {"made_with": {"overrides": overrides} | made_with(config, data, module)}
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
    kept = (files.CHECKPOINT, files.LAST, *files.PREVIOUS, files.LOG, files.RUNGS) if goes_on else ()
    return new_run(folder, keep=kept)


def ceiling_text(metrics: Metrics) -> str:
    ceiling = metrics.get("test/r2_ceiling")
    return "" if ceiling is None else f" (noise ceiling {ceiling:.4f})"
