"""Runs side by side: their test R2 and what they cost."""

import pandas as pd
from matplotlib.figure import Figure

from gpattention.analysis import figures
from gpattention.analysis.results import Sweep

COLUMNS = {
    "run": "run",
    "test/r2": "test R2",
    "test/r2_ceiling": "noise ceiling",
    "n_parameters": "parameters",
    "train/passes": "passes",
    "fit_seconds": "seconds",
}


def analyse(results: pd.DataFrame, sweep: Sweep) -> tuple[pd.DataFrame, Figure]:
    """A row and a bar for every run."""
    results = results.assign(run=results["folder"].str.rsplit("/", n=1).str[-1])
    summary = results[[name for name in COLUMNS if name in results]].rename(columns=COLUMNS)
    return summary, figures.comparison(results, sweep.title)
