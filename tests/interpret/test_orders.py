import numpy as np
import pandas as pd
import pytest

from gpattention.data.phenotypes import simulate_phenotypes, true_phenotypes
from gpattention.interpret import orders
from gpattention.interpret.polynomial import fit_polynomial
from gpattention.interpret.spectrum import Part, direct_variances, fit_spectrum
from gpattention.interpret.walks import independent_walks, linkage_blocks, linked_walks
from gpattention.interpret.walsh import all_genotypes, variance_by_order, walsh_hadamard

NOTHING = Part(np.zeros(0), np.zeros((0, 1, 1)))


def spectrum_of(function, walks, taken_out=None):
    points = walks.genotype
    value = function(points.reshape(-1, points.shape[2])).reshape(points.shape[:2])
    return fit_spectrum(walks, value, taken_out)


def test_simulated_map_of_first_and_fourth_order():
    """Epsilon 0.5, 20 loci: W_1 and W_4 within 3 % of the sums of squared coefficients, W_2 and W_3 below 2 %."""
    rng = np.random.default_rng
    genotype = rng(0).choice([-1, 1], (10, 20)).astype(np.int8)
    settings = {"epsilon": 0.5, "order": 4, "n_interactions": None, "coefficients": "gaussian", "temperatures": [30]}
    _, truth = simulate_phenotypes(genotype, **settings, noise=0.2, coefficient_rng=rng(1), noise_rng=rng(2))
    arrays = {**truth.arrays, **truth.by_environment}
    known = {
        1: (0.5 / 20 * arrays["linear_coefficients"][0]) ** 2,
        4: (0.5 / 20 * arrays["epistatic_coefficients"][0]) ** 2,
    }
    total = known[1].sum() + known[4].sum()
    walks = independent_walks(20, 4000, rng(3))
    spectrum = spectrum_of(lambda g: true_phenotypes(g, arrays)[:, 0], walks)
    for order in (1, 4):
        assert spectrum.share[order - 1] == pytest.approx(known[order].sum() / total, rel=0.03)
        assert spectrum.variance[order - 1] == pytest.approx(1e-4 * known[order].sum(), rel=0.05)
    assert spectrum.share[1:3].max() < 0.02
    assert (spectrum.standard_error < 0.03).all()


def test_any_landscape_against_its_exact_spectrum():
    """A random function of 10 loci with parts of order 1, 2, 3 and 6."""
    rng = np.random.default_rng(0)
    order = np.bitwise_count(np.arange(1024))
    strength = np.array([1, 1.0, 0.7, 0.5, 0, 0, 0.6, 0, 0, 0, 0])[order] / np.sqrt(np.bincount(order))[order]
    row = np.arange(1024)
    product = 1 - 2.0 * (np.bitwise_count(row[:, None] & ~row) % 2)  # of the alleles of the loci in a set
    value = (rng.standard_normal(1024) * strength) @ product
    exact = variance_by_order(walsh_hadamard(value))[1:]
    place = 1 << np.arange(10)[::-1]
    walks = independent_walks(10, 3000, np.random.default_rng(1))
    spectrum = spectrum_of(lambda g: value[(g > 0) @ place], walks)
    np.testing.assert_allclose(spectrum.share, exact[:8] / exact.sum(), atol=0.03)
    assert abs(spectrum.share - exact[:8] / exact.sum())[:4].max() < 4 * spectrum.standard_error[:4].max() + 0.005


def test_standard_errors_are_those_of_repetitions():
    g = all_genotypes(8).astype(float)
    value = g[:, 0] + g[:, 1] + g[:, 2] * g[:, 3] + g[:, 4] * g[:, 5] * g[:, 6]
    place = 1 << np.arange(8)[::-1]
    runs = [
        spectrum_of(lambda x: value[(x > 0) @ place], independent_walks(8, 400, np.random.default_rng(k)))
        for k in range(20)
    ]
    spread = np.std([run.share[:3] for run in runs], axis=0)
    said = np.mean([run.standard_error[:3] for run in runs], axis=0)
    assert (said > spread / 2.5).all()
    assert (said < spread * 4).all()


def test_direct_variances_without_blocks_are_means_over_pairs():
    """Against a loop over pairs of walks from different blocks."""
    walks = independent_walks(5, 40, np.random.default_rng(0))
    value = np.random.default_rng(1).standard_normal(walks.genotype.shape[:2])
    block = np.arange(40) // 2
    got = direct_variances(walks.genotype, value, block, 2)
    centred, terms = value - value.mean(), {3: [], 0: []}
    for left_out in terms:
        for a in range(40):
            for b in range(40):
                if block[a] != block[b] and (left_out == 0 or left_out - 1 not in (block[a], block[b])):
                    product = walks.genotype[:, a].astype(int) @ walks.genotype[:, b].T.astype(int)
                    terms[left_out].append(np.outer(centred[:, a], centred[:, b]) * product)
        assert got[left_out, 0] == pytest.approx(np.mean(terms[left_out]))


def test_linked_walks_count_orders_in_blocks():
    """Two chromosomes of three loci each in complete linkage: a product within one is of order 1, across of order 2."""
    rng = np.random.default_rng(0)
    parents = rng.choice([-1, 1], (500, 2)).astype(np.int8)
    genotype = np.repeat(parents, 3, axis=1)
    genotype[:, 1] *= rng.choice([1, 1, 1, -1], 500)
    loci = pd.DataFrame({"locus": list("abcdef"), "chromosome": [1, 1, 1, 2, 2, 2]})
    block = linkage_blocks(genotype, loci, 0.2)
    assert block.tolist() == [0, 0, 0, 1, 1, 1]
    walks = linked_walks(genotype, block, 4000, rng)
    assert {tuple(row) for row in walks.genotype[3, :, :3]} <= {tuple(row) for row in genotype[:, :3]}
    within = spectrum_of(lambda g: 1.0 * g[:, 0] * g[:, 1], walks, taken_out=NOTHING)
    np.testing.assert_allclose(within.share, [1, 0], atol=0.02)
    across = spectrum_of(lambda g: 1.0 * g[:, 0] * g[:, 3], walks, taken_out=NOTHING)
    np.testing.assert_allclose(across.share, [0, 1], atol=0.05)
    assert (walks.genotype[0] != walks.genotype[-1])[:, [0, 3]].mean() == pytest.approx(0.5, abs=0.03)


def test_blocks_end_where_linkage_does():
    rng = np.random.default_rng(0)
    one, other = rng.choice([-1, 1], (2, 300))
    genotype = np.stack([one, one, other, other, np.ones(300)], axis=1)
    loci = pd.DataFrame({"locus": list("abcde")})
    assert linkage_blocks(genotype, loci, 0.3).tolist() == [0, 0, 1, 1, 2]
    assert linkage_blocks(genotype, loci.assign(chromosome=[1, 2, 2, 2, 2]), 0.3).tolist() == [0, 1, 2, 2, 3]


def test_constant_map_has_no_variance():
    walks = independent_walks(6, 200, np.random.default_rng(0))
    spectrum = spectrum_of(lambda g: np.ones(len(g)), walks)
    assert (spectrum.share == 0).all()
    assert (spectrum.variance == 0).all()


def linked_genotypes():
    """600 individuals of nine loci in four blocks, unequal allele frequencies, and the blocks."""
    rng = np.random.default_rng(0)
    genotype = np.where(rng.random((600, 9)) < [0.5, 0.5, 0.6, 0.5, 0.4, 0.7, 0.5, 0.5, 0.5], 1, -1).astype(np.int8)
    for locus in (1, 2, 4, 8):
        same = rng.random(600) < 0.7
        genotype[same, locus] = genotype[same, locus - 1]
    return genotype, np.array([0, 0, 0, 1, 1, 2, 3, 3, 3])


def test_variances_of_a_polynomial_in_blocks_are_those_of_its_averages():
    """Against variances of conditional means over mosaics of blocks."""
    genotype, block = linked_genotypes()
    rng = np.random.default_rng(1)
    coefficient = rng.standard_normal(9), np.triu(rng.standard_normal((9, 9)), 1)

    def function(g):
        g = g.astype(float)
        return (5 + g @ coefficient[0] + np.einsum("nl,lm,nm->n", g, coefficient[1], g))[:, None]

    polynomial = fit_polynomial(genotype, function(genotype), pairwise=True)
    np.testing.assert_allclose(polynomial(genotype), function(genotype), atol=1e-6)
    first, second = polynomial.variance_by_order(genotype, block)[:, 0]
    own = polynomial.order_1(genotype, genotype, block)[..., 0]
    parts = np.empty((4, 600))
    for number in range(4):
        # The mean over all other blocks, by drawing them anew, for all individuals alike.
        means = np.zeros(600)
        for _ in range(2000):
            other = genotype[rng.integers(0, 600, 4)[block], np.arange(9)]
            means += function(np.where(block == number, genotype, other))[:, 0]
        parts[number] = means / 2000
        assert np.corrcoef(parts[number], own[number])[0, 1] > 0.98
    assert first == pytest.approx(parts.var(axis=1).sum(), rel=0.08)
    assert own.mean(axis=1) == pytest.approx(0, abs=1e-9)
    mosaics = genotype[rng.integers(0, 600, (200_000, 4))[:, block], np.arange(9)]
    assert first + second == pytest.approx(function(mosaics).var(), rel=0.02)


def test_linked_spectrum_is_that_of_the_walks_with_less_noise():
    genotype, block = linked_genotypes()

    def function(g):
        g = g.astype(float)
        return (g[:, 0] + g[:, 1] * g[:, 3] + 0.5 * g[:, 2] * g[:, 5] * g[:, 6])[:, None]

    walks = linked_walks(genotype, block, 2000, np.random.default_rng(0))
    (precise,) = orders.linked_spectra(function, walks, genotype, block, np.random.default_rng(2))
    many = linked_walks(genotype, block, 40_000, np.random.default_rng(1))
    plain = spectrum_of(lambda g: function(g)[:, 0], many, taken_out=NOTHING)
    np.testing.assert_allclose(precise.share, plain.share, atol=4 * plain.standard_error.max())
    noisy = spectrum_of(lambda g: function(g)[:, 0], walks, taken_out=NOTHING)
    assert precise.standard_error.max() < noisy.standard_error.max() / 2


def test_linear_map_has_variance_of_order_1_alone():
    genotype, block = linked_genotypes()
    walks = linked_walks(genotype, block, 200, np.random.default_rng(0))
    (spectrum,) = orders.linked_spectra(
        lambda g: g @ np.arange(9.0)[:, None], walks, genotype, block, np.random.default_rng(1)
    )
    np.testing.assert_allclose(spectrum.share, [1, 0, 0, 0], atol=1e-9)


def test_regression_shares_are_those_of_the_spectrum():
    g = all_genotypes(8).astype(float)
    y = 2 * g[:, 0] + g[:, 1] * g[:, 2] + g[:, 3] * g[:, 4] * g[:, 5]
    many = np.repeat(g, 20, axis=0).astype(np.int8), np.repeat(y, 20)[:, None]
    shares = orders.explained_by_regression(*many)
    assert shares["linear"][0] == pytest.approx(4 / 6, abs=0.01)
    assert shares["pairwise"][0] == pytest.approx(5 / 6, abs=0.01)
    assert np.isnan(orders.explained_by_regression(g[:60], y[:60, None])["pairwise"][0])
