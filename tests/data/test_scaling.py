"""Means and standard deviations per environment."""

import numpy as np
import pytest

from gpattention.data.scaling import Scaling, extrapolate_scaling, fit_scaling, shrink_towards_others
from gpattention.errors import InputError

NAN = float("nan")


def test_scaling_is_that_of_the_measured_values():
    phenotype = np.array([[1.0, NAN], [3.0, 10.0], [NAN, 20.0], [5.0, 60.0]])
    scaling = fit_scaling(phenotype, ("23C", "30C"))
    np.testing.assert_allclose(scaling.mean, [3, 30])
    np.testing.assert_allclose(scaling.sd, [np.sqrt(8 / 3), np.sqrt((400 + 100 + 900) / 3)])


def test_standardised_values_have_mean_0_and_sd_1_and_keep_gaps():
    phenotype = np.random.default_rng(0).normal([3.0, -100.0], [0.01, 50.0], (500, 2))
    phenotype[7, 1] = NAN
    standardised = fit_scaling(phenotype, ("23C", "30C")).standardise(phenotype)
    np.testing.assert_allclose(np.nanmean(standardised, axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(np.nanstd(standardised, axis=0), 1)
    np.testing.assert_array_equal(np.isnan(standardised), np.isnan(phenotype))


def test_restore_gives_original_units_in_double_precision():
    scaling = fit_scaling(np.array([[1.0, 1000.0], [2.0, 3000.0]]), ("23C", "30C"))
    restored = scaling.restore(np.array([[1, -1], [0, 3]], dtype=np.float32))
    assert restored.dtype == np.float64
    np.testing.assert_allclose(restored, [[2, 1000], [1.5, 5000]])


@pytest.mark.parametrize(
    ("values", "n"), [([NAN, NAN, NAN], 0), ([NAN, 1.0, NAN], 1), ([2.0, 2.0, NAN], 2), ([0.0, 0.0, 0.0], 3)]
)
def test_refuses_an_environment_without_two_different_values(values, n):
    phenotype = np.array([[1.0, 2.0, 3.0], values]).T
    with pytest.raises(InputError, match=f"environment 30C has {n} measured values in the training part and no two"):
        fit_scaling(phenotype, ("23C", "30C"))


OTHERS = Scaling(np.array([1.0, 2.0, 3.0, 2.0]), np.array([0.5, 1.0, 2.0, 1.0]))


def test_without_values_shrinkage_gives_the_average_of_the_others():
    mean, sd = shrink_towards_others(np.empty(0), OTHERS)
    assert (mean, sd) == (pytest.approx(2), pytest.approx(1))


def test_shrinkage_lies_between_the_others_and_the_own_values_and_ends_at_these():
    rng = np.random.default_rng(0)
    values = rng.normal(10, 5, 100_000)
    means, sds = zip(*(shrink_towards_others(values[:m], OTHERS) for m in (1, 2, 10, 100, 100_000)), strict=True)
    assert all(2 <= mean <= 10.1 for mean in means)
    assert means[-1] == pytest.approx(values.mean(), rel=1e-3)
    assert sds[-1] == pytest.approx(values.std(), rel=1e-3)
    assert sds[0] == pytest.approx(1)
    assert 1 < sds[2] < 5.5


def test_shrinkage_is_nearer_the_truth_than_few_own_values():
    rng = np.random.default_rng(1)
    off_own, off_shrunk = [], []
    for _ in range(300):
        true_mean, true_sd = rng.normal(2, 0.8), np.exp(rng.normal(0, 0.5))
        values = rng.normal(true_mean, true_sd, 4)
        mean, sd = shrink_towards_others(values, OTHERS)
        off_own.append((values.mean() - true_mean) ** 2 + np.log(values.std() / true_sd) ** 2)
        off_shrunk.append((mean - true_mean) ** 2 + np.log(sd / true_sd) ** 2)
    assert np.mean(off_shrunk) < np.mean(off_own)


def test_equal_others_and_equal_values_do_not_break_shrinkage():
    same = Scaling(np.ones(3), np.ones(3))
    for values in ([], [4.0], [4.0, 4.0], [4.0, 6.0]):
        assert np.isfinite(shrink_towards_others(np.array(values), same)).all()


def test_quadratic_scaling_is_extrapolated_exactly():
    t = np.array([[23.0], [25], [27], [31], [35]])
    others = Scaling(0.1 * (t[:, 0] - 29) ** 2 + 3, np.exp(0.02 * t[:, 0] - 1))
    mean, sd = extrapolate_scaling(t, np.array([29.0]), others)
    assert (mean, sd) == (pytest.approx(3), pytest.approx(np.exp(0.58 - 1)))


@pytest.mark.parametrize(
    "covariates", [[[1.0], [2.0]], [[1.0], [1.0], [2.0], [2.0]], [[1.0, 5], [2, 3], [3, 3], [4, 1]]]
)
def test_too_few_environments_for_a_quadratic_fit_are_refused(covariates):
    n = len(covariates)
    with pytest.raises(InputError, match=f"the {n} other environments do not determine them"):
        extrapolate_scaling(np.array(covariates), np.array(covariates[0]), Scaling(np.ones(n), np.ones(n)))


def test_covariate_far_outside_is_refused():
    t = np.array([[23.0], [25], [27], [31], [35]])
    others = Scaling(np.ones(5), np.exp(0.02 * (t[:, 0] - 29) ** 2))
    with pytest.raises(InputError, match="covariate 2000 is too far from the others .from 23 to 35."):
        extrapolate_scaling(t, np.array([2000.0]), others)
