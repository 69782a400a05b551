"""A finished run made again."""

import json
import shutil

import pandas as pd
import pytest
import yaml
from conftest import SMALL

from gpattention.config import compose_config
from gpattention.errors import InputError, NotReproduced
from gpattention.runs.run import run
from gpattention.runs.verify import compare_scores, largest_difference, other_versions, verify


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("verify") / "run"
    run(compose_config([*SMALL, "model=transformer", "model.dropout=0.1"]), folder)
    return folder


@pytest.fixture
def copied(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "copy")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_run_is_reproduced_to_the_last_bit_and_left_as_it_is(finished, caplog):
    caplog.set_level("INFO")
    before = contents(finished)
    verify(run=str(finished), tolerance=0.0)
    assert "reproduced: scores, and 60 predictions to 0 of" in caplog.text
    assert contents(finished) == before


def test_what_differs_is_named(copied):
    metrics = json.loads((copied / "metrics.json").read_text())
    metrics["test/r2"] += 0.01
    metrics["made_with"]["data_sha256"] = "0" * 64
    metrics["made_with"]["versions"]["torch"] = "1.0"
    (copied / "metrics.json").write_text(json.dumps(metrics))
    table = pd.read_csv(copied / "predictions_test.tsv", sep="\t")
    table["predicted"] += table["predicted"].std()
    table.to_csv(copied / "predictions_test.tsv", sep="\t", index=False)
    with pytest.raises(NotReproduced) as caught:
        verify(run=str(copied))
    text = str(caught.value)
    for words in (
        "genotypes, phenotypes or split are others",
        "test/r2 ",
        "predictions by up to 1 ",
        "torch 1.0, now ",
    ):
        assert words in text


def test_changed_settings_and_files_are_refused_before_anything_is_fitted(copied, own_files, tmp_path):
    config = yaml.safe_load((copied / "config.yaml").read_text())
    (copied / "config.yaml").write_text(yaml.safe_dump(config | {"seed": 5}))
    with pytest.raises(InputError, match="seed 0 -> 5: put back what the run was made from"):
        verify(run=str(copied))
    genotype, phenotype = own_files
    overrides = ["data=table", f"data.genotype_file={genotype}", f"data.phenotype_file={phenotype}", "model=linear"]
    run(compose_config(["trainer=cpu", *overrides]), tmp_path / "table")
    verify(run=str(tmp_path / "table"))
    phenotype.write_text(phenotype.read_text().replace("1", "2"))
    with pytest.raises(InputError, match=r"data\.phenotype_file"):
        verify(run=str(tmp_path / "table"))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: shutil.rmtree(folder), "is not a folder"),
        (lambda folder: (folder / "metrics.json").unlink(), "has no metrics.json"),
        (lambda folder: (folder / "config.yaml").write_text("- 1"), "is damaged"),
        (lambda folder: (folder / "metrics.json").write_text("{"), "is damaged"),
        (lambda folder: (folder / "predictions_test.tsv").write_text(""), "is damaged"),
    ],
)
def test_a_run_that_cannot_be_read_is_refused(copied, damage, words):
    damage(copied)
    with pytest.raises(InputError, match=words):
        verify(run=str(copied))


def test_comparisons_by_hand():
    assert compare_scores({"test/r2": 0.5, "fit_seconds": 1}, {"test/r2": 0.50001, "fit_seconds": 2}, 1e-4) == []
    assert compare_scores({"test/coverage/A": 0.9}, {"test/coverage/A": 0.91}, 1e-4) == []
    assert compare_scores({"test/r2": 0.5}, {"test/r2": float("nan"), "val/r2": 1.0}, 1e-4) == [
        "test/r2 0.5 -> nan",
        "val/r2 None -> 1.0",
    ]
    index = pd.MultiIndex.from_product([["1", "2", "3"], ["30C"]], names=["id", "environment"])
    before = pd.Series([0.0, 2.0, 4.0], index)  # of standard deviation 2
    assert largest_difference(before, before + 1) == 0.5
    assert largest_difference(before, before.iloc[:2]) == float("inf")
    one = {"versions": {"torch": "2"}, "device": "cpu", "processes": 1, "commit": None}
    assert other_versions(one, one) == ""
    assert other_versions(one, one | {"processes": 2, "commit": "ab"}) == "processes 1, now 2; commit None, now ab"
