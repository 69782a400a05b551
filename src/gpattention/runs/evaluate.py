"""Fit a map, take its best epoch by validation, score it, and write what is to be seen of it."""

import logging
import resource
import sys
import time
from pathlib import Path
from typing import Any

import lightning as L
import torch

from gpattention import ranks
from gpattention.data.datamodule import GPMapDataModule
from gpattention.data.noise_ceiling import over_ceiling, r2_ceiling
from gpattention.data.training_data import TrainingData
from gpattention.errors import InputError
from gpattention.files.atomic import write_text
from gpattention.output import figures
from gpattention.run_folder import files
from gpattention.run_folder.predictions import predictions_table
from gpattention.scores.conformal import calibrate, interval_scores
from gpattention.training.callbacks import EpochHistory
from gpattention.training.checkpoints import newest_whole, read_checkpoint
from gpattention.training.gpmap import GPMap

log = logging.getLogger(__name__)

Metrics = dict[str, Any]


def fit_and_test(
    folder: Path, datamodule: GPMapDataModule, module: GPMap, trainer: L.Trainer
) -> tuple[Metrics, list[Path]]:
    """Fit, restore the best epoch by validation, score it on validation and test; metrics, and the figures drawn."""
    data, start = datamodule.training_data, time.perf_counter()
    history = next(callback for callback in trainer.callbacks if isinstance(callback, EpochHistory))  # type: ignore[attr-defined]
    last = newest_whole(folder / files.LAST)
    if last is not None:
        log.info("going on from %s", last)
    trainer.fit(module, datamodule=datamodule, ckpt_path=last)
    fit_seconds = module.seconds_before_fit + history.seconds_before + time.perf_counter() - start
    rows = history.rows
    module.scores |= {name: value for name, value in rows[-1].items() if name.startswith("train/")}

    rows_per_epoch = min(datamodule.rows_per_epoch, trainer.num_training_batches * datamodule.sampler.batch_size)
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
    trainer.limit_val_batches = 1.0  # whatever the fit made do with, the scores are of all
    trainer.validate(module, datamodule=datamodule, verbose=False)
    trainer.test(module, datamodule=datamodule, verbose=False)

    validation = predictions_table(data, data.split.val, module.predictions["val"])
    predictions = predictions_table(data, data.split.test, module.predictions["test"])
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
        "segregants_per_second": round(rows_per_epoch * len(rows) / fit_seconds, 1),
        "peak_memory_mib": round(peak_memory_mib(), 1),
    }
    if not ranks.is_first():
        return metrics, []
    written = {files.PREDICTIONS: predictions, files.VALIDATION_PREDICTIONS: validation}
    for name, table in (written | {f"{name}.tsv": table for name, table in module.tables(data).items()}).items():
        write_text(folder / name, table.to_csv(sep="\t", index=False, float_format="%.8g"))
    drawn = {
        files.LEARNING_CURVE: figures.learning_curve(rows, best_epoch),
        files.PREDICTED: figures.predicted_against_measured(predictions, metrics),
        files.CALIBRATION: figures.calibration(calibrate(validation, predictions)),
    }
    for name, figure in drawn.items():
        figures.save(figure, folder / name)
    return metrics, [folder / name for name in drawn]


def target_counts(data: TrainingData) -> dict[str, int]:
    """Values that the environment with few of them has for training and validation."""
    return {} if data.target is None else {"n_train_target": data.target.n_train, "n_val_target": data.target.n_val}


def peak_memory_mib() -> float:
    """Highest memory of the accelerator if there is one, else of this process so far."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
