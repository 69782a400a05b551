from itertools import combinations

import numpy as np
import pytest

from gpattention.interpret import substitutions
from gpattention.interpret.substitutions import contrasts, predict_distinct


def polynomial(genotype):
    """Two environments: 3 g0 + 2 g1 g2 and g0 g1 g2 g3 + 5."""
    g = genotype.T.astype(float)
    return np.stack([3 * g[0] + 2 * g[1] * g[2], g[0] * g[1] * g[2] * g[3] + 5], axis=1)


def collect(genotype, sets):
    values = np.full((len(genotype), len(sets), 2), np.nan)
    for background, chosen, block in contrasts(polynomial, genotype, np.array(sets), ""):
        values[background, chosen] = block
    return values


@pytest.mark.parametrize("rows_at_once", [1, 7, 16_384])
@pytest.mark.parametrize("dtype", [np.int8, np.float32])
def test_contrasts_of_a_polynomial_are_its_coefficients_by_the_rest_of_the_background(dtype, rows_at_once, monkeypatch):
    """A set of K loci gives 2^K times the terms that contain it, each over the alleles that it shares with the set."""
    monkeypatch.setattr(substitutions, "ROWS_AT_ONCE", rows_at_once)
    rng = np.random.default_rng(0)
    genotype = (rng.choice([-1, 1], (9, 5)) if dtype == np.int8 else 2 * rng.random((9, 5)) - 1).astype(dtype)
    g = genotype.astype(float)
    one = collect(genotype, [[0], [1], [2], [3], [4]])
    np.testing.assert_allclose(
        one[:, 0], np.stack([np.full(9, 6.0), 2 * g[:, 1] * g[:, 2] * g[:, 3]], axis=1), atol=1e-6
    )
    np.testing.assert_allclose(one[:, 1, 0], 4 * g[:, 2], atol=1e-6)
    np.testing.assert_allclose(one[:, 4], 0, atol=1e-12)
    pairs = list(combinations(range(5), 2))
    two = collect(genotype, pairs)
    for number, pair in enumerate(pairs):
        np.testing.assert_allclose(two[:, number, 0], 8.0 if pair == (1, 2) else 0.0, atol=1e-6)
        rest = [k for k in range(4) if k not in pair]
        expected = 4 * g[:, rest].prod(axis=1) if 4 not in pair else 0
        np.testing.assert_allclose(two[:, number, 1], expected, atol=1e-6)
    np.testing.assert_allclose(collect(genotype, [[0, 1, 2, 3]])[:, 0, 1], 16, atol=1e-6)


def test_every_distinct_genotype_is_evaluated_once():
    seen = []

    def predict(genotype):
        seen.append(len(genotype))
        return polynomial(genotype)

    genotype = np.random.default_rng(1).choice([-1, 1], (500, 4)).astype(np.int8)
    np.testing.assert_array_equal(predict_distinct(predict, genotype), polynomial(genotype))
    assert seen == [16]
