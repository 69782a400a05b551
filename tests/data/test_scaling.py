"""Means and standard deviations per environment."""

import numpy as np
import pytest

from gpattention.data.scaling import fit_scaling
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
