import numpy as np
import pytest

from gpattention.interpret.polynomial import fit_polynomial, n_pairwise_terms


def truth(g):
    """Two environments: 2 + 3 g0 - g2, and that with -0.5 g0 g1 + 4 g1 g3."""
    additive = 2 + 3 * g[:, 0] - g[:, 2]
    return np.stack([additive, additive - 0.5 * g[:, 0] * g[:, 1] + 4 * g[:, 1] * g[:, 3]], axis=1)


def test_a_polynomial_of_order_two_is_found_again():
    genotype = np.random.default_rng(0).choice([-1, 1], (400, 4)).astype(np.int8)
    found = fit_polynomial(genotype, truth(genotype.astype(float)), pairwise=True)
    np.testing.assert_allclose(found.constant, [2, 2], atol=1e-6)
    np.testing.assert_allclose(found.linear[:, 0], [3, 0, -1, 0], atol=1e-6)
    assert found.pairs[1, 0, 1] == found.pairs[1, 1, 0] == pytest.approx(-0.5, abs=1e-6)
    assert found.pairs[1, 1, 3] == pytest.approx(4, abs=1e-6)
    assert found.n_terms == n_pairwise_terms(4) == 10
    new = np.random.default_rng(1).choice([-1, 1], (50, 4)).astype(np.int8)
    np.testing.assert_allclose(found(new), truth(new.astype(float)), atol=1e-6)


def test_variances_by_order_are_those_of_all_genotypes():
    """With all genotypes equally frequent each term has its squared coefficient."""
    genotype = np.array(np.meshgrid(*[[-1, 1]] * 4)).reshape(4, -1).T.astype(np.int8)
    found = fit_polynomial(genotype, truth(genotype.astype(float)), pairwise=True)
    first, second = found.variance_by_order(genotype, np.arange(4))
    np.testing.assert_allclose(first, [10, 10], rtol=1e-6)
    np.testing.assert_allclose(second, [0, 0.25 + 16], atol=1e-5)
