import numpy as np
import pandas as pd
import pytest

from gpattention.errors import InputError
from gpattention.sweeps.summaries import comparison, curves
from gpattention.sweeps.sweep_file import Sweep

SWEEP = Sweep("title", "folder", [], {}, x="data.epsilon", panel="data.n_loci")


@pytest.fixture
def results():
    """Two blocks; attention also varies d; two seeds each."""
    rows = []
    for epsilon in ("0", "0.5", "1"):
        for n_loci in ("20", "30"):
            for seed in ("0", "1"):
                common = {"data.epsilon": epsilon, "data.n_loci": n_loci, "seed": seed, "model.n_layers": "3"}
                numbers = {"test/r2_ceiling": 0.96, "n_parameters": 5, "fit_seconds": 1.0, "val/r2": 0.1}
                r2 = float(epsilon) / 2 + int(seed) / 10
                rows.append({"block": "linear", **common, "test/r2": r2, **numbers, "folder": f"l{len(rows)}"})
                for d in ("12", "30"):
                    more = {"model.embedding_dim": d, "test/r2": r2 + int(d) / 100}
                    rows.append({"block": "attention", **common, **more, **numbers, "folder": f"a{len(rows)}"})
    return pd.DataFrame(rows)


def test_means_over_seeds_for_every_point_of_every_line(results):
    summary, figure = curves.analyse(results, SWEEP)
    assert len(summary) == 3 * 2 * 3
    assert (summary["n_runs"] == 2).all()
    one = summary[(summary["block"] == "attention") & (summary["model.embedding_dim"] == 30)]
    one = one[(one["data.epsilon"] == 0.5) & (one["data.n_loci"] == 20)].iloc[0]
    assert one["r2"] == pytest.approx(0.25 + 0.3 + 0.05)
    assert one["r2_sd"] == pytest.approx(np.std([0, 0.1], ddof=1))
    assert len(figure.axes) == 2
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert {"linear", "attention, embedding_dim=12", "attention, embedding_dim=30"} <= set(texts)


def test_runs_that_failed_leave_a_gap(results):
    failed = (results["block"] == "linear") & (results["data.n_loci"] == "30")
    summary, _ = curves.analyse(results[~failed], SWEEP)
    assert len(summary) == 3 * 2 * 2 + 3


def test_without_panels(results):
    one = results[results["data.n_loci"] == "20"].drop(columns="data.n_loci")
    _, figure = curves.analyse(one, SWEEP._replace(panel=None))
    assert len(figure.axes) == 1


def test_comparison_takes_means_over_seeds(results):
    summary, figure = comparison.analyse(results, SWEEP)
    assert len(summary) == 18
    assert set(summary["n_runs"]) == {2}
    assert len(figure.axes[0].patches) == 18


@pytest.mark.parametrize("values", [("gaussian", "exponential"), ("[A]", "[B]"), ("null", "0.5")])
def test_values_that_are_no_numbers(results, values):
    results["data.coefficients"] = [values[k % 2] for k in range(len(results))]
    summary, _ = curves.analyse(results, SWEEP)
    assert set(summary["data.coefficients"]) == set(values)
    summary, _ = curves.analyse(results, SWEEP._replace(panel="data.coefficients"))
    assert set(summary["data.coefficients"]) == set(values)


def test_axis_that_some_block_lacks_is_refused(results):
    with pytest.raises(InputError, match="some block sets no data.noise: give it in common"):
        curves.analyse(results, SWEEP._replace(x="data.noise"))


def test_keys_without_a_dot_are_settings_too(results):
    results["model"] = results["block"]
    summary, _ = comparison.analyse(results.assign(block="one"), SWEEP)
    assert set(summary["model"]) == {"linear", "attention"}
