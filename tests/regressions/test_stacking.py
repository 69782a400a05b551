import numpy as np
import pytest

from gpattention.regressions.stacking import combine, cross_fitted, is_better, own_sums, shared_sum, stack
from gpattention.scores.losses import shares_of_loss


def maps(n=2000, n_environments=2, missing=0.2, seed=0):
    """A true phenotype of two parts; the first map knows one, the second the other, the third nothing."""
    rng = np.random.default_rng(seed)
    first, second, noise = rng.normal(size=(3, n, n_environments))
    measured = first + second + 0.5 * noise
    measured[rng.random(measured.shape) < missing] = np.nan
    return np.stack([first, second, rng.normal(size=first.shape)]), measured


def test_two_maps_that_each_know_a_half_are_summed_and_the_third_is_left_out():
    predicted, measured = maps()
    weight, intercept, how = stack(predicted, measured)
    assert how == "a weighted sum"
    np.testing.assert_allclose(weight, [[1, 1], [1, 1], [0, 0]], atol=0.05)
    combined = combine(predicted, weight, intercept)
    assert shares_of_loss(combined, measured).sum() < shares_of_loss(predicted[0], measured).sum() / 2


def test_weights_of_their_own_where_environments_differ():
    predicted, measured = maps(missing=0)
    predicted[0, :, 0] *= -1  # the first map is wrong about the first environment
    weight, _, how = stack(predicted, measured)
    assert how == "a weighted sum for each environment"
    np.testing.assert_allclose(weight[:2], [[0, 1], [1, 1]], atol=0.05)


def test_few_values_give_the_mean_of_maps_that_cannot_be_told_apart():
    rng = np.random.default_rng(0)
    measured = rng.normal(size=(60, 1))
    good = measured + 0.3 * rng.normal(size=measured.shape)
    near = [good + 0.01 * rng.normal(size=good.shape), good]
    weight, intercept, how = stack(np.stack([*near, good + 2 * rng.normal(size=good.shape)]), measured)
    assert "cannot tell apart" in how and weight[:, 0].tolist() == [0.5, 0.5, 0] and intercept.tolist() == [0]
    weight, _, how = stack(np.stack([near[0], good + 2 * rng.normal(size=good.shape)]), measured)
    assert how == "one map" and weight[:, 0].tolist() == [1, 0]


def test_a_weighted_sum_that_is_worse_is_not_taken():
    """Weights from 0 on cannot undo what a map of the other sign would need: the best map alone stays."""
    rng = np.random.default_rng(0)
    measured = rng.standard_t(2, size=(1000, 1))
    predicted = np.stack([measured + 0.1 * rng.normal(size=measured.shape), rng.normal(size=measured.shape)])
    weight, _, _ = stack(predicted, measured)
    assert weight[0, 0] == pytest.approx(1, abs=0.02) and weight[1, 0] == pytest.approx(0, abs=0.02)


def test_weights_are_not_negative_and_the_intercept_is_that_of_least_squares():
    predicted, measured = maps(n_environments=1, missing=0)
    predicted[2] = -measured  # a map that is wrong throughout gets nothing
    weight, intercept = shared_sum(predicted, measured)
    assert (weight >= 0).all() and weight[2, 0] == 0
    residual = measured - combine(predicted, weight, intercept)
    assert residual.mean() == pytest.approx(0, abs=1e-12)


def test_folds_are_predicted_by_the_others():
    predicted, measured = maps(n=20, n_environments=1, missing=0)
    seen = []

    def fit(part, values):
        seen.append(len(values))
        return shared_sum(part, values)

    combined = cross_fitted(fit, predicted, measured)
    assert seen == [18] * 10 and combined.shape == measured.shape
    assert not np.allclose(combined, combine(predicted, *shared_sum(predicted, measured)))


def test_own_sums_are_the_shared_sum_of_each_environment():
    predicted, measured = maps()
    weight, intercept = own_sums(predicted, measured)
    for e in range(2):
        alone = shared_sum(predicted[..., [e]], measured[:, [e]])
        np.testing.assert_allclose(weight[:, [e]], alone[0])
        np.testing.assert_allclose(intercept[[e]], alone[1])


def test_better_means_by_more_than_a_standard_error():
    rng = np.random.default_rng(0)
    loss = rng.uniform(1, 2, 100)
    assert is_better(loss - 0.5, loss) and not is_better(loss, loss)
    assert not is_better(loss - rng.normal(0.01, 1, 100), loss)
