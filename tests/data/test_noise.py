import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from gpattention.data.noise import noise_weights


def make(n=4000, noise=(0.5, 2.0), missed=0.0, seed=0):
    """Half the values carry little noise, half much; `missed` is variance that no linear map explains."""
    rng = np.random.default_rng(seed)
    genotype = rng.choice([-1, 1], (n, 5)).astype(np.int8)
    error = rng.choice(noise, (n, 1))
    effects = np.array([1.0, -1, 0.5, 0, 2])
    phenotype = (
        (genotype @ effects)[:, None] + error * rng.normal(size=(n, 1)) + np.sqrt(missed) * rng.normal(size=(n, 1))
    )
    return genotype, 10 * phenotype, 10 * error


@pytest.mark.parametrize("missed", [0.0, 3.0])
def test_weights_are_inverse_variances_about_the_map(missed):
    genotype, phenotype, error = make(missed=missed)
    weight = noise_weights(genotype, phenotype, error, ("A",))[:, 0]
    assert weight.mean() == pytest.approx(1)
    little, much = (weight[error[:, 0] == value][0] for value in (5, 20))
    assert little / much == pytest.approx((missed + 4) / (missed + 0.25), rel=0.5 if missed == 0 else 0.2)


def test_weighted_regression_is_more_precise_than_an_equal_one():
    wanted, off = 10 * np.array([1.0, -1, 0.5, 0, 2]), {"equal": [], "weighted": []}
    for seed in range(30):
        genotype, phenotype, error = make(n=300, noise=(0.3, 5.0), seed=seed)
        weight = noise_weights(genotype, phenotype, error, ("A",))[:, 0]
        for name, weights in (("equal", None), ("weighted", weight)):
            fitted = LinearRegression().fit(genotype, phenotype[:, 0], weights)
            off[name].append(((fitted.coef_ - wanted) ** 2).sum())
    assert np.mean(off["weighted"]) < 0.3 * np.mean(off["equal"])


def test_gaps_have_no_weight_and_values_without_error_the_mean_one():
    genotype, phenotype, error = make()
    phenotype[:5], error[5:10] = np.nan, np.nan
    weight = noise_weights(genotype, phenotype, error, ("A",))[:, 0]
    assert not weight[:5].any()
    assert len(set(weight[5:10])) == 1
    assert weight[error[:, 0] == 20].min() < weight[5] < weight[error[:, 0] == 5].max()


def test_standard_errors_of_0_and_a_perfect_map_weigh_alike():
    genotype, phenotype, error = make(noise=(0.0, 0.0))
    np.testing.assert_allclose(noise_weights(genotype, phenotype, error, ("A",)), 1, atol=1e-6)


@pytest.mark.parametrize("n", [0, 1, 9])
def test_too_few_values_weigh_alike(n):
    genotype, phenotype, error = make()
    phenotype[n:] = np.nan
    weight = noise_weights(genotype, phenotype, error, ("A",))
    assert weight.sum() == n
    assert set(weight[:n, 0]) <= {1.0}
