"""What a sweep leaves in its folder, and how it is read again."""

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from gpattention.checks import name_some
from gpattention.errors import InputError
from gpattention.files.untrusted import UNREADABLE, read_object, refuse
from gpattention.run_folder import files
from gpattention.sweeps.summaries.results import is_override

MANIFEST, RESULTS, SUMMARY, FIGURE = "sweep.json", "results.csv", "summary.csv", "results.png"
DIFFERENCES = "differences.csv"
MEND = "give the sweep's command again, which makes nothing twice"


class FinishedSweep(NamedTuple):
    """A sweep as its folder has it.

    Attributes:
        manifest: `sweep`, `title`, `scale` and `overrides` of the command that made it.
        results: a row a run: `block`, `run`, overrides as text, metrics as numbers, and `folder`, where the run is now.
    """

    folder: Path
    manifest: dict[str, Any]
    results: pd.DataFrame


def read_sweep_folder(folder: Path | str) -> FinishedSweep:
    """The sweep in a folder, wherever that has been moved to.

    Raises:
        InputError: the folder is not there, holds no collected sweep or one of another version, or lacks runs.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give the folder of a sweep")
    missing = [name for name in (MANIFEST, RESULTS) if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"{folder} holds no finished sweep: it has no {', '.join(missing)}; give the folder of a sweep, and make it to "
            "its end first"
        )
    manifest = read_object(folder / MANIFEST, ("results_format",), MEND)
    files.refuse_another_format(folder, manifest["results_format"])
    try:
        results = pd.read_csv(folder / RESULTS, dtype=str)
        texts = {"block", "run", "folder"}
        names = [name for name in results if not (name in texts or is_override(str(name)))]
        results[names] = results[names].apply(pd.to_numeric)
        results[["block", "run"]]  # a KeyError where one is not there
        # Runs lie in the sweep's folder; the path from when they were made may lead nowhere by now.
        results["folder"] = [str(folder / Path(path).name) for path in results["folder"]]
    except UNREADABLE as error:
        refuse(folder / RESULTS, "as the runs of a sweep", error, MEND)
    lacking = [Path(path).name for path in results["folder"].unique() if not files.is_complete(Path(path))]
    if lacking:
        raise InputError(
            f"{folder} lacks {len(lacking)} of the {results['folder'].nunique()} runs of its {RESULTS}: "
            f"{name_some(lacking)}; give the sweep's command again to make them"
        )
    return FinishedSweep(folder, manifest, results)


def read_table_of(sweep: FinishedSweep, name: str) -> pd.DataFrame | None:
    """A table that the sweep has left beside its results, or None where it has not."""
    path = sweep.folder / name
    try:
        return pd.read_csv(path) if path.is_file() else None
    except UNREADABLE as error:
        refuse(path, "as a table", error, MEND)
