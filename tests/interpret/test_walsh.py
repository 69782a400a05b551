from itertools import combinations

import numpy as np
import pytest
from conftest import SHARED_DATA

from gpattention.errors import InputError
from gpattention.interpret.walsh import all_genotypes, krawtchouk, order_rows, variance_by_order, walsh_hadamard


def test_coefficients_are_means_of_products_over_all_genotypes():
    """Every set of 5 loci, against the definition."""
    genotype = all_genotypes(5)
    value = np.random.default_rng(0).standard_normal(32)
    coefficient = walsh_hadamard(value)
    for order in range(6):
        for members in combinations(range(5), order):
            row = sum(2 ** (4 - locus) for locus in members)
            assert coefficient[row] == pytest.approx((value * genotype[:, list(members)].prod(axis=1)).mean())
    spectrum = variance_by_order(coefficient)
    assert spectrum[1:].sum() == pytest.approx(value.var())
    assert spectrum[0] == pytest.approx(value.mean() ** 2)


def test_known_polynomial():
    g = all_genotypes(4).astype(float)
    spectrum = variance_by_order(
        walsh_hadamard(7 + 3 * g[:, 0] - g[:, 3] + 0.5 * g[:, 1] * g[:, 2] + 2 * g.prod(axis=1))
    )
    np.testing.assert_allclose(spectrum, [49, 10, 0.25, 0, 4], atol=1e-12)


def test_kernel_of_an_order_is_the_sum_over_its_sets():
    kernel = krawtchouk(6, 4)
    genotype = all_genotypes(6)[[0, 1, 5, 22, 63]].astype(float)
    for one in genotype:
        for order in range(5):
            expected = sum(one[list(s)].prod() * genotype[0, list(s)].prod() for s in combinations(range(6), order))
            assert kernel[order, int((one != genotype[0]).sum())] == expected


def test_rows_of_a_landscape_come_into_order():
    genotype = all_genotypes(6)
    shuffled = np.random.default_rng(1).permutation(64)
    np.testing.assert_array_equal(genotype[shuffled][order_rows(genotype[shuffled])], genotype)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda g: np.delete(g, [9, 20], axis=0),
            r"not complete: it has 62 of the 64 .* missing is 001001 \(1 for \+1\)",
        ),
        (lambda g: np.vstack([g, g[7]]), r"1 genotypes more than once, such as that of individual 64"),
        (lambda g: np.where(g == 1, 0, g), r"other than -1 and \+1"),
        (lambda g: np.ones((5, 40), np.int8), r"it has 5 of the 1,099,511,627,776 genotypes"),
    ],
)
def test_incomplete_landscapes_are_refused(change, words):
    genotype = change(all_genotypes(6))
    with pytest.raises(InputError, match=words):
        order_rows(genotype, tuple(map(str, range(len(genotype)))))


@pytest.mark.skipif(not (SHARED_DATA / "fp_poelwijk2019").is_dir(), reason="needs shared/data/fp_poelwijk2019")
def test_fluorescent_proteins_against_their_design_matrix():
    """Order 1 and 2 by least squares on the loci and their pairs."""
    genotype = np.load(SHARED_DATA / "fp_poelwijk2019" / "genotypes.npy") * 2 - 1
    value = np.loadtxt(SHARED_DATA / "fp_poelwijk2019" / "phenotypes.tsv", skiprows=1, usecols=1)
    spectrum = variance_by_order(walsh_hadamard(value[order_rows(genotype)]))
    g = genotype.astype(float)
    first, second = np.triu_indices(13, 1)
    for terms, orders in ((g, [1]), (np.hstack([g, g[:, first] * g[:, second]]), [1, 2])):
        fitted = terms @ np.linalg.lstsq(terms, value - value.mean())[0]
        assert fitted.var() == pytest.approx(spectrum[orders].sum())
    assert spectrum[1:].sum() == pytest.approx(value.var())
