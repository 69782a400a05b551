"""How the predictions of several maps become one: a mean, or a weighted sum with weights from 0 on (Breiman 1996).

Letters: N individuals, M maps, E environments.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from gpattention.scores.losses import shares_of_loss

N_FOLDS = 10
LEAST_SHARED = 1000  # values of all environments together, from which weights are fitted
LEAST_OWN = 200  # values of every environment, from which it is tried to fit weights of its own


Fit = Callable[[NDArray, NDArray], tuple[NDArray[np.float64], NDArray[np.float64]]]
"""(M, N, E) predictions and (N, E) measured values to weights (M, E) and intercepts (E,)."""


class Weights(NamedTuple):
    """Weights (M, E) and intercepts (E,), and how they came about."""

    weight: NDArray[np.float64]
    intercept: NDArray[np.float64]
    how: str


def stack(predicted_MNE: NDArray, measured_NE: NDArray) -> Weights:
    """Combine maps by what they predict for individuals that none of them was fitted to.

    Few values tell no weights apart: the map is then the plain mean of all maps within two standard errors of the best one, the error
    being that of the difference between two maps of the same individuals. With many values it is a weighted sum, unless that is worse
    than this mean by more than a standard error, by folds of the individuals; and one for each environment where that is better by
    more than a standard error. Values not measured are NaN.
    """
    single_MN = shares_of_loss(predicted_MNE, measured_NE)
    best_N = single_MN[single_MN.sum(axis=1).argmin()]
    near = np.array([not is_better(best_N, loss_N, 2) for loss_N in single_MN])
    chosen, loss_N = mean_of(near, measured_NE.shape[1]), shares_of_loss(predicted_MNE[near].mean(axis=0), measured_NE)
    n_values = (~np.isnan(measured_NE)).sum(axis=0)
    if n_values.sum() >= LEAST_SHARED:
        shared_N = shares_of_loss(cross_fitted(shared_sum, predicted_MNE, measured_NE), measured_NE)
        if not is_better(loss_N, shared_N):
            weights = shared_sum(predicted_MNE, measured_NE)
            chosen, loss_N = Weights(*weights, "a weighted sum"), shared_N
    if len(n_values) > 1 and n_values.min() >= LEAST_OWN:
        own_N = shares_of_loss(cross_fitted(own_sums, predicted_MNE, measured_NE), measured_NE)
        if is_better(own_N, loss_N):
            chosen = Weights(*own_sums(predicted_MNE, measured_NE), "a weighted sum for each environment")
    return chosen


def is_better(loss_N: NDArray, than_N: NDArray, n_errors: float = 1) -> bool:
    """Whether a loss is lower by more than some standard errors of the difference."""
    difference = than_N - loss_N
    return bool(difference.mean() > n_errors * difference.std() / len(difference) ** 0.5)


def mean_of(near_M: NDArray[np.bool_], n_environments: int) -> Weights:
    """Equal weights for some maps."""
    weight = np.repeat(near_M[:, None] / near_M.sum(), n_environments, axis=1)
    return Weights(
        weight,
        np.zeros(n_environments),
        "one map" if near_M.sum() == 1 else "the mean of maps that validation cannot tell apart",
    )


def shared_sum(predicted_MNE: NDArray, measured_NE: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights that are the same in all environments, and an intercept for each."""
    known = ~np.isnan(measured_NE)
    count = known.sum(axis=0)
    mean_ME = np.where(known, predicted_MNE, 0).sum(axis=1) / np.maximum(count, 1)
    mean_E = np.where(known, measured_NE, 0).sum(axis=0) / np.maximum(count, 1)
    weight, _ = nnls((predicted_MNE - mean_ME[:, None])[:, known].T, (measured_NE - mean_E)[known])
    return np.repeat(weight[:, None], len(count), axis=1), mean_E - weight @ mean_ME


def own_sums(predicted_MNE: NDArray, measured_NE: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights and an intercept for each environment."""
    columns = [shared_sum(predicted_MNE[..., [e]], measured_NE[:, [e]]) for e in range(measured_NE.shape[1])]
    weights, intercepts = zip(*columns, strict=True)
    return np.concatenate(weights, axis=1), np.concatenate(intercepts)


def cross_fitted(fit: Fit, predicted_MNE: NDArray, measured_NE: NDArray) -> NDArray[np.float64]:
    """(N, E) predictions of each fold by the sum that is fitted to the others."""
    fold_N = np.random.default_rng(0).permutation(np.arange(len(measured_NE)) % N_FOLDS)
    combined_NE = np.empty_like(measured_NE)
    for fold in range(min(N_FOLDS, len(measured_NE))):
        out = fold_N == fold
        weight, intercept = fit(predicted_MNE[:, ~out], measured_NE[~out])
        combined_NE[out] = combine(predicted_MNE[:, out], weight, intercept)
    return combined_NE


def combine(predicted_MNE: NDArray, weight_ME: NDArray, intercept_E: NDArray) -> NDArray[np.float64]:
    """(N, E)."""
    return np.einsum("mne,me->ne", predicted_MNE, weight_ME) + intercept_E
