"""Maps side by side: their test R2, means over seeds, and what they cost."""

import pandas as pd
from matplotlib.figure import Figure

from gpattention.analysis import figures
from gpattention.analysis.results import REPLICATES, group, label, varied_keys
from gpattention.blocks import Sweep


def analyse(results: pd.DataFrame, sweep: Sweep) -> tuple[pd.DataFrame, Figure]:
    """A row and a bar for every block and every setting that it varies."""
    keys = [key for key in varied_keys(results) if key not in REPLICATES]
    summary = group(results, ["block", *keys]).dropna(axis="columns", how="all")
    keys = [key for key in keys if key in summary]
    names = summary[["block", *keys]].apply(label, axis=1)
    return summary, figures.comparison(summary.assign(name=names), sweep.title)
