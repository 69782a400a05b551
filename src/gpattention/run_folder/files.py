"""Names and formats of everything that a run folder holds."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpattention.data.training_data import TrainingData
from gpattention.errors import InputError
from gpattention.files.atomic import to_json, write_json, write_text
from gpattention.files.checksums import CHECKSUMS, list_checksums, refuse_changed
from gpattention.files.untrusted import read_arrays, read_object
from gpattention.run_folder.preprocessing import Preprocessing

CONFIG = "config.yaml"
IDENTITY = "identity.json"
LOG = "run.log"
PREPROCESSING = "preprocessing.json"
SPLITS = "splits.npz"
TRUTH = "truth.npz"
CHECKPOINT = "best.ckpt"
LAST = "last.ckpt"  # the state of training after the last epoch
PREVIOUS = ("best.previous.ckpt", "last.previous.ckpt")  # the checkpoints they replaced
RANKS_LOG = "ranks.log"  # what the processes of a run printed, where one was lost
UNFINISHED = (LAST, *PREVIOUS, RANKS_LOG)  # gone once the run is complete
HISTORY = "metrics.csv"
PREDICTIONS = "predictions_test.tsv"
VALIDATION_PREDICTIONS = "predictions_val.tsv"
INTERACTIONS = "interactions.tsv"  # of model=interactions
LADDER = "ladder.tsv"  # of model=auto: its maps and their weights
TRAIT = ("trait.txt", "trait.tsv", "trait.png")  # of model=auto: what the trait is
CANDIDATES = "candidates.tsv"  # of model=latent: the settings that validation chose among
LEARNING_CURVE = "learning_curve.png"
PREDICTED = "predicted_against_measured.png"
CALIBRATION = "calibration.png"
REPORT = "report.html"  # made later
PROFILES = tuple(f"{stage}-profile.txt" for stage in ("fit", "validate", "test"))  # where the time went, if asked for
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
    INTERACTIONS,
    CANDIDATES,
    LADDER,
    *TRAIT,
    LEARNING_CURVE,
    PREDICTED,
    CALIBRATION,
    REPORT,
    *PROFILES,
    CHECKSUMS,
    METRICS,
)
OCCASIONAL = (
    *UNFINISHED,
    *PROFILES,
    INTERACTIONS,
    CANDIDATES,
    LADDER,
    *TRAIT,
    REPORT,
)  # what not every finished run has
SEALED = (
    CONFIG,
    IDENTITY,
    PREPROCESSING,
    SPLITS,
    TRUTH,
    CHECKPOINT,
    PREDICTIONS,
    VALIDATION_PREDICTIONS,
    INTERACTIONS,
    CANDIDATES,
    LADDER,
)  # and the metrics
READING = "reading"  # folder with what `gpattention read` found in the map
RUNGS = "rungs"  # folder with a run for each map of model=auto
FIGURES = "figures"  # folder with figures of the paper
FOLDERS = ("wandb", "tensorboard", READING, FIGURES, RUNGS)  # of trackers, and of what was made of the run later
RESULTS_FORMAT = 2  # raise it when results of equal settings are no longer comparable

MEND = "restore it from a copy, or fit the run again with overwrite=true"


def refuse_another_format(folder: Path, stored: Any) -> None:
    """Raise an InputError where the results in the folder of a run or a sweep are not of the format that this version writes."""
    if stored != RESULTS_FORMAT:
        raise InputError(
            f"{folder} holds results of format {stored}, by {maker_of(folder)}, and this version writes format "
            f"{RESULTS_FORMAT}: give another folder, or take that version for it"
        )


def refuse_run_of_another_format(folder: Path) -> None:
    """The same for the run in a folder, by what it says of itself."""
    if (folder / IDENTITY).is_file():
        refuse_another_format(folder, read_object_of(folder, IDENTITY).get("results_format"))


def maker_of(folder: Path) -> str:
    """The version of the program that made the run, or the runs of the sweep, in a folder, in words."""
    for path in (folder / METRICS, *sorted(folder.glob(f"*/{METRICS}"))[:1]):
        try:
            return f"gpattention {read_object(path, ('made_with',), MEND)['made_with']['versions']['gpattention']}"
        except (InputError, KeyError, TypeError):
            continue
    return "another version of this program"


def refuse_incomplete(folder: Path, names: tuple[str, ...]) -> None:
    """Raise an InputError where a folder lacks some of the files of a finished run."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give the folder of a run")
    if missing := [name for name in names if not (folder / name).is_file()]:
        raise InputError(
            f"{folder} is not a complete run: it has no {', '.join(missing)}; give the folder of a finished run"
        )


def read_metrics(folder: Path) -> dict[str, Any]:
    """The scores of a complete run.

    Raises:
        InputError: the file is damaged or was changed, as with all that follow.
    """
    return read_object_of(folder, METRICS, ("test/r2", "made_with"))


def read_object_of(folder: Path, name: str, keys: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a JSON file of a run holds."""
    refuse_changed(folder, name)
    return read_object(folder / name, keys, MEND)


def read_arrays_of(folder: Path, name: str, names: tuple[str, ...] | None = None) -> dict[str, NDArray]:
    """The arrays of an `.npz` file of a run, all or some, by their names."""
    refuse_changed(folder, name)
    return read_arrays(folder / name, names, MEND)


def complete(folder: Path, metrics: dict[str, Any]) -> None:
    """Write the checksums and then the metrics, which make the run complete, and remove what only an unfinished one needs."""
    text = to_json(metrics)
    write_text(folder / CHECKSUMS, list_checksums(folder, SEALED, {METRICS: text}))
    write_text(folder / METRICS, text)
    for name in UNFINISHED:
        (folder / name).unlink(missing_ok=True)


def is_complete(folder: Path) -> bool:
    return (folder / METRICS).is_file()


def is_unfinished(folder: Path) -> bool:
    """Whether a run in the folder was begun and did not come to its end."""
    return (folder / IDENTITY).is_file() and not is_complete(folder)


def write_data_description(folder: Path, data: TrainingData) -> None:
    """Preprocessing, splits and, for simulated data, the truth."""
    write_json(folder / PREPROCESSING, asdict(Preprocessing.of(data)))
    train, val, test = data.split
    np.savez(folder / SPLITS, individual_ids=np.array(data.data.individual_ids), train=train, val=val, test=test)
    if (truth := data.data.truth) is not None:
        arrays: dict[str, Any] = {"noiseless": truth.noiseless, **truth.by_environment, **truth.arrays}
        np.savez(folder / TRUTH, **arrays)
