import logging

import pandas as pd
import pytest
import torch
from small_runs import small_run

from gpattention.errors import InputError
from gpattention.regressions.ladder import Ladder
from gpattention.run_folder.loading import load_run
from gpattention.training.checkpoints import read_checkpoint

TWO = {"linear": ["model=linear"], "pairwise": ["model=pairwise"]}


def make(**changes):
    return Ladder(n_loci=3, environment_names=["A"], **({"rungs": TWO} | changes))


def test_no_map_is_begun_when_the_time_is_over(caplog):
    begun = []

    def fit_rung(name, options, seconds):
        begun.append((name, options))
        assert 0 < seconds <= 1e-9
        return make()

    module = make(max_seconds=1e-9)
    with caplog.at_level(logging.INFO), pytest.raises(InputError, match="none of model.rungs"):
        module.climb(fit_rung)
    assert not begun and "pairwise is left out: model.max_seconds=1e-09 are over" in caplog.text


def test_a_map_that_cannot_be_fitted_is_left_out_with_its_reason(caplog):
    def fit_rung(name, options, seconds):
        if name == "linear":
            raise InputError("the loci are too many")
        return make()

    module = make()
    with caplog.at_level(logging.INFO):
        module.climb(fit_rung)
    assert [*module.members] == ["pairwise"] and "linear is left out: the loci are too many" in caplog.text


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ladder")
    left_out = ("sparse", "kronecker", "gaussian", "interactions", "latent", "boosted", "transformer")
    rungs = {"trees": "'model=boosted','model.max_trees=40'", "kernel": "'model=kernel'", "token": "'model=attention'"}
    words = [
        *(f"model.rungs.{name}=null" for name in left_out),
        *(f"+model.rungs.{name}=[{options}]" for name, options in rungs.items()),
        "data.n_segregants=900",
        "data.epsilon=0.5",
        "data.temperatures=[23,30]",
    ]
    small_run(folder, "model=auto", *words)
    return folder


def test_the_run_folder_is_one_map_of_all(folder):
    module = load_run(folder).module
    genotype = torch.randn(7, 6).sign()
    wanted = sum(
        weight * load_run(folder / "rungs" / name).module(genotype)
        for name, weight in zip(module.members, module.weight, strict=True)
    )
    torch.testing.assert_close(module(genotype), (wanted + module.intercept).double())
    table = pd.read_csv(folder / "ladder.tsv", sep="\t")
    assert table["map"].tolist() == [name for name in ("linear", "trees", "kernel", "token") for _ in range(2)]
    torch.testing.assert_close(
        torch.tensor(table["weight"].to_numpy(float)), module.weight.flatten(), atol=1e-6, rtol=0
    )


def test_a_network_gets_a_readout_for_each_environment(folder):
    assert load_run(folder / "rungs" / "token").config["model"]["environment"] == "joint"


def test_what_the_checkpoint_says_of_a_member_is_not_believed(folder):
    from gpattention.run_folder.loading import restore

    checkpoint = read_checkpoint(folder / "best.ckpt")
    checkpoint["members"][0]["model"] = {"_target_": "os.system"}
    with pytest.raises(InputError, match="not of this program"):
        restore(Ladder, checkpoint)
    checkpoint = read_checkpoint(folder / "best.ckpt")
    checkpoint["members"][0]["hyper_parameters"]["surprise"] = 1
    with pytest.raises(InputError, match="surprise"):
        restore(Ladder, checkpoint)


@pytest.mark.parametrize("bad", [{"rungs": {}}, {"max_seconds": 0.0}])
def test_refusals(bad):
    with pytest.raises(InputError, match=next(iter(bad))):
        make(**bad)
