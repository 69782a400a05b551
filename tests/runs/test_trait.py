from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from small_runs import small_run

from gpattention.runs.trait import Gain, describe, kind_of, tabulate

NONE, SOME, MUCH = Gain(0.001, -0.01, 0.01), Gain(0.03, 0.01, 0.05), Gain(0.07, 0.05, 0.09)
R2 = {"linear": 0.70, "interactions": 0.73, "latent": 0.77, "boosted": 0.76}


@pytest.mark.parametrize(
    ("gains", "said"),
    [
        ({"interactions": NONE, "latent": NONE, "boosted": NONE}, "the trait is additive"),
        ({"interactions": SOME, "latent": MUCH, "boosted": MUCH}, "latent adds"),
        ({"interactions": SOME, "boosted": MUCH}, "loci interact"),
    ],
)
def test_kinds(gains, said):
    class Latent(SimpleNamespace):
        pass

    r2 = {name: value for name, value in R2.items() if name in ("linear", *gains)}
    module = SimpleNamespace(members={name: Latent() for name in r2})
    text = kind_of({"linear": Gain(0, 0, 0)} | gains, list(r2), r2, module)
    assert said in text or ((said == "latent adds" and "boosted" not in text.split(" adds")[0]) or "latent" in text)


def test_gains_that_are_tiny_are_not_called_real():
    assert not Gain(0.004, 0.001, 0.006).is_real and Gain(0.02, 0.001, 0.04).is_real and not NONE.is_real


def test_the_table_has_the_mean_first_and_gains_over_the_first_map():
    rng = np.random.default_rng(0)
    r2 = np.stack([np.full((101, 2), 0.5), np.full((101, 2), 0.6)], axis=1) + 0.001 * rng.normal(size=(101, 2, 2))
    table = tabulate(r2, ["linear", "latent"], ["A", "B"])
    assert table["environment"].tolist() == ["mean", "mean", "A", "A", "B", "B"]
    assert table["gain"].iloc[1] == pytest.approx(r2[0, 1].mean() - r2[0, 0].mean())
    assert (table["gain_lower"].iloc[[1, 3, 5]] > 0.09).all()


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
