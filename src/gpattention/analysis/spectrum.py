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

from gpattention.analysis.walks import Walks
from gpattention.analysis.walsh import krawtchouk

MAX_ORDER = 8
DIRECT_ORDERS = 4  # beyond, products of pairs say little: there are too many sets
N_BLOCKS = 20


class Spectrum(NamedTuple):
    """(K,) variance of each order from 1 on, its share of their sum, and jackknife standard errors of the shares."""

    variance: NDArray[np.float64]
    share: NDArray[np.float64]
    standard_error: NDArray[np.float64]


def fit_spectrum(walks: Walks, value: NDArray[np.float64], direct: bool) -> Spectrum:
    """Non-negative W_k, by weighted least squares, from the values of a map.

    Args:
        value: (G + 1, N) at the points of the walks.
        direct: use `direct_variances` too, for walks of independent loci.
    """
    n_orders = min(walks.n_units, MAX_ORDER)
    block = np.arange(value.shape[1]) * N_BLOCKS // value.shape[1]
    lag = np.arange(1, len(value))
    difference = np.stack([0.5 * ((value[k:] - value[:-k]) ** 2).mean(axis=0) for k in lag])  # (G, N)
    sums = np.stack([difference[:, block == j].sum(axis=1) for j in range(N_BLOCKS)])
    count = np.bincount(block, minlength=N_BLOCKS)[:, None].astype(float)
    measured = leave_out(sums, count)
    design = 1 - walks.correlation[:, None] ** np.arange(1, n_orders + 1)
    covariance = np.cov(difference) / value.shape[1]
    if direct:
        n_direct = min(n_orders, DIRECT_ORDERS)
        direct_W = direct_variances(walks.genotype, value, block, n_direct)
        measured = np.hstack([measured, direct_W])
        design = np.vstack([design, np.eye(n_direct, n_orders)])
        size = len(covariance)
        covariance = np.pad(covariance, (0, n_direct))
        covariance[size:, size:] = np.diag(jackknife_variance(direct_W[1:]))
    # A floor, so that no combination that happens to be without noise in the sample decides everything.
    covariance[np.diag_indices_from(covariance)] += 1e-8 * np.trace(covariance) / len(covariance) + np.finfo(float).tiny
    factor = np.linalg.cholesky(covariance)
    whitened = np.linalg.solve(factor, design)
    scale = measured[0].max()
    if not scale > 0:  # a constant map
        return Spectrum(*np.zeros((3, n_orders)))
    fits = np.stack([nnls(whitened, np.linalg.solve(factor, row))[0] for row in measured])
    share = fits / np.maximum(fits.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    return Spectrum(fits[0], share[0], np.sqrt(jackknife_variance(share[1:])))


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


def leave_out(sums: NDArray[np.float64], count: NDArray[np.float64]) -> NDArray[np.float64]:
    """(1 + J, ...) means over all of J blocks, and without each, from their sums and counts."""
    without = (sums.sum(axis=0) - sums) / (count.sum(axis=0) - count)
    return np.vstack([sums.sum(axis=0) / count.sum(axis=0), without])


def jackknife_variance(without: NDArray[np.float64]) -> NDArray[np.float64]:
    """Variance of an estimate from the (J, ...) estimates that leave a block out."""
    n = len(without)
    return (n - 1) / n * ((without - without.mean(axis=0)) ** 2).sum(axis=0)
