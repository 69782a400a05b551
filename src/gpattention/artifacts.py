"""Names and formats of everything that a run folder holds, and how a run is loaded from it."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml
from hydra.utils import get_class

from gpattention.data.datamodule import GPMapDataModule
from gpattention.data.genotype_phenotype import Coding
from gpattention.data.scaling import Scaling
from gpattention.errors import InputError
from gpattention.gpmap import GPMap
from gpattention.module import GPMapModule

CONFIG = "config.yaml"
LOG = "run.log"
PREPROCESSING = "preprocessing.json"
SPLITS = "splits.npz"
TRUTH = "truth.npz"
CHECKPOINT = "best.ckpt"
HISTORY = "metrics.csv"
PREDICTIONS = "predictions_test.tsv"
LEARNING_CURVE = "learning_curve.png"
PREDICTED = "predicted_against_measured.png"
METRICS = "metrics.json"  # written last: a run folder with it is complete

ALL = (CONFIG, LOG, PREPROCESSING, SPLITS, TRUTH, CHECKPOINT, HISTORY, PREDICTIONS, LEARNING_CURVE, PREDICTED, METRICS)


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
    """

    coding: Coding
    n_columns: int
    loci_index: list[int]
    locus_names: list[str] | None
    environment_names: list[str]
    mean: list[float]
    sd: list[float]

    @classmethod
    def of(cls, data: GPMapDataModule) -> "Preprocessing":
        names = data.data.locus_names
        return cls(
            coding=data.data.coding,
            n_columns=data.n_columns,
            loci_index=data.loci_index.tolist(),
            locus_names=None if names is None else list(names),
            environment_names=list(data.data.environment_names),
            mean=data.scaling.mean.tolist(),
            sd=data.scaling.sd.tolist(),
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
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give the folder of a run")
    missing = [name for name in (METRICS, CONFIG, PREPROCESSING, CHECKPOINT) if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"{folder} is not a complete run: it has no {', '.join(missing)}; give the folder of a finished run"
        )
    config = yaml.safe_load((folder / CONFIG).read_text())
    module = module_class(config["model"]).load_from_checkpoint(
        folder / CHECKPOINT, map_location="cpu", weights_only=True
    )
    preprocessing = Preprocessing(**json.loads((folder / PREPROCESSING).read_text()))
    return Run(folder, config, module.eval(), preprocessing)


def module_class(model: dict[str, Any]) -> type[GPMap]:
    """The LightningModule for a model's configuration: its own where it fits itself, else training by gradients."""
    target = get_class(model["_target_"])
    return target if issubclass(target, GPMap) else GPMapModule


def is_complete(folder: Path) -> bool:
    return (folder / METRICS).is_file()


def refuse_complete(folder: Path) -> None:
    if is_complete(folder):
        raise InputError(
            f"{folder} holds a complete run: set overwrite=true to replace it, or give another hydra.run.dir"
        )


def clear_run(folder: Path) -> None:
    """Make the folder and remove what an earlier run left there, its completeness first."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in reversed(ALL):
        (folder / name).unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write under another name, then rename, so that the file is whole or not there."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def write_json(path: Path, content: Any) -> None:
    write_text(path, json.dumps(content, indent=2) + "\n")


def write_data_description(folder: Path, data: GPMapDataModule) -> None:
    """Preprocessing, splits and, for simulated data, the truth."""
    write_json(folder / PREPROCESSING, asdict(Preprocessing.of(data)))
    train, val, test = data.split
    np.savez(folder / SPLITS, individual_ids=np.array(data.data.individual_ids), train=train, val=val, test=test)
    if (truth := data.data.truth) is not None:
        arrays: dict[str, Any] = {"noiseless": truth.noiseless, **truth.by_environment, **truth.arrays}
        np.savez(folder / TRUTH, **arrays)


def predictions_table(data: GPMapDataModule, standardised: torch.Tensor) -> pd.DataFrame:
    """Measured and predicted test phenotypes in original units, a row per individual and environment."""
    names, rows = data.data.environment_names, data.split.test
    ids = np.array(data.data.individual_ids)[rows]
    return pd.DataFrame(
        {
            "id": np.repeat(ids, len(names)),
            "environment": np.tile(names, len(rows)),
            "measured": data.data.phenotype[rows].ravel(),
            "predicted": data.scaling.restore(standardised.numpy()).ravel(),
        }
    )
