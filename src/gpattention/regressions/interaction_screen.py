"""Every set of up to four loci tested against residuals: sums of products over all individuals, as products of matrices.

A set i < j < k < l is a pair (i, j) times a pair (k, l), so that each is made once, and the sums of all sets of four are the
products of a matrix of pairs with another. Sums are float32; what is kept is tested once more in float64.

Letters: N individuals, L loci, E environments, P patterns of weights, S sets, A left and B right factors, K loci of a set.
"""

import math
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import psutil
import torch
from scipy.stats import chi2
from torch import Tensor

from gpattention.errors import InputError
from gpattention.models.products import product_of
from gpattention.ranks import from_all, n_ranks, rank

LARGEST_ORDER = 4
SIZES = {2: (1, 1), 3: (2, 1), 4: (2, 2)}  # loci of the left and the right factor by order
LEFT_ROWS, RIGHT_ROWS, INDIVIDUALS_AT_ONCE = 256, 2048, 2048  # of a product of matrices; larger ones are no faster
STRIP_ROWS = 16 * LEFT_ROWS  # left rows that share what is made of the right ones
SCALES_BYTES = 2 * 2**30  # of variances kept from round to round
LEAST_VARIANCE = 1e-4  # of a product, relative to its mean square: below, float32 sums say nothing
SLACK = 0.999  # of the least statistic, in the first test
EFFICIENCY = 0.7  # of all that a screen does, relative to its products of matrices alone
TERMS_AT_ONCE = 2**25  # elements of products made together in float64


class Found(NamedTuple):
    """Sets by falling statistic."""

    sets: Tensor  # (S, 4) positions of loci, -1 after the last
    statistic: Tensor  # (S,) float64: z squared, summed over the environments


class Factors(NamedTuple):
    """Sets to be tested: each row of `left` with each row of `right`.

    Attributes:
        left: (A, K) loci, by the last one where `ordered`.
        right: (B, K) loci, by the first one where `ordered`.
        ordered: a set counts where all its right loci come after the left ones; else where it holds no locus twice.
    """

    left: Tensor
    right: Tensor
    ordered: bool


class Strip(NamedTuple):
    """Right rows, and slices of left rows, each with the first of the right rows that it is to be multiplied by."""

    number: int
    right: Tensor
    tiles: list[tuple[slice, int]]


def n_sets(n_loci: int, order: int) -> int:
    return math.comb(n_loci, order)


def n_tests(n_loci: int, max_order: int) -> int:
    """Sets of two up to `max_order` loci."""
    return sum(n_sets(n_loci, order) for order in range(2, max_order + 1))


def least_statistic(probability: float, n_environments: int = 1) -> float:
    """What a sum of squared z exceeds with this probability where there is nothing."""
    return float(chi2.isf(probability, n_environments))


def all_sets(loci: Tensor, order: int) -> Factors:
    """All sets of the loci given, in rising order."""
    left, right = SIZES[order]
    return Factors(tuples(loci, left, -1), tuples(loci, right, 0), True)


def extensions(sets_SK: Tensor, n_loci: int) -> Factors:
    """Each of the sets with each locus that it does not hold."""
    return Factors(sets_SK, torch.arange(n_loci, device=sets_SK.device)[:, None], False)


def tuples(loci: Tensor, size: int, by: int) -> Tensor:
    """All sets of one or two loci, sorted by the first or the last of them."""
    rows = loci[:, None] if size == 1 else torch.combinations(loci, size)
    return rows[torch.argsort(rows[:, by], stable=True)]


def multiply(first_LN: Tensor, others_LN: Tensor, sets_SK: Tensor, product: Tensor, factor: Tensor) -> Tensor:
    """(S, N) products, into memory that is there: the first locus is taken from one matrix, the others from another."""
    product, factor = product[: len(sets_SK)], factor[: len(sets_SK)]
    torch.index_select(first_LN, 0, sets_SK[:, 0], out=product)
    for column in sets_SK.T[1:]:
        torch.index_select(others_LN, 0, column, out=factor)
        product.mul_(factor)
    return product


def measured_rate(like: Tensor) -> float:
    """Operations a second, in products of matrices of the size that a screen takes, on the device of a tensor."""
    left, right = (like.new_ones(rows, INDIVIDUALS_AT_ONCE) for rows in (LEFT_ROWS, RIGHT_ROWS))
    sums, best = like.new_zeros(LEFT_ROWS, RIGHT_ROWS), math.inf
    for _ in range(3):
        start = time.perf_counter()
        sums.addmm_(left, right.T)
        sums[0, 0].item()  # a GPU is waited for
        best = min(best, time.perf_counter() - start)
    return 2 * LEFT_ROWS * RIGHT_ROWS * INDIVIDUALS_AT_ONCE / best


class Screen:
    """Tests sets of loci against residuals, again and again.

    Args:
        genotype_LN: float32 or float64; the products of matrices are of that type.
        weight_EN: weights of the individuals in each environment.
    """

    def __init__(self, genotype_LN: Tensor, weight_EN: Tensor) -> None:
        self.genotype_LN = genotype_LN
        self.weight_PN, self.pattern = torch.unique(weight_EN, dim=0, return_inverse=True)
        self.total_P = self.weight_PN.double().sum(1)
        self.has_calls_only = bool((genotype_LN.abs() == 1).all())
        self.scales: dict[tuple[int, int, int], Tensor] = {}  # (P, A, B) by order, strip and tile
        self.scales_bytes = 0

    def seconds_of(self, n: int, rate: float) -> float:
        """What testing n sets will take at so many operations a second, in all processes together."""
        n_products = len(self.pattern) + len(self.weight_PN) * (1 if self.has_calls_only else 2)
        return 2 * n * self.genotype_LN.shape[1] * n_products / rate / EFFICIENCY / n_ranks()

    def refuse_too_large(self, n_loci: int, order: int, cure: str) -> None:
        """Raise an InputError where the sets of an order cannot be numbered, or their factors do not fit into memory."""
        n_pairs, free = n_sets(n_loci, 2), psutil.virtual_memory().available
        needed = 32 * (n_pairs if order > 2 else n_loci)  # two sorted tables
        if n_sets(n_loci, order) >= 2**63 or needed > free:
            raise InputError(
                f"{n_sets(n_loci, order):.3g} sets of {order} among {n_loci:,} loci need {needed / 2**30:,.1f} GiB for their "
                f"pairs, {free / 2**30:,.1f} GiB are free: {cure}"
            )

    def strongest(
        self,
        factors: Factors,
        residual_EN: Tensor,
        least: float,
        most: int,
        advance: Callable[[float], None] = lambda share: None,
    ) -> Found:
        """Sets whose statistic reaches `least`, at most so many, of the shares of all processes.

        Args:
            residual_EN: in each environment, of weighted mean 0.
            advance: told of each share of the work that is done.
        """
        device = self.genotype_LN.device
        variance_E = self.variance_of(residual_EN)
        found = Found(torch.empty(0, LARGEST_ORDER, dtype=torch.long, device=device), variance_E.new_empty(0))
        for strip in strips(factors):
            n_tiles = sum(tile.stop - tile.start for tile, _ in strip.tiles)
            if strip.number % n_ranks() == rank():
                for loci_at, statistic in self.test(factors, strip, residual_EN, variance_E):
                    weakest = found.statistic[-1].item() if len(found.statistic) == most else 0.0
                    index = torch.nonzero((statistic >= max(SLACK * least, weakest)) & (statistic > 0))
                    found = merged(found, Found(loci_at(index), statistic[tuple(index.T)].double()), most)
            advance(n_tiles * len(strip.right) / (len(factors.left) * len(factors.right)))
        sets = gathered(found, most).sets
        exact = (self.z_of(sets, residual_EN) ** 2).sum(1)
        order = torch.argsort(exact, descending=True, stable=True)
        order = order[exact[order] >= least]
        return Found(sets[order], exact[order])

    def variance_of(self, residual_EN: Tensor) -> Tensor:
        weight_EN = self.weight_PN[self.pattern].double()
        return (weight_EN * residual_EN.double() ** 2).sum(1) / self.total_P[self.pattern]

    def test(
        self, factors: Factors, strip: Strip, residual_EN: Tensor, variance_E: Tensor
    ) -> Iterator[tuple[Callable[[Tensor], Tensor], Tensor]]:
        """Statistics (A, B) of each tile of a strip, and what makes (S, 4) sets of positions in it."""
        order = factors.left.shape[1] + factors.right.shape[1]
        keys = [(order, strip.number, number) for number in range(len(strip.tiles))]
        shapes = [(tile.stop - tile.start, len(strip.right) - begin) for tile, begin in strip.tiles]
        zeros = self.genotype_LN.new_zeros
        is_known = factors.ordered and all(key in self.scales for key in keys)
        sums = [zeros(len(residual_EN), *shape) for shape in shapes]
        n_patterns = len(self.weight_PN)
        means = [zeros(0 if is_known else n_patterns, *shape) for shape in shapes]
        squares = [zeros(0 if is_known or self.has_calls_only else n_patterns, *shape) for shape in shapes]
        values_EN, n_individuals = self.weight_PN[self.pattern] * residual_EN, self.genotype_LN.shape[1]
        for start in range(0, n_individuals, INDIVIDUALS_AT_ONCE):
            part = slice(start, start + INDIVIDUALS_AT_ONCE)
            genotype = self.genotype_LN[:, part].contiguous()
            right = multiply(
                genotype, genotype, strip.right, *genotype.new_empty(2, len(strip.right), genotype.shape[1])
            )
            valued = [
                (genotype * value, into)
                for value, into in zip(values_EN[:, part], zip(*sums, strict=True), strict=True)
            ]
            weighted = [
                (genotype * weight, into)
                for weight, into in zip(self.weight_PN[:, part], zip(*means, strict=True), strict=False)
            ]
            left, other = genotype.new_empty(2, LEFT_ROWS, genotype.shape[1])
            for number, (tile, begin) in enumerate(strip.tiles):
                rows, taken = factors.left[tile], right[begin:].T
                for first, into in valued + weighted:
                    into[number].addmm_(multiply(first, genotype, rows, left, other), taken)
                for weight, into in zip(self.weight_PN[:, part], squares[number], strict=False):
                    into.addmm_(product_of(genotype, rows) ** 2 * weight, taken**2)
        for number, (tile, begin) in enumerate(strip.tiles):
            left_loci, right_loci = factors.left[tile], strip.right[begin:]
            scale = self.scales.get(keys[number]) if is_known else None
            if scale is None:
                scale = self.scale_of(means[number], squares[number]) * allowed(left_loci, right_loci, factors.ordered)
                if factors.ordered and keys[number] not in self.scales and self.scales_bytes < SCALES_BYTES:
                    self.scales[keys[number]] = scale
                    self.scales_bytes += scale.nbytes
            sums[number] /= variance_E.sqrt().clamp_min(torch.finfo(torch.float64).tiny)[:, None, None]
            statistic = (sums[number] * scale[self.pattern]).square_().sum(0)

            def sets(index: Tensor, left_loci: Tensor = left_loci, right_loci: Tensor = right_loci) -> Tensor:
                loci = torch.cat([left_loci[index[:, 0]], right_loci[index[:, 1]]], dim=1).sort(dim=1).values
                return torch.nn.functional.pad(loci, (0, LARGEST_ORDER - order), value=-1)

            yield sets, statistic

    def scale_of(self, means_PAB: Tensor, squares_PAB: Tensor) -> Tensor:
        """(P, A, B) 1 / sqrt(sum of weighted squares around the mean); 0 where a product hardly varies."""
        total_P = self.total_P.to(means_PAB)[:, None, None].clamp_min(torch.finfo(means_PAB.dtype).tiny)
        square = total_P if self.has_calls_only else squares_PAB
        variation = square - means_PAB**2 / total_P
        return torch.where(variation > LEAST_VARIANCE * square, variation.rsqrt(), 0.0)

    def z_of(self, sets_SK: Tensor, residual_EN: Tensor) -> Tensor:
        """(S, E) float64 z of sets; 0 where a product hardly varies."""
        weight_EN = self.weight_PN[self.pattern].double()
        total_E, variance_E = self.total_P[self.pattern], self.variance_of(residual_EN)
        weighted_EN = weight_EN * residual_EN.double()
        parts = []
        for sets in sets_SK.split(max(1, TERMS_AT_ONCE // self.genotype_LN.shape[1])):
            product_SN = product_of(self.genotype_LN, sets).double()
            square_SE, mean_SE = product_SN**2 @ weight_EN.T, product_SN @ weight_EN.T / total_E
            variation_SE = square_SE - mean_SE**2 * total_E
            z_SE = (product_SN @ weighted_EN.T) / (variation_SE * variance_E).clamp_min(1e-300).sqrt()
            parts.append(torch.where(variation_SE > LEAST_VARIANCE * square_SE, z_SE, 0.0))
        return torch.cat(parts) if parts else weight_EN.new_empty(0, len(weight_EN))


def strips(factors: Factors) -> Iterator[Strip]:
    """All products to be made, in an order that depends on nothing else."""
    left, right = factors.left, factors.right
    last = left[:, -1].contiguous()
    number = 0
    for start in range(0, len(right), RIGHT_ROWS):
        rows = right[start : start + RIGHT_ROWS]
        first = rows[:, 0].contiguous()
        n_left = int(torch.searchsorted(last, first[-1])) if factors.ordered else len(left)
        for begin in range(0, n_left, STRIP_ROWS):
            end = min(begin + STRIP_ROWS, n_left)
            tiles = [slice(at, min(at + LEFT_ROWS, end)) for at in range(begin, end, LEFT_ROWS)]
            skipped = [
                int(torch.searchsorted(first, last[tile.start], right=True)) if factors.ordered else 0 for tile in tiles
            ]
            yield Strip(number, rows, list(zip(tiles, skipped, strict=True)))
            number += 1


def allowed(left: Tensor, right: Tensor, ordered: bool) -> Tensor:
    """(A, B) which sets count, see `Factors`."""
    if ordered:
        return left[:, -1:] < right[:, 0]
    return (left[:, None, :, None] != right[None, :, None, :]).flatten(2).all(2)


def merged(one: Found, other: Found, most: int) -> Found:
    """The strongest of both, each set once; of equal ones that whose loci come first."""
    sets, statistic = torch.cat([one.sets, other.sets]), torch.cat([one.statistic, other.statistic])
    sets, index = torch.unique(sets, dim=0, return_inverse=True)
    best = statistic.new_zeros(len(sets)).scatter_reduce(0, index, statistic, "amax")
    order = torch.argsort(best, descending=True, stable=True)[:most]
    return Found(sets[order], best[order])


def gathered(mine: Found, most: int) -> Found:
    """The strongest of what all processes have found."""
    found = Found(mine.sets[:0], mine.statistic[:0])
    for part in from_all(Found(mine.sets.cpu(), mine.statistic.cpu())):
        found = merged(found, Found(part.sets.to(mine.sets), part.statistic.to(mine.statistic)), most)
    return found
