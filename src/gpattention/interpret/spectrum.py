"""Variance of a map by order of interaction, from its values along random walks: noise stability.

With every unit resampled with probability 1 - rho, the covariance of a map with itself is S(rho) = sum_k rho^k W_k, where W_k is
the variance of order k: of the parts that depend on exactly k units. Half the mean squared difference is then
D(rho) = sum_k (1 - rho^k) W_k.

Letters: G steps, N walks, L loci, J jackknife blocks of walks, K orders.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from gpattention.interpret.walks import Walks
from gpattention.interpret.walsh import krawtchouk

MAX_ORDER = 8
DIRECT_ORDERS = 4  # beyond, products of pairs say little: there are too many sets
N_BLOCKS = 20
ROUNDING = 1e-10


class Spectrum(NamedTuple):
    """(K,) variance of each order from 1 on, its share of their sum, and jackknife standard errors of the shares."""

    variance: NDArray[np.float64]
    share: NDArray[np.float64]
    standard_error: NDArray[np.float64]


class Part(NamedTuple):
    """What has been taken out of a map before its rest is looked at along walks.

    Attributes:
        variance: (P,) exact variances of its parts of order 1 to P.
        value: (P, G + 1, N) of these parts, less their means, at the points of the walks.
    """

    variance: NDArray[np.float64]
    value: NDArray[np.float64]


def fit_spectrum(walks: Walks, value: NDArray[np.float64], taken_out: Part | None = None) -> Spectrum:
    """Non-negative W_k, by weighted least squares, from the values of a map.

    Args:
        value: (G + 1, N) at the points of the walks.
        taken_out: what `value` is the rest of. None is for walks of independent loci: then `direct_variances` are used too.
    """
    n_orders = min(walks.n_units, MAX_ORDER)
    block = np.arange(value.shape[1]) * N_BLOCKS // value.shape[1]
    difference = np.stack([0.5 * ((value[k:] - value[:-k]) ** 2).mean(axis=0) for k in range(1, len(value))])  # (G, N)
    measured = leave_out(difference, block)
    design = 1 - walks.correlation[:, None] ** np.arange(1, n_orders + 1)
    covariance = np.cov(difference) / value.shape[1]
    known = np.zeros((1 + N_BLOCKS, n_orders))
    if taken_out is None:
        n_direct = min(n_orders, DIRECT_ORDERS)
        direct = direct_variances(walks.genotype, value, block, n_direct)
        measured, design = np.hstack([measured, direct]), np.vstack([design, np.eye(n_direct, n_orders)])
        n_lags = len(covariance)
        covariance = np.pad(covariance, (0, n_direct))
        covariance[n_lags:, n_lags:] = np.diag(jackknife_variance(direct[1:]))
    else:
        shared = leave_out((taken_out.value * (value - value.mean())).mean(axis=1), block)
        n_known = min(n_orders, len(taken_out.variance))
        known[:, :n_known] = (taken_out.variance + 2 * shared)[:, :n_known]
    fits = known.copy()
    if measured[0].max() > ROUNDING * known[0].sum():  # else nothing is left to fit
        fits += fit_non_negative(design, measured, covariance)
    fits = fits.clip(0)
    total = fits.sum(axis=1, keepdims=True)
    share = np.divide(fits, total, out=np.zeros_like(fits), where=total > 0)
    return Spectrum(fits[0], share[0], np.sqrt(jackknife_variance(share[1:])))


def fit_non_negative(
    design: NDArray[np.float64], measured: NDArray[np.float64], covariance: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(M, K) non-negative least squares for each of (M, R) rows of measurements, weighted by their (R, R) covariance."""
    # A floor, so that no combination that happens to be without noise in the sample decides everything.
    floor = 1e-8 * np.trace(covariance) / len(covariance)
    factor = np.linalg.cholesky(covariance + floor * np.eye(len(covariance)))
    whitened = np.linalg.solve(factor, design)
    return np.stack([nnls(whitened, np.linalg.solve(factor, row))[0] for row in measured])


def direct_variances(
    genotype: NDArray, value: NDArray[np.float64], block: NDArray[np.int64], n_orders: int
) -> NDArray[np.float64]:
    """(1 + J, K) estimates of W_1, ..., W_K from the products of the values of a map in two independent genotypes.

    W_k is the mean of f(g) f(g') times the sum over the sets of k loci of the products of both genotypes' alleles, which
    depends on how many loci differ alone. Pairs come from different blocks of walks; the first row uses all, the others leave
    a block out.

    Args:
        genotype: (G + 1, N, L), alleles -1/+1, all equally frequent.
        value: (G + 1, N).
        block: (N,) from 0 to J - 1.
    """
    n_loci = genotype.shape[2]
    kernel = krawtchouk(n_loci, n_orders)[1:]
    centred = value - value.mean()
    parts = [genotype[:, block == j].reshape(-1, n_loci).astype(np.float32) for j in range(N_BLOCKS)]
    values = [centred[:, block == j].ravel() for j in range(N_BLOCKS)]
    sums, count = np.zeros((N_BLOCKS, N_BLOCKS, n_orders)), np.zeros((N_BLOCKS, N_BLOCKS, 1))
    for a in range(N_BLOCKS):
        for b in range(a):
            n_differ = ((n_loci - parts[a] @ parts[b].T) / 2).round().astype(np.intp)
            by_distance = np.bincount(n_differ.ravel(), np.outer(values[a], values[b]).ravel(), minlength=n_loci + 1)
            sums[a, b] = sums[b, a] = kernel @ by_distance
            count[a, b] = count[b, a] = n_differ.size
    total, pairs = sums.sum(axis=(0, 1)), count.sum(axis=(0, 1))
    without = (total - 2 * sums.sum(axis=1)) / (pairs - 2 * count.sum(axis=1))
    return np.vstack([total / pairs, without])


def leave_out(value: NDArray[np.float64], block: NDArray[np.int64]) -> NDArray[np.float64]:
    """(1 + J, R) means of (R, N) values over all walks, and over all but each block."""
    sums = np.stack([value[:, block == j].sum(axis=1) for j in range(N_BLOCKS)])
    count = np.bincount(block, minlength=N_BLOCKS)[:, None]
    return np.vstack([sums.sum(axis=0) / count.sum(), (sums.sum(axis=0) - sums) / (count.sum() - count)])


def jackknife_variance(without: NDArray[np.float64]) -> NDArray[np.float64]:
    """Variance of an estimate from the (J, ...) estimates that leave a block out."""
    n = len(without)
    return (n - 1) / n * ((without - without.mean(axis=0)) ** 2).sum(axis=0)
