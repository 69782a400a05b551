import json

import numpy as np
import pandas as pd
import pytest
from small_runs import small_run

from gpattention.errors import InputError
from gpattention.interpret.fitted_map import open_map
from gpattention.run_folder import files
from gpattention.run_folder.loading import load_run
from gpattention.run_folder.predict import predict

DATA = ["data.n_segregants=2000", "data.n_interactions=3", "data.epsilon=0.4"]


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    """Runs of additive terms and of interactions."""
    folder = tmp_path_factory.mktemp("earlier")
    for model in ("linear", "interactions"):
        small_run(folder / model, f"model={model}", *DATA)
    return folder


def test_a_map_of_the_rest_and_the_one_before_make_the_phenotype(earlier, tmp_path):
    rest = small_run(tmp_path / "rest", "model=interactions", *DATA, f"fit_on_residual_of={earlier / 'linear'}")
    whole = files.read_metrics(earlier / "interactions")
    assert rest["test/r2"] > 0.8
    assert rest["test/r2"] < rest["test/r2_ceiling"] + 0.02
    first, second = (
        pd.read_csv(folder / files.PREDICTIONS, sep="\t") for folder in (earlier / "linear", tmp_path / "rest")
    )
    np.testing.assert_allclose(second["measured"], first["measured"] - first["predicted"], atol=1e-6)
    error = first["measured"] - first["predicted"] - second["predicted"]
    assert 1 - error.var() / first["measured"].var() == pytest.approx(whole["test/r2"], abs=0.01)
    identity = json.loads((tmp_path / "rest" / files.IDENTITY).read_text())
    assert identity["fit_on_residual_of"] == json.loads((earlier / "linear" / files.IDENTITY).read_text())["identity"]
    assert open_map(tmp_path / "rest").truth is None


def test_sets_become_tokens_of_a_network(earlier, tmp_path):
    metrics = small_run(
        tmp_path,
        "model=transformer",
        *DATA,
        f"model.interactions_from={earlier / 'interactions'}",
        "trainer.max_epochs=1",
    )
    found = load_run(earlier / "interactions").module.sets.tolist()
    network = load_run(tmp_path).module.network
    assert network.interaction_sets.tolist() == found
    assert len(network.embedding) == 6 + len(found)
    plain = small_run(tmp_path / "plain", "model=transformer", *DATA, "trainer.max_epochs=1")
    assert metrics["n_parameters"] > plain["n_parameters"]


def test_a_network_with_tokens_of_sets_predicts_without_the_earlier_run(earlier, tmp_path):
    moved = tmp_path / "moved"
    (earlier / "interactions").rename(moved)
    try:
        small_run(tmp_path / "run", "model=transformer", *DATA, f"model.interactions_from={moved}")
        moved.rename(tmp_path / "gone")
        genotype = np.random.default_rng(0).choice([-1, 1], (5, 6)).astype(np.int8)
        np.save(tmp_path / "new.npy", genotype)
        table = predict(
            run=str(tmp_path / "run"), genotype_file=str(tmp_path / "new.npy"), output_file=str(tmp_path / "out.tsv")
        )
        assert len(pd.read_csv(table, sep="\t")) == 5
    finally:
        (tmp_path / "gone").rename(earlier / "interactions")


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model=transformer", "model.interactions_from={}/linear"], "is not a run of model=interactions"),
        (
            ["model=transformer", "model.interactions_from={}/nowhere"],
            "model.interactions_from=.*nowhere: identity.json is not",
        ),
        (["model=transformer", "model.interactions_from={}/interactions", "data.n_loci=5"], "other loci"),
        (
            ["model=transformer", "model.interactions_from={}/interactions", "data.split_seed=9"],
            "has seen .* individuals",
        ),
        (["model=linear", "fit_on_residual_of={}/nowhere"], "fit_on_residual_of=.*nowhere: identity.json is not there"),
        (
            ["model=linear", "fit_on_residual_of={}/linear", "data.split_seed=9"],
            "has seen .* individuals of the test part",
        ),
        (
            ["model=linear", "fit_on_residual_of={}/linear", "data.n_loci=5"],
            "fit_on_residual_of=.*: the genotypes lack 1 of",
        ),
        (["model=linear", "fit_on_residual_of={}/linear", "data.temperatures=[23]"], "does not predict 23C"),
    ],
)
def test_runs_that_do_not_fit_are_refused(overrides, words, earlier, tmp_path):
    with pytest.raises(InputError, match=words):
        small_run(tmp_path, *DATA, *(text.format(earlier) for text in overrides))
