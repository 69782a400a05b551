"""A finished run made again, from its configuration alone, and compared with what it left."""

import logging
import math
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from omegaconf import OmegaConf

from gpattention.errors import InputError, NotReproduced
from gpattention.files.untrusted import read_object
from gpattention.run_folder import files, loading
from gpattention.run_folder.identity import identify, refuse_another
from gpattention.runs.run import run as make

log = logging.getLogger(__name__)

NEEDED = (files.METRICS, files.CONFIG, files.IDENTITY, files.PREDICTIONS)
SCORES = ("val/", "test/")
COUNTED = "test/coverage"  # jumps by 1 / n where one value crosses its bound; predictions and widths are compared


def verify(
    *,
    run: str,
    tolerance: float = 1e-4,
    accelerator: Literal["as_run", "auto", "cpu", "gpu"] = "as_run",
    devices: int | None = None,
) -> None:
    """Make a run again in a folder of its own, and compare data, scores and predictions with those of the run.

    Args:
        run: folder of the finished run; it is only read.
        tolerance: largest difference of a score, and of a prediction in standard deviations of its environment's
            predictions, that counts as the same.
        accelerator: where to make it.
        devices: how many; None takes the run's own number.

    Raises:
        InputError: the run is not complete, or the files it was made from have changed.
        NotReproduced: the results differ; the message says in what, and which versions are others.
    """
    if tolerance < 0:
        raise InputError(f"tolerance={tolerance}: give a number from 0 on")
    folder = Path(run)
    config, stored, predictions = read_run(folder)
    made_with = stored["made_with"]
    if accelerator != "as_run":
        config["trainer"]["accelerator"] = accelerator
    if devices is not None:
        config["trainer"]["devices"] = devices
    refuse_another(identify(config), folder, "put back what the run was made from, to make it again")
    log.info("%s is made again, in a folder that is removed afterwards", folder)
    with tempfile.TemporaryDirectory(prefix="gpattention-") as directory:
        again = Path(directory) / folder.resolve().name
        metrics = make(OmegaConf.create(config), again)
        differences = compare_scores(stored, metrics, tolerance)
        largest = largest_difference(predictions, read_predictions(again))
    if made_with["data_sha256"] != metrics["made_with"]["data_sha256"]:
        differences.insert(0, "genotypes, phenotypes or split are others")
    if not largest <= tolerance:
        differences.append(f"predictions by up to {largest:.2g} of their standard deviation")
    versions = other_versions(made_with, metrics["made_with"])
    if differences:
        raise NotReproduced(
            f"{folder} is not reproduced to {tolerance:g}: {'; '.join(differences)} ({versions or 'the same versions'})"
        )
    log.info("reproduced: scores, and %d predictions to %.2g of their standard deviation", len(predictions), largest)
    if versions:
        log.info("although with %s", versions)


def read_run(folder: Path) -> tuple[dict[str, Any], dict[str, Any], pd.Series]:
    """Configuration, metrics and predictions of a finished run."""
    files.refuse_incomplete(folder, NEEDED)
    files.refuse_run_of_another_format(folder)
    try:
        config = loading.read_config(folder)
        config |= {
            "overwrite": False,
            "resume": "never",
            "logger": {"_target_": "gpattention.training.no_loggers"},
        }
        metrics = read_object(folder / files.METRICS, ("made_with",), files.MEND)
        return config, metrics, read_predictions(folder)
    except loading.DAMAGED as error:
        raise loading.damaged(folder, error) from error


def read_predictions(folder: Path) -> pd.Series:
    """Predicted phenotypes of the test part by individual and environment."""
    table = pd.read_csv(folder / files.PREDICTIONS, sep="\t", dtype={"id": str, "environment": str})
    return table.set_index(["id", "environment"])["predicted"]


def compare_scores(before: Mapping[str, Any], after: Mapping[str, Any], tolerance: float) -> list[str]:
    """The scores of validation and test that differ, with both values."""
    names = [name for name in {**before, **after} if name.startswith(SCORES) and not name.startswith(COUNTED)]
    values = [(name, before.get(name), after.get(name)) for name in names]
    return [
        f"{name} {one} -> {other}"
        for name, one, other in values
        if one != other and (one is None or other is None or not abs(one - other) <= tolerance)
    ]


def largest_difference(before: pd.Series, after: pd.Series) -> float:
    """Between predictions, in standard deviations of their environment's; infinite where others were made."""
    if not before.index.equals(after.index):
        return math.inf
    sd = before.groupby(level="environment").transform("std")
    return float(((after - before).abs() / sd.where(sd > 0, 1.0)).max())


def other_versions(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """What the run was made with that the repetition was not."""
    then, now = ({**one["versions"], "device": one["device"], "processes": one["processes"]} for one in (before, after))
    changes = [f"{name} {then.get(name)}, now {now[name]}" for name in now if then.get(name) != now[name]]
    if before["commit"] != after["commit"]:
        changes.append(f"commit {before['commit']}, now {after['commit']}")
    return "; ".join(changes)
