import numpy as np
import pytest
from sklearn.metrics import r2_score

from gpattention.scores.bootstrap import draw_r2, interval, mean_over_replicates


def make(n, rng, noise=(0.5, 0.6)):
    """Measured values of two environments, a fifth missing, and two maps of them that share most of their errors."""
    measured = 100 + rng.normal(size=(n, 2))
    shared = rng.normal(size=(n, 2))
    predicted = np.stack([measured + 0.4 * shared + one * rng.normal(size=(n, 2)) for one in noise])
    measured[rng.random((n, 2)) < 0.2] = np.nan
    return measured, predicted


def test_first_is_the_r2_itself():
    measured, predicted = make(300, np.random.default_rng(0))
    given = draw_r2(measured, predicted, 10)[0]
    for k in range(2):
        for e in range(2):
            known = ~np.isnan(measured[:, e])
            assert given[k, e] == pytest.approx(r2_score(measured[known, e], predicted[k, known, e]), abs=1e-12)


def test_draws_are_those_of_resampled_rows():
    """Against row by row resampling with scikit-learn: same mean and sd of the difference, and a small sd by pairing."""
    rng = np.random.default_rng(1)
    measured, predicted = make(400, rng)
    draws = draw_r2(measured, predicted, 3000)[1:, :, 0]
    by_hand = []
    for _ in range(1500):
        rows = rng.integers(400, size=400)
        rows = rows[~np.isnan(measured[rows, 0])]
        by_hand.append([r2_score(measured[rows, 0], predicted[k, rows, 0]) for k in range(2)])
    by_hand = np.array(by_hand)
    np.testing.assert_allclose(draws.mean(0), by_hand.mean(0), atol=3e-3)
    np.testing.assert_allclose(draws.std(0), by_hand.std(0), rtol=0.1)
    assert np.diff(draws).std() == pytest.approx(np.diff(by_hand).std(), rel=0.1)


def test_interval_holds_the_true_difference_as_often_as_it_says():
    """Difference of R2 in the population: what each map leaves unexplained has variance .16 + noise^2, and y variance 1."""
    rng = np.random.default_rng(2)
    truth = 0.6**2 - 0.5**2
    inside = []
    for number in range(300):
        measured, predicted = make(300, rng)
        draws = draw_r2(measured, predicted, 300, seed=number)[:, :, 0]
        lower, upper = interval(draws[:, 0] - draws[:, 1], 0.9)
        inside.append(lower < truth < upper)
    assert np.mean(inside) == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / 300))


def test_same_seed_pairs_calls():
    measured, predicted = make(200, np.random.default_rng(3))
    both = draw_r2(measured, predicted, 50)
    np.testing.assert_allclose(draw_r2(measured, predicted[1:], 50)[:, 0], both[:, 1], rtol=1e-12)


def test_replicates_that_differ_widen_the_interval():
    rng = np.random.default_rng(4)
    draws = [np.concatenate([[mean], mean + 0.01 * rng.normal(size=4000)]) for mean in (0.0, 0.1, 0.2, 0.3)]
    mean = mean_over_replicates(draws)
    assert mean[0] == pytest.approx(0.15)
    between = np.std([0.0, 0.1, 0.2, 0.3]) / 2
    assert mean[1:].std() == pytest.approx(np.hypot(between, 0.01 / 2), rel=0.05)
    np.testing.assert_allclose(mean_over_replicates(draws[:1]), draws[0])
