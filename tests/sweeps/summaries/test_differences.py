import logging
import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL
from sklearn.metrics import r2_score
from tiny_sweeps import make_sweep

from gpattention.config import compose_config
from gpattention.errors import InputError
from gpattention.run_folder.predictions import read_predictions
from gpattention.runs.run import run
from gpattention.sweeps.summaries.differences import compare, find_differences

DATA = [*SMALL, "data.n_segregants=1500", "data.temperatures=[25,30]"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    options = {
        "linear": ["model=linear"],
        "pairwise": ["model=pairwise"],
        "split": ["model=linear", "data.split_seed=1"],
        "one": ["model=linear", "data.environments=[30C]"],
        "cross": ["model=linear", "data.seed=1"],
    }
    for name, own in options.items():
        run(compose_config([*DATA, *own]), folder / name)
    return {name: str(folder / name) for name in options}


def test_every_two_runs_over_all_and_by_environment(folders, tmp_path, capsys):
    output = tmp_path / "differences.tsv"
    table = compare(runs=[folders["linear"], folders["pairwise"]], output_file=str(output))
    assert table["environment"].tolist() == ["mean", "25C", "30C"]
    row = table.set_index("environment").loc["30C"]
    for name in ("linear", "pairwise"):
        part = read_predictions(folders[name]).xs("30C", level="environment")
        column = "r2_first" if name == "linear" else "r2_second"
        assert row[column] == pytest.approx(r2_score(part["measured"], part["predicted"]))
    assert table["difference"][0] == pytest.approx(table["difference"][1:].mean())
    assert (table["lower"] < table["difference"]).all()
    assert (table["difference"] < table["upper"]).all()
    assert table["upper"][0] < 0  # fourth-order epistasis: the pairs explain more, beyond doubt
    np.testing.assert_allclose(pd.read_csv(output, sep="\t")["lower"], table["lower"], rtol=1e-4)
    assert "95% interval" in capsys.readouterr().out


def test_a_run_is_as_good_as_itself(folders, tmp_path):
    shutil.copytree(folders["linear"], tmp_path / "copy")
    table = find_differences({"a": [folders["linear"]], "b": [str(tmp_path / "copy")]})
    np.testing.assert_allclose(table[["difference", "lower", "upper"]], 0, atol=1e-12)


def test_replicates_are_averaged(folders):
    pairs = {"a": [folders["linear"], folders["split"]], "b": [folders["linear"], folders["split"]]}
    table = find_differences(pairs)
    each = [find_differences({"a": [one], "b": [one]})["r2_first"] for one in pairs["a"]]
    np.testing.assert_allclose(table["r2_first"], np.mean(each, axis=0))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ("split", r"have different test individuals: only the first has .* only the second .* data.split_seed"),
        ("one", "have different environments: only the first has 25C, only the second none"),
        ("cross", r"individual .* has .* in environment .* give runs of the same data"),
    ],
)
def test_runs_tested_on_something_else_are_refused(folders, other, words):
    with pytest.raises(InputError, match=words):
        compare(runs=[folders["linear"], folders[other]])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"runs": ["a"]}, "give the folders of two or more"),
        ({"runs": ["a", "a"]}, "each once"),
        ({"level": 95.0}, "level=95.0, n_draws=2000: give a share between 0 and 1"),
        ({"runs": ["nowhere", "else"]}, "nowhere/predictions_test.tsv is not there"),
    ],
)
def test_refusals(folders, change, words):
    with pytest.raises(InputError, match=words):
        compare(**{"runs": [folders["linear"], folders["pairwise"]]} | change)


def test_damaged_predictions_are_refused(folders, tmp_path):
    shutil.copytree(folders["linear"], tmp_path / "damaged")
    (tmp_path / "damaged" / "predictions_test.tsv").write_text("id\tmeasured\n1\tx\n")
    (tmp_path / "damaged" / "checksums.txt").unlink()
    with pytest.raises(InputError, match="predictions_test.tsv is damaged"):
        compare(runs=[folders["linear"], str(tmp_path / "damaged")])


def test_sweep_compares_its_maps(folders, caplog):
    from gpattention.sweeps.summaries.comparison import compare_maps

    names = ["linear", "split", "pairwise"]
    results = pd.DataFrame(
        {
            "block": ["linear", "linear", "pairwise"],
            "data.split_seed": ["0", "1", "0"],
            "folder": [folders[name] for name in names],
        }
    )
    table = compare_maps(results)
    assert table[["first", "second"]].drop_duplicates().to_numpy().tolist() == [["linear", "pairwise"]]
    assert (
        table["r2_first"][0] == find_differences({"a": [folders["linear"]], "b": [folders["pairwise"]]})["r2_first"][0]
    )
    with caplog.at_level(logging.INFO):
        assert compare_maps(results.assign(block=["a", "b", "c"], **{"data.split_seed": "0"})) is None
    assert "no differences between maps" in caplog.text


def test_maps_of_a_sweep_over_environments_are_compared_within_each(tmp_path, capsys):
    vary = "data.environments=[25C],[30C]"
    blocks = {"linear": ["model=linear", vary], "pairwise": ["model=pairwise", vary]}
    folder = make_sweep(tmp_path / "out", blocks, ["data.temperatures=[25,30]"])
    table = pd.read_csv(folder / "differences.csv")
    assert table[["first", "second", "environment"]].to_numpy().tolist() == [
        ["linear", "pairwise", "25C"],
        ["linear", "pairwise", "30C"],
    ]
    printed = capsys.readouterr().out
    assert "25C" in printed
    assert "30C" in printed
