"""What a map is fitted to: nothing leaks from validation and test."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_data import a_data_set as make_data
from small_data import training_data

from gpattention.data.splits import split_individuals
from gpattention.errors import InputError

NAN = float("nan")
N = 200
IDS = tuple(f"line{i}" for i in range(N))


def test_split_is_that_of_the_individuals():
    data = make_data()
    expected = split_individuals(IDS, split_seed=4, test_fraction=0.2, val_fraction=0.3)
    module = training_data(data, split_seed=4, test_fraction=0.2, val_fraction=0.3)
    for rows, others in zip(module.split, expected, strict=True):
        np.testing.assert_array_equal(rows, others)


@pytest.mark.parametrize(
    "arguments", [{"split_scheme": "notebook"}, {"split_scheme": "kfold", "n_folds": 4, "fold": 2}]
)
def test_other_schemes_reach_the_split(arguments):
    module = training_data(make_data(), **arguments)
    scheme = {"scheme": arguments["split_scheme"]} | {k: v for k, v in arguments.items() if k != "split_scheme"}
    np.testing.assert_array_equal(module.split.test, split_individuals(IDS, **scheme).test)


def test_stored_split_comes_from_its_file(tmp_path):
    parts = ["train", "train", "val", "test"]
    file = tmp_path / "split.tsv"
    file.write_text("id\tsplit\n" + "".join(f"{name}\t{parts[i % 4]}\n" for i, name in reversed(list(enumerate(IDS)))))
    module = training_data(make_data(), split_scheme="stored", split_file=str(file))
    np.testing.assert_array_equal(module.split.val, np.arange(2, N, 4))
    np.testing.assert_array_equal(module.split.test, np.arange(3, N, 4))


def test_sides_do_not_depend_on_environments_batches_or_missing_values():
    data = make_data(3, share_missing=0.3)
    whole = training_data(data).split
    for names in (["23C"], ["25C", "24C"]):
        part = training_data(data.select_environments(names)).split
        for rows, others in zip(part, whole, strict=True):
            assert set(rows) <= set(others)
            assert len(rows)


def test_scaling_is_of_the_training_part_alone():
    data = make_data(2, share_missing=0.2)
    train = split_individuals(IDS).train
    changed = data.phenotype.copy()
    changed[np.setdiff1d(np.arange(N), train)] *= 1000
    for phenotype in (data.phenotype, changed):
        scaling = training_data(make_data(2, phenotype=phenotype)).scaling
        np.testing.assert_allclose(scaling.mean, np.nanmean(data.phenotype[train], axis=0))
        np.testing.assert_allclose(scaling.sd, np.nanstd(data.phenotype[train], axis=0))


def test_unmeasured_individuals_of_one_environment_are_left_out_and_counted(caplog):
    data = make_data(share_missing=0.4)
    n_missing = int(np.isnan(data.phenotype).sum())
    with caplog.at_level("INFO", logger="gpattention"):
        module = training_data(data)
    assert f"{n_missing} individuals without a measured phenotype are left out" in caplog.text
    assert sum(map(len, module.split)) == N - n_missing
    assert (module.trained_on[1] == 1).all()


def test_with_several_environments_only_wholly_unmeasured_individuals_are_left_out():
    phenotype = make_data(2).phenotype
    phenotype[:40, 0] = NAN
    phenotype[20:60, 1] = NAN
    module = training_data(make_data(2, phenotype=phenotype))
    assert sorted(np.concatenate(module.split)) == [*range(20), *range(40, N)]
    assert sum(int(np.isnan(module.data.phenotype[rows]).sum()) for rows in module.split) == 40


def test_loci_that_do_not_vary_in_training_are_dropped_and_counted(caplog):
    data = make_data()
    split = split_individuals(IDS)
    genotype = data.genotype.copy()
    genotype[:, 2] = 1
    genotype[split.train, 7] = -1
    with caplog.at_level("INFO", logger="gpattention"):
        module = training_data(make_data(genotype=genotype))
    kept = [i for i in range(12) if i not in (2, 7)]
    assert "2 of 12 loci do not vary in the training part and are dropped" in caplog.text
    assert module.loci_index.tolist() == kept
    assert module.n_columns == 12
    assert module.data.locus_names == tuple(f"m{i}" for i in kept)
    np.testing.assert_array_equal(module.data.genotype, genotype[:, kept])


@pytest.mark.parametrize("pruning_order", ["ascending", "random"])
def test_pruning_looks_at_training_individuals_only(pruning_order, caplog):
    data = make_data()
    split = split_individuals(IDS)
    others = np.setdiff1d(np.arange(N), split.train)
    genotype = data.genotype.copy()
    genotype[split.train, 5] = -genotype[split.train, 1]
    genotype[others, 8] = genotype[others, 3]
    with caplog.at_level("INFO", logger="gpattention"):
        module = training_data(make_data(genotype=genotype), max_correlation=0.9, pruning_order=pruning_order)
    left_out = set(range(12)) - set(module.loci_index.tolist())
    assert len(left_out) == 1
    assert left_out <= ({5} if pruning_order == "ascending" else {1, 5})
    assert "11 of 12 loci are left at correlations up to 0.9" in caplog.text
    assert module.data.n_loci == 11


def test_pruning_may_look_at_the_validation_part_too():
    data = make_data()
    split = split_individuals(IDS)
    genotype = data.genotype.copy()
    genotype[split.train, 5] = genotype[split.train, 1]
    genotype[split.val, 5] = -genotype[split.val, 1]
    genotype[split.test, 8] = genotype[split.test, 3]
    settings = {"max_correlation": 0.9, "pruning_order": "ascending"}
    n_loci = [
        training_data(make_data(genotype=genotype), pruning_part=part, **settings).data.n_loci
        for part in ("train", "train_val")
    ]
    assert n_loci == [11, 12]


def test_pruning_within_chromosomes_needs_and_takes_their_names():
    genotype = make_data().genotype.copy()
    genotype[:, 1] = genotype[:, 0]
    genotype[:, 11] = genotype[:, 0]
    settings = {"max_correlation": 0.9, "pruning_order": "ascending", "prune_within_chromosomes": True}
    loci = pd.DataFrame({"locus": [f"m{i}" for i in range(12)], "Chrom": [1] * 6 + [2] * 6})
    module = training_data(make_data(genotype=genotype, loci=loci), **settings)
    assert module.loci_index.tolist() == [0, *range(2, 12)]
    for without in (None, loci[["locus"]]):
        with pytest.raises(InputError, match="needs the chromosome of each locus: give data.loci_file with a column"):
            training_data(make_data(genotype=genotype, loci=without), **settings)


def test_random_pruning_follows_the_split_seed():
    data = make_data()
    genotype = np.repeat(data.genotype[:, :6], 2, axis=1)
    kept = [
        training_data(make_data(genotype=genotype), max_correlation=0.9, split_seed=seed).loci_index.tolist()
        for seed in (0, 0, 1, 2, 3)
    ]
    assert kept[0] == kept[1]
    assert len(set(map(tuple, kept))) > 1
    assert all([locus // 2 for locus in loci] == list(range(6)) for loci in kept)


def test_description_counts_loci_and_individuals():
    module = training_data(make_data(2))
    assert module.describe() == "12 loci, 144 / 26 / 30 individuals for train / val / test, environments: 23C, 24C"


def keep_measured(n_kept: int, part: str) -> np.ndarray:
    phenotype = make_data(2).phenotype
    phenotype[getattr(split_individuals(IDS), part)[n_kept:], 1] = NAN
    return phenotype


@pytest.mark.parametrize("part", ["val", "test"])
@pytest.mark.parametrize("n_kept", [0, 1])
def test_refuses_an_environment_hardly_measured_in_one_part(part, n_kept):
    with pytest.raises(InputError, match=f"environment 24C has no two measured values that differ in the {part} part"):
        training_data(make_data(2, phenotype=keep_measured(n_kept, part)))
    training_data(make_data(2, phenotype=keep_measured(2, part)))


def test_refuses_an_environment_hardly_measured_in_training():
    with pytest.raises(InputError, match="environment 24C has 1 measured values in the training part"):
        training_data(make_data(2, phenotype=keep_measured(1, "train")))


def test_refuses_a_phenotype_constant_in_training():
    phenotype = make_data().phenotype
    phenotype[split_individuals(IDS).train] = 3.0
    with pytest.raises(InputError, match="environment 23C has 144 measured values in the training part and no two"):
        training_data(make_data(phenotype=phenotype))


def test_refuses_loci_none_of_which_varies_in_training():
    genotype = make_data().genotype.copy()
    genotype[split_individuals(IDS).train] = 1
    with pytest.raises(InputError, match="none of the 12 loci varies among the training individuals"):
        training_data(make_data(genotype=genotype))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_correlation": 0.0}, "data.max_correlation is 0.0"),
        ({"max_correlation": 1.5}, "data.max_correlation is 1.5"),
        ({"test_fraction": 1.0}, "data.test_fraction is 1.0"),
        ({"split_scheme": "stored"}, "data.split_scheme=stored needs data.split_file"),
        ({"split_scheme": "stored", "split_file": "nowhere.tsv"}, "nowhere.tsv is not there"),
        ({"split_scheme": "kfold", "fold": 9}, "data.fold is 9"),
        ({"split_scheme": "notebook", "split_seed": 1}, "data.split_seed is 1"),
        ({"max_correlation": 0.9, "split_seed": -1}, "data.split_seed is -1"),
    ],
)
def test_refuses_bad_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        training_data(make_data(), **arguments)


def test_refuses_too_few_individuals():
    with pytest.raises(InputError, match="6 individuals are too few for data.split_scheme=fractions"):
        training_data(make_data(n=6))


def test_refuses_a_stored_split_without_some_individuals(tmp_path: Path):
    (tmp_path / "split.tsv").write_text("id\tsplit\nline0\ttrain\nline1\tval\n")
    with pytest.raises(InputError, match="has no row for 198 individuals, the first line2"):
        training_data(make_data(), split_scheme="stored", split_file=str(tmp_path / "split.tsv"))


def environments(data, **columns):
    return {"covariates": pd.DataFrame(columns, index=pd.Index(data.environment_names), dtype=float)}


def test_target_keeps_few_values_and_individuals_without_any_are_left_out():
    module = training_data(make_data(), target_environment="23C", target_values=60)
    assert [len(rows) for rows in module.split] == [60, 11, 30]
    several = training_data(make_data(3, 0.2), target_environment="24C", target_values=60)
    assert np.count_nonzero(several.trained_on[1][:, 1]) == 60
    assert several.target == (1, 60, 11)


def test_scaling_of_the_target():
    data = make_data(4, phenotype=np.random.default_rng(0).normal([1, 2, 3, 4], 1, (N, 4)))
    few = {"target_environment": "24C", "target_values": 0}
    shrunk = training_data(data, **few, target_scaling="shrinkage").scaling
    assert shrunk.mean[1] == pytest.approx(shrunk.mean[[0, 2, 3]].mean())
    data = make_data(4, phenotype=data.phenotype, **environments(data, t=[1, 2, 3, 4]))
    by_covariate = training_data(data, **few, target_scaling="covariate").scaling
    assert by_covariate.mean[1] == pytest.approx(2, abs=0.5)
    np.testing.assert_array_equal(by_covariate.mean[[0, 2, 3]], shrunk.mean[[0, 2, 3]])


def test_covariates_are_standardised_over_the_environments_trained_on():
    data = make_data(4)
    data = make_data(4, **environments(data, t=[1, 50, 3, 5]))
    module = training_data(data, target_environment="24C", target_values=0, target_scaling="shrinkage")
    values, log_sd = np.array(module.covariates).T
    np.testing.assert_allclose(log_sd, np.log(module.scaling.sd) - np.log(module.scaling.sd).mean())
    np.testing.assert_allclose(values[[0, 2, 3]].mean(), 0, atol=1e-12)
    np.testing.assert_allclose(values, (np.array([1, 50, 3, 5]) - 3) / np.std([1, 3, 5]))
    constant = training_data(make_data(4, **environments(data, t=[1, 1, 1, 1])))
    with pytest.raises(InputError, match="covariate t is the same in all environments that are trained on"):
        constant.covariates  # noqa: B018
    assert training_data(make_data(4)).covariates is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"target_environment": "23C"}, "target_environment=23C and data.target_values=None: give both or neither"),
        ({"target_values": 3}, "give both or neither"),
        ({"target_environment": "23C", "target_values": 0}, "23C has 0 measured values"),
        ({"target_environment": "23C", "target_values": 10**6}, "target_values=1000000"),
        ({"target_environment": "9C", "target_values": 3}, "9C is no environment of the data"),
        (
            {"target_environment": "23C", "target_values": 3, "target_scaling": "covariate"},
            "target_scaling=covariate needs numbers that describe the environments",
        ),
        ({"train_environments": ["9C"]}, "train_environments=..9C..: name some of 23C, 24C, 25C"),
        ({"train_environments": []}, "train_environments=..: name some of"),
        (
            {
                "train_environments": ["23C"],
                "target_environment": "23C",
                "target_values": 0,
                "target_scaling": "shrinkage",
            },
            "have no training value: raise data.target_values",
        ),
        ({"target_scaling": "shrinkage"}, "target_scaling=shrinkage without data.target_environment"),
        ({"weights": "standard_error"}, "needs standard errors: give data.standard_error_file"),
    ],
)
def test_refuses_what_environments_cannot_give(arguments, words):
    with pytest.raises(InputError, match=words):
        training_data(make_data(3), **arguments).trained_on  # noqa: B018


def test_shrinkage_needs_two_other_environments():
    with pytest.raises(InputError, match="looks at the other environments and there are 1: give at least 2"):
        training_data(make_data(2), target_environment="23C", target_values=5, target_scaling="shrinkage")


@pytest.mark.parametrize("n_values", [20, 53])
def test_single_environment_needs_values_to_choose_by(n_values):
    with pytest.raises(InputError, match="no other environment to choose by: give 54 or more"):
        training_data(make_data(), target_environment="23C", target_values=n_values)
