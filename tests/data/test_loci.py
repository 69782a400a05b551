"""Which loci vary, and the choice of causal loci."""

import numpy as np
import pytest

from gpattention.data.loci import choose_loci, variable_loci
from gpattention.errors import InputError


def test_variable_loci_are_those_with_two_values():
    genotype = np.array([[1, 1, 0.5, -1], [1, -1, 0.5, -1], [1, -1, 0.4, -1]])
    assert variable_loci(genotype).tolist() == [1, 2]
    assert variable_loci(genotype, np.array([2, 1])).tolist() == [2]


def choose(n_loci: int, how: str, max_mean_allele: float | None = None, seed: int = 0) -> np.ndarray:
    genotype = np.ones((100, 40), dtype=np.int8)
    for locus in range(40):
        genotype[: 50 + locus % 4, locus] = -1
    return choose_loci(genotype, np.arange(0, 40, 2), n_loci, how, max_mean_allele, np.random.default_rng(seed))


def test_first_loci_are_the_first_candidates():
    assert choose(5, "first").tolist() == [0, 2, 4, 6, 8]


def test_random_loci_are_distinct_candidates_in_genome_order():
    chosen = choose(8, "random")
    assert (np.diff(chosen) > 0).all()
    assert set(chosen) <= set(range(0, 40, 2))
    assert chosen.tolist() != choose(8, "random", seed=1).tolist()


def test_random_loci_are_all_equally_likely():
    counts = np.bincount(np.concatenate([choose(5, "random", seed=seed) for seed in range(400)]), minlength=40)[::2]
    assert (np.abs(counts - 100) < 4 * np.sqrt(400 * 0.25 * 0.75)).all()


@pytest.mark.parametrize(("max_mean_allele", "expected"), [(0.05, [0, 2, 4]), (0.04, [0, 4, 8]), (0.03, [0, 4, 8])])
def test_skewed_loci_are_left_out(max_mean_allele, expected):
    # Candidates alternate between mean alleles of 0 and -0.04.
    assert choose(3, "first", max_mean_allele).tolist() == expected


@pytest.mark.parametrize(("max_mean_allele", "n_left"), [(None, 20), (0.03, 10)])
def test_refuses_more_loci_than_there_are(max_mean_allele, n_left):
    with pytest.raises(InputError, match=f"data.n_loci is 21, but the cross has {n_left} loci to choose from"):
        choose(21, "first", max_mean_allele)
