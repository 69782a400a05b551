"""Pruning of correlated loci against a naive greedy search, and the choice of causal loci."""

import numpy as np
import pytest

from gpattention.data.loci import choose_loci, prune_loci, variable_loci
from gpattention.errors import InputError


def linked_calls(n: int, n_loci: int, recombination: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    switch = np.where(rng.random((n, n_loci)) < recombination, -1, 1)
    switch[:, 0] = rng.choice([-1, 1], n)
    return np.cumprod(switch, axis=1).astype(np.int8)


def greedy_ascending(genotype: np.ndarray, max_correlation: float) -> list[int]:
    correlation = np.abs(np.corrcoef(genotype.astype(np.float64), rowvar=False))
    kept: list[int] = []
    for locus in range(genotype.shape[1]):
        if all(correlation[locus, other] <= max_correlation for other in kept):
            kept.append(locus)
    return kept


def prune(genotype: np.ndarray, max_correlation: float, order: str = "ascending", seed: int = 0) -> np.ndarray:
    return prune_loci(genotype, max_correlation, order, np.random.default_rng(seed))


def test_variable_loci_are_those_with_two_values():
    genotype = np.array([[1, 1, 0.5, -1], [1, -1, 0.5, -1], [1, -1, 0.4, -1]])
    assert variable_loci(genotype).tolist() == [1, 2]


@pytest.mark.parametrize("max_correlation", [0.3, 0.8, 0.94])
def test_ascending_pruning_is_the_naive_greedy_search(max_correlation):
    genotype = linked_calls(5000, 200, 0.02)
    kept = prune(genotype, max_correlation)
    assert kept.tolist() == greedy_ascending(genotype, max_correlation)
    assert 1 < len(kept) < 200


def test_ascending_pruning_of_probabilities_is_the_naive_greedy_search():
    calls = linked_calls(3000, 150, 0.03, seed=1)
    genotype = (calls * np.random.default_rng(2).uniform(0.7, 1, calls.shape)).astype(np.float32)
    assert prune(genotype, 0.7).tolist() == greedy_ascending(genotype, 0.7)


@pytest.mark.parametrize("sd", [1e-1, 1e-2, 1e-3, 1e-4])
def test_probabilities_that_hardly_vary_keep_one_locus_of_each_group(sd):
    rng = np.random.default_rng(0)
    group = np.repeat(rng.uniform(0, 1, (5000, 3)), 10, axis=1)
    genotype = (0.99 - sd * (group + 0.01 * rng.normal(size=(5000, 30)))).astype(np.float32)
    assert greedy_ascending(genotype, 0.9) == [0, 10, 20]
    assert prune(genotype, 0.9).tolist() == [0, 10, 20]


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("max_correlation", [0.5, 0.94])
def test_random_pruning_keeps_no_redundant_pair_and_drops_no_other(max_correlation, seed):
    genotype = linked_calls(5000, 300, 0.01)
    kept = prune(genotype, max_correlation, "random", seed)
    correlation = np.abs(np.corrcoef(genotype, rowvar=False))
    among_kept = correlation[np.ix_(kept, kept)]
    assert among_kept[~np.eye(len(kept), dtype=bool)].max() <= max_correlation
    dropped = np.setdiff1d(np.arange(300), kept)
    assert dropped.size
    assert (correlation[np.ix_(dropped, kept)].max(axis=1) > max_correlation).all()
    assert (np.diff(kept) > 0).all()


def test_random_pruning_depends_on_the_generator_alone():
    genotype = linked_calls(500, 300, 0.01)
    first, again, other = (prune(genotype, 0.9, "random", seed).tolist() for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize("order", ["ascending", "random"])
def test_negative_correlation_counts_and_constant_loci_are_dropped(order):
    genotype = linked_calls(1000, 3, 0.5)
    constant = np.full((1000, 1), -1, dtype=np.int8)
    genotype = np.hstack([constant, genotype, -genotype, constant])
    kept = prune(genotype, 0.9, order)
    assert len(kept) == 3
    assert sorted((kept - 1) % 3) == [0, 1, 2]


def test_pruning_to_one_drops_nothing_that_varies():
    genotype = np.random.default_rng(0).choice([-1, 1], (3001, 100)).astype(np.int8)
    assert len(prune(np.hstack([genotype, genotype]), 1.0)) == 200


def test_pruning_without_variable_loci_keeps_none():
    assert prune(np.ones((10, 3), dtype=np.int8), 0.9).tolist() == []


@pytest.mark.parametrize("max_correlation", [0, -0.5, 1.01, float("nan")])
def test_refuses_correlations_out_of_range(max_correlation):
    with pytest.raises(InputError, match=f"max_correlation is {max_correlation}: give a number above 0 and up to 1"):
        prune(linked_calls(10, 3, 0.5), max_correlation)


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
