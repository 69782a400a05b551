"""Names and formats of everything that a run folder holds, and how a run is loaded from it."""

import json
import os
import pickle
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
import torch
import yaml
from filelock import FileLock, Timeout
from hydra.utils import get_class
from numpy.typing import NDArray

from gpattention.checkpoints import read_checkpoint
from gpattention.data.datamodule import GPMapDataModule
from gpattention.data.genotype_phenotype import Coding
from gpattention.data.scaling import Scaling
from gpattention.errors import InputError
from gpattention.gpmap import GPMap
from gpattention.module import GPMapModule

CONFIG = "config.yaml"
IDENTITY = "identity.json"
LOG = "run.log"
PREPROCESSING = "preprocessing.json"
SPLITS = "splits.npz"
TRUTH = "truth.npz"
CHECKPOINT = "best.ckpt"
LOCK = ".lock"
LAST = "last.ckpt"  # the state of training after the last epoch
PREVIOUS = ("best.previous.ckpt", "last.previous.ckpt")  # the checkpoints they replaced
RANKS_LOG = "ranks.log"  # what the processes of a run printed, where one was lost
UNFINISHED = (LAST, *PREVIOUS, RANKS_LOG)  # gone once the run is complete
HISTORY = "metrics.csv"
PREDICTIONS = "predictions_test.tsv"
VALIDATION_PREDICTIONS = "predictions_val.tsv"
LEARNING_CURVE = "learning_curve.png"
PREDICTED = "predicted_against_measured.png"
CALIBRATION = "calibration.png"
METRICS = "metrics.json"  # written last: a run folder with it is complete

ALL = (
    CONFIG,
    IDENTITY,
    LOG,
    PREPROCESSING,
    SPLITS,
    TRUTH,
    CHECKPOINT,
    *UNFINISHED,
    HISTORY,
    PREDICTIONS,
    VALIDATION_PREDICTIONS,
    LEARNING_CURVE,
    PREDICTED,
    CALIBRATION,
    METRICS,
)
READING = "reading"  # folder with what `gpattention read` found in the map
FOLDERS = ("wandb", "tensorboard", READING)  # of trackers, and of what was made of the run later
SET_ASIDE = ".replaced"  # a complete run while another takes its place

# What comes of reading files that are cut off, empty or not what their names say.
DAMAGED = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,
    ImportError,
    pickle.UnpicklingError,
    yaml.YAMLError,
)


@dataclass(frozen=True)
class Preprocessing:
    """How the genotypes of a run became its input, and its output phenotypes.

    Attributes:
        coding: coding of the genotype file.
        n_columns: columns of the genotype file.
        loci_index: positions among them of the loci used.
        locus_names: names of the loci used, or None for a bare array.
        environment_names: E names.
        mean, sd: of each environment in the training part, in original units.
        n_train_values: measured values of each environment in the training part.
        covariates: E values of each covariate by its name, in original units, or None.
    """

    coding: Coding
    n_columns: int
    loci_index: list[int]
    locus_names: list[str] | None
    environment_names: list[str]
    mean: list[float]
    sd: list[float]
    n_train_values: list[int]
    covariates: dict[str, list[float]] | None

    @classmethod
    def of(cls, data: GPMapDataModule) -> "Preprocessing":
        names, covariates = data.data.locus_names, data.data.covariates
        return cls(
            coding=data.data.coding,
            n_columns=data.n_columns,
            loci_index=data.loci_index.tolist(),
            locus_names=None if names is None else list(names),
            environment_names=list(data.data.environment_names),
            mean=data.scaling.mean.tolist(),
            sd=data.scaling.sd.tolist(),
            n_train_values=data.n_train_values.tolist(),
            covariates=None if covariates is None else {str(name): covariates[name].tolist() for name in covariates},
        )

    @property
    def scaling(self) -> Scaling:
        return Scaling(np.array(self.mean), np.array(self.sd))


@dataclass(frozen=True)
class Run:
    """A finished run: its resolved configuration, its fitted map and how to prepare genotypes for it."""

    folder: Path
    config: dict[str, Any]
    module: GPMap
    preprocessing: Preprocessing


def load_run(folder: Path | str) -> Run:
    """The run in a folder; needs nothing but the folder.

    Raises:
        InputError: the folder is not there or not complete.
    """
    folder = Path(folder)
    refuse_incomplete(folder, (METRICS, CONFIG, PREPROCESSING, CHECKPOINT))
    try:
        config = yaml.safe_load((folder / CONFIG).read_text())
        kind = module_class(config["model"])
        read_checkpoint(folder / CHECKPOINT)
        module = kind.load_from_checkpoint(folder / CHECKPOINT, map_location="cpu", weights_only=True)
        preprocessing = Preprocessing(**json.loads((folder / PREPROCESSING).read_text()))
        if len(preprocessing.loci_index) != module.hparams["n_loci"]:
            raise ValueError(f"{PREPROCESSING} and {CHECKPOINT} have different numbers of loci")
    except DAMAGED as error:
        raise damaged(folder, error) from error
    module.train(False)  # dropout off
    return Run(folder, config, module, preprocessing)


def refuse_incomplete(folder: Path, names: tuple[str, ...]) -> None:
    """Raise an InputError where a folder lacks some of the files of a finished run."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give the folder of a run")
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise InputError(
            f"{folder} is not a complete run: it has no {', '.join(missing)}; give the folder of a finished run"
        )


def damaged(folder: Path, error: Exception) -> InputError:
    """What to say of a run whose files are not what their names say."""
    reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    return InputError(f"{folder} is damaged ({reason}): fit it again with overwrite=true")


def module_class(model: dict[str, Any]) -> type[GPMap]:
    """The LightningModule for a model's configuration: its own where it fits itself, else training by gradients."""
    target = get_class(model["_target_"])
    return target if issubclass(target, GPMap) else GPMapModule


def is_complete(folder: Path) -> bool:
    return (folder / METRICS).is_file()


def is_unfinished(folder: Path) -> bool:
    """Whether a run in the folder was begun and did not come to its end."""
    return (folder / IDENTITY).is_file() and not is_complete(folder)


def refuse_complete(folder: Path) -> None:
    if is_complete(folder):
        raise InputError(
            f"{folder} holds a complete run: set overwrite=true to replace it, or give another hydra.run.dir "
            "(in a multirun hydra.sweep.dir)"
        )


def refuse_unfinished(folder: Path) -> None:
    if is_unfinished(folder):
        raise InputError(
            f"{folder} holds an unfinished run: set resume=auto to go on with it, overwrite=true to replace it, or give another "
            "hydra.run.dir"
        )


@contextmanager
def new_run(folder: Path, keep: tuple[str, ...] = ()) -> Iterator[None]:
    """Clear the folder for a run. A complete run in it is set aside, and put back if the new one fails.

    Args:
        keep: files of an unfinished run that stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder):
        if is_complete(folder):
            aside = folder / SET_ASIDE
            aside.mkdir()
            for name in (*FOLDERS, *ALL):  # the metrics last: with them all of it is there
                if (folder / name).exists():
                    (folder / name).rename(aside / name)
        else:
            remove_run(folder, keep)
        try:
            yield
        except BaseException:
            put_back_held(folder)
            raise
        discard_aside(folder)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """The folder of a run, for this process alone."""
    try:
        with FileLock(folder / LOCK, timeout=0):
            try:
                yield
            finally:
                (folder / LOCK).unlink(missing_ok=True)
    except Timeout as error:
        raise InputError(f"another process is at the run in {folder}: wait for it, or give another folder") from error


def put_back(folder: Path) -> None:
    """Put back a complete run that was set aside for one that was killed."""
    if (folder / SET_ASIDE).is_dir():
        with held(folder):
            put_back_held(folder)


def put_back_held(folder: Path) -> None:
    """Put back a complete run that was set aside for one that failed or was killed.

    May itself be killed at any moment and called again: the metrics are the last to be set aside and the first to come
    back, so where they are not set aside, whatever is there belongs to the folder.
    """
    aside = folder / SET_ASIDE
    if not aside.is_dir():
        return
    if (aside / METRICS).exists():
        if is_complete(folder):
            discard_aside(folder)
            return
        remove_run(folder)
        (aside / METRICS).rename(folder / METRICS)
    for path in aside.iterdir():
        path.rename(folder / path.name)
    aside.rmdir()


def discard_aside(folder: Path) -> None:
    """Remove the run set aside, first by its name, so that half of it is never taken for one to put back."""
    discarded = folder / f"{SET_ASIDE}.discarded"
    shutil.rmtree(discarded, ignore_errors=True)
    if (folder / SET_ASIDE).exists():
        (folder / SET_ASIDE).rename(discarded)
        shutil.rmtree(discarded)


def remove_run(folder: Path, keep: tuple[str, ...] = ()) -> None:
    """Remove what a run left in a folder but for some files, and nothing else."""
    for name in reversed(ALL):
        if name not in keep:
            (folder / name).unlink(missing_ok=True)
    for path in folder.glob("*.tmp"):  # of a process that was killed while it wrote
        path.unlink(missing_ok=True)
    for name in FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write under another name, then rename, so that the file is whole or not there."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def write_json(path: Path, content: Any) -> None:
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """What a JSON file of a run holds.

    Raises:
        InputError: it is not there or damaged.
    """
    with refused_if_damaged(path):
        return dict(json.loads(path.read_text()))


def read_arrays(path: Path) -> dict[str, NDArray]:
    """The arrays of an `.npz` file of a run by their names.

    Raises:
        InputError: it is not there or damaged.
    """
    with refused_if_damaged(path), np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


@contextmanager
def refused_if_damaged(path: Path) -> Iterator[None]:
    try:
        yield
    except (*DAMAGED, BadZipFile) as error:
        raise InputError(
            f"{path} cannot be read ({type(error).__name__}): fit the run again with overwrite=true"
        ) from error


def write_data_description(folder: Path, data: GPMapDataModule) -> None:
    """Preprocessing, splits and, for simulated data, the truth."""
    write_json(folder / PREPROCESSING, asdict(Preprocessing.of(data)))
    train, val, test = data.split
    np.savez(folder / SPLITS, individual_ids=np.array(data.data.individual_ids), train=train, val=val, test=test)
    if (truth := data.data.truth) is not None:
        arrays: dict[str, Any] = {"noiseless": truth.noiseless, **truth.by_environment, **truth.arrays}
        np.savez(folder / TRUTH, **arrays)


def predictions_table(data: GPMapDataModule, rows: NDArray[np.int64], standardised: torch.Tensor) -> pd.DataFrame:
    """Measured and predicted phenotypes of some rows in original units, a row per individual and environment."""
    names = data.data.environment_names
    ids = np.array(data.data.individual_ids)[rows]
    return pd.DataFrame(
        {
            "id": np.repeat(ids, len(names)),
            "environment": np.tile(names, len(rows)),
            "measured": data.data.phenotype[rows].ravel(),
            "predicted": data.scaling.restore(standardised.numpy()).ravel(),
        }
    )
