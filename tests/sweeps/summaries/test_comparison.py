import pandas as pd

from gpattention.sweeps.summaries.comparison import analyse, settings
from gpattention.sweeps.sweep_file import Sweep

SWEEP = Sweep("T", "f", [], {"a": []})


def results():
    rows = [
        (block, d, seed, r2)
        for block, d, r2 in (("a", "12", 0.5), ("a", "30", 0.7), ("b", None, 0.4))
        for seed in (0, 1)
    ]
    table = pd.DataFrame(rows, columns=["block", "model.embedding_dim", "seed", "test/r2"])
    table["test/r2"] += 0.1 * table["seed"].astype(float)
    return table.assign(folder="f", n_parameters=5, fit_seconds=1.0, seed=table["seed"].astype(str))


def test_a_row_for_every_setting_with_mean_and_sd_over_seeds():
    summary, figure = analyse(results(), SWEEP)
    assert settings(results()) == ["model.embedding_dim"]
    assert summary["n_runs"].tolist() == [2, 2, 2]
    assert summary["r2"].round(6).tolist() == [0.55, 0.75, 0.45]
    assert summary["r2_sd"].round(6).tolist() == [round(0.1 / 2**0.5, 6)] * 3
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels() or axes.get_xticklabels()]
