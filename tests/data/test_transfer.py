import itertools

import numpy as np
import pytest

from gpattention.data.genotype_phenotype import GenotypePhenotypeData
from gpattention.data.splits import split_individuals
from gpattention.data.transfer import keep_few_values
from gpattention.errors import InputError

N = 400
IDS = tuple(f"line{i}" for i in range(N))
SPLIT = split_individuals(IDS)


def make_data(missing=0.2):
    rng = np.random.default_rng(0)
    phenotype = rng.normal(size=(N, 3))
    phenotype[rng.random((N, 3)) < missing] = np.nan
    return GenotypePhenotypeData(
        genotype=rng.choice([-1, 1], (N, 4)).astype(np.int8),
        phenotype=phenotype,
        individual_ids=IDS,
        environment_names=("23C", "25C", "30C"),
        coding="signed",
    )


def kept(n_values, seed=0, name="25C"):
    data, target = keep_few_values(make_data(), SPLIT, name, n_values, seed)
    measured = ~np.isnan(data.phenotype[:, target.column])
    return data, target, *({IDS[row] for row in rows[measured[rows]]} for rows in SPLIT)


@pytest.mark.parametrize(("n_values", "n_val"), [(0, 0), (1, 0), (53, 0), (57, 10), (100, 18), (150, 26)])
def test_keeps_as_many_values_as_asked_for(n_values, n_val):
    data, target, train, val, test = kept(n_values)
    assert (len(train), len(val)) == (target.n_train, target.n_val) == (n_values, n_val)
    before = make_data().phenotype
    assert len(test) == np.count_nonzero(~np.isnan(before[SPLIT.test, 1]))
    np.testing.assert_array_equal(data.phenotype[:, [0, 2]], before[:, [0, 2]])
    left = ~np.isnan(data.phenotype)
    np.testing.assert_array_equal(data.phenotype[left], before[left])


def test_smaller_subsets_lie_inside_larger_ones_and_seeds_differ():
    for seed in range(3):
        subsets = [kept(n, seed)[2:4] for n in (10, 60, 100, 150)]
        for (train, val), (more_train, more_val) in itertools.pairwise(subsets):
            assert train < more_train
            assert val <= more_val
    assert kept(60, 0)[2] != kept(60, 1)[2]


@pytest.mark.parametrize(
    ("name", "n_values", "words"),
    [
        ("26C", 10, "target_environment=26C is no environment of the data, which have 23C, 25C, 30C"),
        ("25C", 100_000, "target_values=100000: environment 25C has 2.. measured values in the training part"),
        ("25C", -1, "target_values=-1: .* give a number from 0 to 2"),
    ],
)
def test_refusals(name, n_values, words):
    with pytest.raises(InputError, match=words):
        keep_few_values(make_data(), SPLIT, name, n_values, 0)


def test_validation_values_that_are_all_equal_are_nothing_to_choose_by():
    data = make_data()
    data.phenotype[SPLIT.val, 1] = 2.5
    _, target = keep_few_values(data, SPLIT, "25C", 100, 0)
    assert (target.n_train, target.n_val) == (100, 0)
