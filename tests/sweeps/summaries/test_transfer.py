import numpy as np
import pandas as pd
import pytest

from gpattention.sweeps.summaries import transfer
from gpattention.sweeps.sweep_file import Sweep


def test_curve_is_of_means_with_bars_over_runs():
    rng = np.random.default_rng(0)
    rows = [
        {
            "block": block,
            "n_train_target": m,
            "n_val_target": 0,
            "test/r2_target": r,
            "test/correlation_target": -r,
            "folder": "",
        }
        for block in ("joint", "alone")
        for m in (0, 10, 100)
        for r in rng.random(3)
    ]
    results = pd.DataFrame(rows)
    summary, figure = transfer.analyse(results, Sweep("title", "folder", [], {}))
    part = results[(results["block"] == "joint") & (results["n_train_target"] == 10)]["test/r2_target"]
    row = summary.set_index(["block", "n_train_target"]).loc[("joint", 10)]
    assert (row["n_runs"], row["r2"]) == (3, pytest.approx(part.mean()))
    assert row["r2_sd"] == pytest.approx(part.std())
    assert row["squared_correlation"] == pytest.approx((part**2).mean())
    lines = figure.axes[0].containers
    assert [line.get_label() for line in lines] == ["joint", "alone"]
    assert list(lines[0].lines[0].get_xdata()) == [10, 100]
