"""One attention layer on one-hot loci as a sum over sets of loci, from its weights (Appendix F).

Letters: B individuals, L loci, D token width (L, plus 1 with the constant feature), Q quadrature nodes.

With g_i the allele of locus i, its token is g_i times the i-th unit vector, and the constant 1 after it. The score of query i and key
j is A_ij g_i g_j + c_j g_j plus what does not depend on j, which the softmax takes out (c = 0 without the constant). As alleles are
-1 or +1, exp(x g) = cosh x + g sinh x (Eq. 59), so that with x_ij = A_ij g_i + c_j

    f(g) = constant + sum_i  (n_i + sum_j v_ij (sinh x_ij + g_j cosh x_ij)) / (d_i + sum_j (cosh x_ij + g_j sinh x_ij)),

the sums over j without i itself, whose terms are n_i = v_ii g_i exp(A_ii + c_i g_i) and d_i = exp(A_ii + c_i g_i). Here v_ij is the value
of locus j in the readout of token i. The paper expands the denominator as a series; here its coefficients are summed up: as 1 / d =
integral of exp(-t d) over t > 0, the mean over all genotypes of 1 / (C + sum_j b_j g_j) times the alleles of a set is

    integral exp(-t C)  product_j cosh(t b_j)  product over the set of -tanh(t b_j)  dt,

an integral along a line, whatever the number of loci.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from gpattention.errors import InputError
from gpattention.models.attention import Attention

N_NODES = 481


class LayerWeights(NamedTuple):
    """What the output of the layer depends on, in float64.

    Attributes:
        score: (L, L) A_ij.
        key: (L,) c_j.
        value: (L, L) v_ij.
        constant: of the output.
    """

    score: NDArray[np.float64]
    key: NDArray[np.float64]
    value: NDArray[np.float64]
    constant: float


class Coefficients(NamedTuple):
    """Coefficients of the products of alleles: of the empty set, (L,), (L, L) and (L, L, L).

    The arrays are symmetric and 0 where a locus is repeated; `third` is None where it was not asked for.
    """

    mean: float
    first: NDArray[np.float64]
    second: NDArray[np.float64]
    third: NDArray[np.float64] | None


def layer_weights(network: torch.nn.Module) -> LayerWeights:
    """The weights of a fitted network.

    Raises:
        InputError: it is not one attention layer on one-hot loci in one environment.
    """
    if not isinstance(network, Attention) or network.embedding is not None or len(network.query_key_value) != 1:
        raise InputError(
            "the series expansion is of one attention layer on one-hot loci: fit model=attention model.embedding_dim=full "
            "model.n_layers=1"
        )
    if network.readout.environment != "none":
        raise InputError("the series expansion is of a map of one environment: fit one with model.environment=none")
    readout = network.readout.weight.detach().cpu().double().numpy()
    projections = network.query_key_value[0].detach().cpu().double().numpy()
    query, key, value = np.split(projections, 3, axis=1)
    score = network.softmax_attention.scale * query @ key.T
    n_loci = len(readout)
    by_token = readout @ value.T  # (L, D)
    constant = float(network.readout.offset.detach().cpu().double())
    if network.constant_feature:
        constant += float(by_token[:, n_loci].sum())
    return LayerWeights(
        score=score[:n_loci, :n_loci],
        key=score[n_loci, :n_loci] if network.constant_feature else np.zeros(n_loci),
        value=by_token[:, :n_loci],
        constant=constant,
    )


def closed_form(weights: LayerWeights, genotype: NDArray) -> NDArray[np.float64]:
    """(B,) outputs for (B, L) alleles -1/+1, in hyperbolic functions."""
    g = genotype.astype(np.float64)
    others = 1 - np.eye(g.shape[1])
    x = weights.score * g[:, :, None] + weights.key
    numerator = (weights.value * (np.sinh(x) + g[:, None, :] * np.cosh(x)) * others).sum(axis=2)
    denominator = ((np.cosh(x) + g[:, None, :] * np.sinh(x)) * others).sum(axis=2)
    own = np.exp(weights.score.diagonal() + weights.key * g)
    return weights.constant + ((numerator + weights.value.diagonal() * g * own) / (denominator + own)).sum(axis=1)


def coefficients(weights: LayerWeights, max_order: int = 3) -> Coefficients:
    """Exact coefficients up to order 2 or 3 (Walsh-Hadamard, all genotypes alike)."""
    n_loci = len(weights.key)
    mean, first, second = weights.constant, np.zeros(n_loci), np.zeros((n_loci, n_loci))
    third = np.zeros((n_loci, n_loci, n_loci)) if max_order >= 3 else None
    for locus in range(n_loci):
        plus, minus = (token_coefficients(weights, locus, allele, third is not None) for allele in (1, -1))
        # A token is a function of the other loci for each of its own alleles: half the sum does not depend on its own locus, half
        # the difference is multiplied by its allele.
        even = [(a + b) / 2 for a, b in zip(plus, minus, strict=True)]
        odd = [(a - b) / 2 for a, b in zip(plus, minus, strict=True)]
        mean += float(even[0])
        first += even[1]
        first[locus] += odd[0]
        second += even[2]
        second[locus] += odd[1]
        second[:, locus] += odd[1]
        if third is not None:
            third += even[3]
            third[locus] += odd[2]
    np.fill_diagonal(second, 0)
    if third is not None:
        third += third.transpose(1, 0, 2) + third.transpose(1, 2, 0)
        index = np.arange(n_loci)
        third[index, index] = third[index, :, index] = third[:, index, index] = 0
    return Coefficients(mean, first, second, third)


def token_coefficients(weights: LayerWeights, locus: int, allele: int, with_third: bool) -> list[NDArray[np.float64]]:
    """Coefficients in the other loci of the output of one token with its own allele given.

    Returns:
        Those of order 0, 1, 2 and, if asked for, a part of those of order 3, which becomes them when its three rotations
        are added. Entries with a repeated locus mean nothing.
    """
    x = weights.score[locus] * allele + weights.key
    other = np.arange(len(x)) != locus
    own = np.exp(x[locus] * allele)
    value, size, sign = weights.value[locus] * other, np.abs(x), np.sign(x)
    b, cosh = np.sinh(x) * other, np.cosh(x)
    # Nodes t = exp(pi / 2 sinh y) / c at equal steps of y (double exponential quadrature).
    y = np.linspace(-3.7, 3.7, N_NODES)
    t = np.exp(np.pi / 2 * np.sinh(y)) / (own + cosh @ other)
    step = np.pi / 2 * np.cosh(y) * t * (y[1] - y[0])
    # Large terms cancel before they are made: cosh - |sinh| is exp(-|x|), and tanh is 1 - below.
    decay = np.exp(-2 * np.abs(np.outer(t, b)))
    below = 2 * decay / (1 + decay)
    gap = own + np.exp(-size) @ other
    weight = step * np.exp(-t * gap + np.log((1 + decay) / 2).sum(axis=1))
    minus_tanh = -sign * (1 - below) * other
    numerator = weights.value[locus, locus] * allele * own + (below * cosh - np.exp(-size)) @ (value * sign)
    whole = weight * numerator
    # What changes where the numerator's locus is in the set.
    rest = weight[:, None] * (value * cosh) * below * (2 - below)
    across = minus_tanh.T @ (rest + 0.5 * whole[:, None] * minus_tanh)
    found = [whole.sum(), minus_tanh.T @ whole + rest.sum(axis=0), across + across.T]
    if with_third:
        pairs = (minus_tanh[:, :, None] * minus_tanh[:, None, :]).reshape(len(t), -1)
        found.append(((rest + whole[:, None] * minus_tanh / 3).T @ pairs).reshape(len(x), len(x), len(x)))
    return found
