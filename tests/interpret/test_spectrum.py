import numpy as np

from gpattention.interpret.spectrum import N_BLOCKS, fit_non_negative, jackknife_variance, leave_out


def test_non_negative_least_squares_are_exact_where_the_truth_is_not_negative():
    design = np.array([[1.0, 1, 1], [0.5, 0.25, 0.125], [0.2, 0.04, 0.008], [0.1, 0.01, 0.001]])
    truth = np.array([[2.0, 0, 1], [0, 3, 0]])
    covariance = np.diag([1.0, 2, 3, 4])
    np.testing.assert_allclose(fit_non_negative(design, truth @ design.T, covariance), truth, atol=1e-6)
    assert (fit_non_negative(design, -(truth @ design.T), covariance) == 0).all()


def test_the_jackknife_of_a_mean_is_its_squared_standard_error():
    value = np.random.default_rng(0).normal(size=(1, N_BLOCKS * 50))
    block = np.repeat(np.arange(N_BLOCKS), 50)
    means = leave_out(value, block)
    np.testing.assert_allclose(means[0], value.mean())
    block_means = value.reshape(N_BLOCKS, 50).mean(axis=1)
    np.testing.assert_allclose(jackknife_variance(means[1:]), block_means.var(ddof=1) / N_BLOCKS)
