from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from small_runs import small_run

from gpattention.regressions.interactions import Interactions
from gpattention.report.of_run import describe_run
from gpattention.runs.trait import Gain, describe, kind_of, tabulate
from gpattention.training.latents import LatentModule

NONE, SOME, MUCH = Gain(0.001, -0.01, 0.01), Gain(0.03, 0.01, 0.05), Gain(0.07, 0.05, 0.09)


def members():
    """A search that has found two sets, and three latent traits."""
    search = Interactions(n_loci=3, environment_names=["A"], additive_penalties=[1.0], interaction_penalties=[1.0])
    search.coefficients = torch.tensor([[0.5], [0.2]])
    model = {
        "_target_": "gpattention.models.LatentTraits",
        "n_latents": 3,
        "loading_decays": [0.0],
        "function_decays": [0.0],
    }
    latent = LatentModule(model=model, n_loci=3, environment_names=["A"])
    latent.network.chosen.fill_(0)
    return {"linear": None, "interactions": search, "latent": latent, "boosted": None}


@pytest.mark.parametrize(
    ("r2", "gains", "said"),
    [
        ([0.7, 0.701, 0.701, 0.701], [NONE, NONE, NONE], "the trait is additive."),
        ([0.7, 0.77, 0.77, 0.75], [MUCH, MUCH, SOME], "2 interactions that a search has found add +0.070"),
        ([0.7, 0.73, 0.77, 0.76], [SOME, MUCH, MUCH], "A smooth function of 3 latent additive traits adds +0.070"),
        ([0.7, 0.73, 0.73, 0.77], [SOME, SOME, MUCH], "the interactions are diffuse"),
        (
            [0.7, 0.701, 0.701, 0.77],
            [NONE, NONE, MUCH],
            "The boosted map adds +0.070 (95 % interval +0.050 to +0.090), more than",
        ),
    ],
)
def test_kinds(r2, gains, said):
    names = ["linear", "interactions", "latent", "boosted"]
    by_name = dict(zip(names, [Gain(0, 0, 0), *gains], strict=True))
    text = kind_of(by_name, names, dict(zip(names, r2, strict=True)), SimpleNamespace(members=members()))
    assert said in text


def test_many_interactions_are_not_called_few():
    gains = {"linear": Gain(0, 0, 0), "interactions": MUCH}
    module, r2 = SimpleNamespace(members=members()), {"linear": 0.7, "interactions": 0.77}
    assert kind_of(gains, [*gains], r2, module).endswith("additive effects and few strong interactions.")
    module.members["interactions"].coefficients = torch.ones(60, 1)
    assert kind_of(gains, [*gains], r2, module).endswith("additive effects and many interactions.")


def test_interactions_of_no_known_kind():
    text = kind_of(
        {"linear": NONE, "boosted": MUCH},
        ["linear", "boosted"],
        {"linear": 0.7, "boosted": 0.77},
        SimpleNamespace(members={}),
    )
    assert text == "The boosted map adds +0.070 (95 % interval +0.050 to +0.090): loci interact."


def test_gains_that_are_tiny_are_not_called_real():
    assert not Gain(0.004, 0.001, 0.006).is_real and Gain(0.02, 0.001, 0.04).is_real and not NONE.is_real


def test_the_table_has_the_mean_first_and_gains_over_the_first_map():
    rng = np.random.default_rng(0)
    r2 = np.stack([np.full((101, 2), 0.5), np.full((101, 2), 0.6)], axis=1) + 0.001 * rng.normal(size=(101, 2, 2))
    table = tabulate(r2, ["linear", "latent"], ["A", "B"])
    assert table["environment"].tolist() == ["mean", "mean", "A", "A", "B", "B"]
    assert table["gain"].iloc[1] == pytest.approx(r2[0, 1].mean() - r2[0, 0].mean())
    assert (table["gain_lower"].iloc[[1, 3, 5]] > 0.09).all()


def test_a_map_that_is_not_better_than_the_mean_says_nothing_of_the_trait():
    r2 = np.random.default_rng(0).normal(0, 0.1, (201, 3, 1))
    module = SimpleNamespace(weight=torch.tensor([[1.0], [0.0]]), members={"linear": None, "boosted": None})
    text = describe(r2, ["linear", "boosted", "combined"], ["A"], module, None)
    assert "these data do not say what the trait is" in text and "interactions" not in text


def test_environments_are_told_apart():
    r2 = np.zeros((101, 3, 2))
    r2[:, 0] = 0.5
    r2[:, 1] = [0.5, 0.7]
    r2[:, 2] = [0.5, 0.7]
    module = SimpleNamespace(weight=torch.tensor([[0.0, 0.0], [1.0, 1.0]]), members={"linear": None, "boosted": None})
    text = describe(r2, ["linear", "boosted", "combined"], ["A", "B"], module, 0.8)
    assert "boosted is better than linear in 1 of 2 environments" in text
    assert "largest in B, +0.200" in text and "smallest in A, +0.000" in text
    assert "This run's map (boosted 1.00) explains 0.600 (75% of the noise ceiling 0.800)." in text


@pytest.mark.parametrize(("epsilon", "kind"), [(1, "the trait is additive"), (0, "few strong interactions")])
def test_a_simulated_trait_is_recognised(epsilon, kind, tmp_path):
    left_out = [f"model.rungs.{name}=null" for name in ("sparse", "gaussian", "latent", "boosted", "transformer")]
    data = ["data.n_segregants=1500", "data.n_interactions=2", f"data.epsilon={epsilon}"]
    small_run(tmp_path, "model=auto", *left_out, *data)
    text = (tmp_path / "trait.txt").read_text()
    assert kind in text
    table = pd.read_csv(tmp_path / "trait.tsv", sep="\t")
    assert table["map"].tolist() == ["linear", "interactions", "combined"]
    assert (tmp_path / "trait.png").stat().st_size > 5000
    _, _, sections = describe_run(tmp_path)
    shown = next(section for section in sections if section.title == "What the trait is")
    assert shown.paragraphs == [text] and len(shown.tables) == len(shown.pictures) == 1
