import pandas as pd
import pytest
import torch
from conftest import SMALL

from gpattention.config import compose_config
from gpattention.errors import InputError
from gpattention.run_folder.loading import load_run
from gpattention.runs.run import run

JOINT = ["model=transformer", "model.environment=joint", "data.temperatures=[23,25,30]", "model.embedding_dim=5"]


def small_run(folder, *overrides):
    return run(compose_config([*SMALL, "logger=none", *overrides]), folder)


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    folder = tmp_path_factory.mktemp("earlier")
    small_run(folder, *JOINT, "data.environments=[23C,25C]")
    return folder


def readout(module):
    return module.network.readout.weight.flatten() + module.network.readout.deviation


def test_environments_start_from_their_own_readout_and_new_ones_from_the_mean(earlier, tmp_path):
    """A rate next to nothing leaves the parameters where they started."""
    options = [f"fine_tune_from={earlier}", "training.learning_rate=1e-12", "data.environments=[25C,30C,23C]"]
    small_run(tmp_path, *JOINT, *options)
    before, after = load_run(earlier).module, load_run(tmp_path).module
    old, new = readout(before), readout(after)
    torch.testing.assert_close(new, torch.stack([old[1], old.mean(0), old[0]]), rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(after.network.embedding, before.network.embedding, rtol=1e-6, atol=1e-7)


def test_frozen_parts_stay_and_others_move(earlier, tmp_path):
    small_run(tmp_path, *JOINT, f"fine_tune_from={earlier}", "training.freeze=[embedding,blocks]")
    before, after = load_run(earlier).module.network, load_run(tmp_path).module.network
    assert torch.equal(before.embedding, after.embedding)
    assert torch.equal(before.blocks[0].query_key_value, after.blocks[0].query_key_value)
    assert not torch.equal(before.readout.weight, after.readout.weight)


def test_training_on_the_target_alone_starts_better_than_from_nothing(tmp_path):
    few = ["data.target_environment=30C", "data.target_values=20", "data.target_scaling=shrinkage"]
    train = ["data.train_environments=[30C]", "monitor=val/r2_target", "trainer.max_epochs=3"]
    more = ["data.epsilon=1", "data.n_segregants=1500"]
    source = ["data.target_values=0", "trainer.max_epochs=10", "training.learning_rate=5e-3"]
    small_run(tmp_path / "source", *JOINT, *more, *few[:1], *few[2:], *source)
    tuned = small_run(tmp_path / "tuned", *JOINT, *more, *few, *train, f"fine_tune_from={tmp_path / 'source'}")
    alone = small_run(tmp_path / "alone", *JOINT, *more, *few, *train)
    assert tuned["n_train_target"] == alone["n_train_target"] == 20
    assert tuned["n_val_target"] == 0
    assert tuned["test/correlation_target"] > alone["test/correlation_target"] + 0.03


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model.embedding_dim=7"], "has model.embedding_dim=5 and this run model.embedding_dim=7: give both the same"),
        (["model.n_layers=2"], "model.n_layers=1 and this run model.n_layers=2"),
        (["model.score_scale=sqrt_dim"], "model.score_scale=none and this run"),
        (["data.split_seed=1"], "has seen .* individuals of the test part of this run"),
        (["data.n_loci=7"], "was trained on other loci .6. than this run has .7."),
    ],
)
def test_runs_that_do_not_fit_are_refused(earlier, overrides, words, tmp_path):
    with pytest.raises(InputError, match=words):
        small_run(tmp_path / "run", *JOINT, f"fine_tune_from={earlier}", *overrides)
    assert not (tmp_path / "run").exists()


def test_a_regression_neither_starts_nor_is_started_from(earlier, tmp_path):
    with pytest.raises(InputError, match="a regression starts from nothing"):
        small_run(tmp_path / "run", "model=linear", "data.temperatures=[23,25,30]", f"fine_tune_from={earlier}")
    small_run(tmp_path / "linear", "model=linear", "data.temperatures=[23,25,30]")
    with pytest.raises(InputError, match="is a run of a regression"):
        small_run(tmp_path / "run", *JOINT, f"fine_tune_from={tmp_path / 'linear'}")


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="nowhere: .*give the folder of a finished run"):
        small_run(tmp_path / "run", *JOINT, f"fine_tune_from={tmp_path / 'nowhere'}")


def test_by_token_the_environments_must_be_the_same(tmp_path):
    token = [*JOINT, "model.environment=token"]
    small_run(tmp_path / "earlier", *token)
    small_run(tmp_path / "same", *token, f"fine_tune_from={tmp_path / 'earlier'}")
    with pytest.raises(
        InputError, match="has environments 23C, 25C, 30C and this run 25C, 30C: with environments as tokens or"
    ):
        small_run(tmp_path / "other", *token, f"fine_tune_from={tmp_path / 'earlier'}", "data.environments=[25C,30C]")


def test_by_covariate_the_earlier_map_is_where_it_starts(tmp_path):
    """The codes of environments come along, though the new run would scale its covariates in another way."""
    options = [*JOINT, "model.environment_encoding=covariate", "data.temperatures=[23,25,30,33,36]"]
    target = ["data.target_environment=25C", "data.target_scaling=shrinkage"]
    small_run(tmp_path / "one", *options, *target, "data.target_values=0", "training.learning_rate=1e-2")
    start = [f"fine_tune_from={tmp_path / 'one'}", "training.learning_rate=1e-12"]
    small_run(tmp_path / "two", *options, *target, "data.target_values=100", *start)
    genotype = torch.ones(3, 6) * torch.tensor([[1.0], [-1.0], [0.5]])
    before, after = (load_run(tmp_path / name).module(genotype) for name in ("one", "two"))
    torch.testing.assert_close(after, before, rtol=1e-5, atol=1e-6)


def test_a_run_that_counted_other_alleles_is_refused(own_files, tmp_path):
    genotype_file, phenotype_file = own_files
    names = [f"m{k}" for k in range(5)]
    loci = pd.DataFrame({"locus": names, "counted_allele": "A", "other_allele": "G"})
    loci.to_csv(tmp_path / "one.tsv", sep="\t", index=False)
    loci.loc[1, ["counted_allele", "other_allele"]] = ["G", "A"]
    loci.to_csv(tmp_path / "two.tsv", sep="\t", index=False)
    files = ["data=table", f"data.genotype_file={genotype_file}", f"data.phenotype_file={phenotype_file}"]
    options = [*files, "model=transformer", "data.environments=[A]", "trainer=cpu", "trainer.max_epochs=1"]
    run(compose_config([*options, f"data.loci_file={tmp_path}/one.tsv"]), tmp_path / "run")
    other = compose_config([*options, f"data.loci_file={tmp_path}/two.tsv", f"fine_tune_from={tmp_path}/run"])
    with pytest.raises(
        InputError, match="counted the other allele at 1 loci, the first m1: prepare the genotypes of both"
    ):
        run(other, tmp_path / "other")
