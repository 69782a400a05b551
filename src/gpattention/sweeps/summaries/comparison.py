"""Maps side by side: their test R2, means over seeds, and what they cost."""

import logging

import pandas as pd
from matplotlib.figure import Figure

from gpattention.errors import InputError
from gpattention.output import figures
from gpattention.sweeps.summaries.differences import find_differences
from gpattention.sweeps.summaries.results import REPLICATES, group, label, varied_keys
from gpattention.sweeps.sweep_file import Sweep

log = logging.getLogger(__name__)


def analyse(results: pd.DataFrame, sweep: Sweep) -> tuple[pd.DataFrame, Figure]:
    """A row and a bar for every block and every setting that it varies."""
    keys = settings(results)
    summary = group(results, ["block", *keys]).dropna(axis="columns", how="all")
    keys = [key for key in keys if key in summary]
    names = summary[["block", *keys]].apply(label, axis=1)
    return summary, figures.comparison(summary.assign(name=names), sweep.title)


def compare_maps(results: pd.DataFrame) -> pd.DataFrame | None:
    """Differences between the maps of a sweep, within each choice of environments; None where they cannot be compared."""
    key = "data.environments"
    parts = (
        [part for _, part in results.groupby(key, sort=False, dropna=False)]
        if key in varied_keys(results)
        else [results]
    )
    found = [table for table in map(compare_alike, parts) if table is not None]
    return pd.concat(found, ignore_index=True) if found else None


def compare_alike(results: pd.DataFrame) -> pd.DataFrame | None:
    """The same of maps of one choice of environments, over the replicates that all have."""
    keys, replicates = settings(results), [key for key in varied_keys(results) if key in REPLICATES]
    results = results.assign(
        map=results[["block", *keys]].apply(label, axis=1),
        replicate=[tuple(row) for row in results[replicates].astype(str).to_numpy()],
    )
    folders = results.pivot(index="replicate", columns="map", values="folder")[results["map"].unique()].dropna()
    if folders.empty or len(folders.columns) < 2:
        return None
    try:
        return find_differences({str(name): list(folders[name]) for name in folders})
    except InputError as error:
        log.info("no differences between maps: %s", error)
        return None


def settings(results: pd.DataFrame) -> list[str]:
    """Keys that vary within a block but for those that make replicates."""
    return [key for key in varied_keys(results) if key not in REPLICATES]
