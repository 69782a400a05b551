import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score

from gpattention.sweeps.summaries import environments
from gpattention.sweeps.sweep_file import Sweep


@pytest.fixture
def results(tmp_path):
    """Two blocks in two folds each; B was not measured for the first individual."""
    rng = np.random.default_rng(0)
    rows = []
    for fold in range(2):
        measured = rng.normal(size=(20, 2))
        measured[0, 1] = np.nan
        for block in ("one", "two"):
            folder = tmp_path / f"{block}{fold}"
            folder.mkdir()
            order = rng.permutation(40) if block == "two" else np.arange(40)
            pd.DataFrame(
                {
                    "id": np.repeat(np.arange(20) + 20 * fold, 2),
                    "environment": np.tile(["A", "B"], 20),
                    "measured": measured.ravel(),
                    "predicted": rng.normal(size=40),
                }
            ).iloc[order].to_csv(folder / "predictions_test.tsv", sep="\t", index=False)
            rows.append({"block": block, "data.fold": str(fold), "folder": str(folder)})
    return pd.DataFrame(rows)


def scores(tables, environment):
    values = [table[table["environment"] == environment].dropna() for table in tables]
    return np.mean([r2_score(v["measured"], v["predicted"]) for v in values])


def test_means_over_folds_and_average_of_blocks(results):
    summary, figure = environments.analyse(results, Sweep("title", "folder", [], {}, averages={"both": ["one", "two"]}))
    summary = summary.set_index(["block", "environment"])
    tables = [pd.read_csv(f"{folder}/predictions_test.tsv", sep="\t") for folder in results["folder"]]
    assert summary.loc[("one", "B"), "r2"] == pytest.approx(scores([tables[0], tables[2]], "B"))
    averaged = []
    for one, two in (tables[:2], tables[2:]):
        both = one.merge(two, on=["id", "environment", "measured"])
        averaged.append(both.assign(predicted=(both["predicted_x"] + both["predicted_y"]) / 2))
    assert summary.loc[("both", "A"), "r2"] == pytest.approx(scores(averaged, "A"))
    for block in ("one", "two", "both"):
        assert summary.loc[(block, "mean"), "r2"] == pytest.approx(summary["r2"][block].drop("mean").mean())
    assert len(figure.axes[0].get_lines()) == 3


def test_averages_need_the_same_folds(results):
    one, two = results["block"] == "one", results["block"] == "two"
    fold = results["data.fold"]
    left = results[(one & (fold == "0")) | (two & (fold == "1"))]
    summary, _ = environments.analyse(left, Sweep("title", "folder", [], {}, averages={"both": ["one", "two"]}))
    assert set(summary["block"]) == {"one", "two"}


def test_blocks_of_different_environments(results, tmp_path):
    first = results.iloc[[0]].assign(block="three", folder=str(tmp_path / "three"))
    (tmp_path / "three").mkdir()
    table = pd.read_csv(f"{results['folder'].iloc[0]}/predictions_test.tsv", sep="\t")
    table[table["environment"] == "A"].to_csv(tmp_path / "three" / "predictions_test.tsv", sep="\t", index=False)
    summary, _ = environments.analyse(pd.concat([results, first]), Sweep("title", "folder", [], {}))
    means = summary[summary["environment"] == "mean"].set_index("block")["r2"]
    assert np.isnan(means["three"])
    assert np.isfinite(means[["one", "two"]]).all()
