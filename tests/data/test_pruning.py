"""Pruning of correlated loci against a naive greedy search over the full matrix of correlations."""

import numpy as np
import pytest

from gpattention.data import pruning
from gpattention.data.cross import random_markers, simulate_cross
from gpattention.data.pruning import prune_loci
from gpattention.errors import InputError


def linked_calls(n: int, n_loci: int, recombination: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    switch = np.where(rng.random((n, n_loci)) < recombination, -1, 1)
    switch[:, 0] = rng.choice([-1, 1], n)
    return np.cumprod(switch, axis=1).astype(np.int8)


def greedy(genotype: np.ndarray, max_correlation: float, order: np.ndarray) -> list[int]:
    """Over the full matrix of correlations."""
    correlation = np.abs(np.corrcoef(genotype.astype(np.float64), rowvar=False))
    kept: list[int] = []
    for locus in order:
        if all(correlation[locus, other] <= max_correlation for other in kept):
            kept.append(int(locus))
    return sorted(kept)


def greedy_ascending(genotype: np.ndarray, max_correlation: float) -> list[int]:
    return greedy(genotype, max_correlation, np.arange(genotype.shape[1]))


@pytest.fixture(params=[(2**29, 2**28, 256), (4 * 5000 * 30, 8 * 100 * 500, 7)], ids=["large", "small"])
def blocks(request, monkeypatch):
    """All at once, or windows of some thirty loci, a hundred individuals at a time."""
    for name, value in zip(("WINDOW_BYTES", "BLOCK_BYTES", "LOCI_AT_ONCE"), request.param, strict=True):
        monkeypatch.setattr(pruning, name, value)


def prune(genotype: np.ndarray, max_correlation: float, order: str = "ascending", seed: int = 0) -> np.ndarray:
    return prune_loci(genotype, max_correlation, order, np.random.default_rng(seed))


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


@pytest.mark.parametrize("kind", [np.int8, np.float16, np.float32])
@pytest.mark.parametrize("order", ["ascending", "random"])
def test_pruning_by_blocks_of_a_map_of_a_file_is_the_greedy_search(order, kind, blocks, tmp_path):
    calls = linked_calls(5000, 150, 0.02, seed=3)
    if kind != np.int8:
        calls = calls * np.random.default_rng(1).uniform(0.8, 1, calls.shape)
    np.save(tmp_path / "genotype.npy", calls.astype(kind))
    genotype = np.load(tmp_path / "genotype.npy", mmap_mode="r")
    rows = np.random.default_rng(4).permutation(5000)[:3000]
    given = prune_loci(genotype, 0.8, order, np.random.default_rng(9), rows=rows)
    wanted_order = np.arange(150) if order == "ascending" else np.random.default_rng(9).permutation(150)
    assert given.tolist() == greedy(np.asarray(genotype[rows]), 0.8, wanted_order)
    assert 5 < len(given) < 100


def test_correlations_at_the_threshold_are_told_apart_in_float64(blocks):
    """Pairs of loci with correlations of the threshold plus and minus 1e-8, which float32 cannot tell."""
    rng = np.random.default_rng(0)
    first = rng.standard_normal((4000, 40))
    first -= first.mean(axis=0)
    other = rng.standard_normal((4000, 40))
    other -= other.mean(axis=0)
    other -= first * (first * other).sum(axis=0) / (first**2).sum(axis=0)
    first, other = (values / np.linalg.norm(values, axis=0) for values in (first, other))
    target = 0.9 + np.where(np.arange(40) % 3 == 0, 1e-8, -1e-8)
    genotype = np.hstack([first, target * first + np.sqrt(1 - target**2) * other])
    given = prune(genotype, 0.9)
    assert given.tolist() == sorted([*range(40), *(40 + k for k in range(40) if k % 3)])
    assert given.tolist() == greedy_ascending(genotype, 0.9)


def test_within_chromosomes_loci_of_others_do_not_count():
    genotype = linked_calls(2000, 60, 0.02)
    genotype = np.hstack([genotype, genotype[:, ::-1]])  # a second chromosome with the same alleles
    chromosome = np.repeat(["X", "IX"], 60)
    given = prune_loci(genotype, 0.9, "ascending", np.random.default_rng(0), chromosome=chromosome)
    first, second = greedy_ascending(genotype[:, :60], 0.9), greedy_ascending(genotype[:, 60:], 0.9)
    assert given.tolist() == first + [60 + locus for locus in second]
    assert len(prune(genotype, 0.9)) < len(given)


def test_mean_and_sd_are_those_of_the_rows():
    genotype = np.random.default_rng(0).random((100, 4)).astype(np.float16)
    genotype[:, 2] = 0.3
    rows = np.arange(10, 60)
    loci = pruning.measure(genotype, rows)
    np.testing.assert_allclose(loci.mean, genotype[rows].astype(float).mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(loci.sd, genotype[rows].astype(float).std(axis=0), rtol=1e-12, atol=0)
    assert loci.sd[2] == 0


@pytest.mark.slow
def test_three_thousand_loci_of_a_genome_are_those_of_the_dense_method():
    markers = random_markers(3000, np.random.default_rng(0))
    genotype = simulate_cross(20_000, markers, np.random.SeedSequence(0))
    for order, positions in (("ascending", np.arange(3000)), ("random", np.random.default_rng(5).permutation(3000))):
        given = prune_loci(genotype, 0.94, order, np.random.default_rng(5))
        assert given.tolist() == greedy(genotype, 0.94, positions)
