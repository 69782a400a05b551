"""Genotypes as they were asked for: dosages, hard calls or calls drawn from them, with none missing."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gpattention.prepare.stage import in_half_precision, is_missing

Wanted = Literal["dosage", "hard", "sampled"]


class Settler(NamedTuple):
    """Turns staged alleles into final ones.

    Attributes:
        wanted: `dosage` keeps values between calls, `hard` takes the nearest call, `sampled` draws one with the probability
            that the dosage gives it.
        ploidy: 1 for calls -1/+1, 2 for -1/0/+1.
        dtype: of the final alleles: int8 or float16.
        rng: of `sampled`; used in the order of the file, so that the size of a block changes nothing.
    """

    wanted: Wanted
    ploidy: Literal[1, 2]
    dtype: type[np.int8] | type[np.float16]
    rng: np.random.Generator

    def settle(self, alleles: NDArray, mean: NDArray[np.float64]) -> NDArray:
        """Final alleles of a block; a missing one becomes the mean of its locus, or a call from that mean.

        Args:
            alleles: of staged genotypes.
            mean: of the alleles at each locus, in a shape that broadcasts to the block's.
        """
        missing = is_missing(alleles)
        filled = np.where(missing, mean, alleles).astype(np.float32) if missing.any() else alleles
        if self.wanted == "dosage":
            return filled if filled.dtype == self.dtype else in_half_precision(filled)
        if filled.dtype == np.int8:
            return filled
        between = missing if alleles.dtype == np.int8 else np.ones_like(missing)  # a call is not drawn again
        return np.where(between, self.call(filled), filled).astype(np.int8)

    def call(self, alleles: NDArray) -> NDArray:
        """(B, M) calls for values in [-1, 1]."""
        if self.wanted == "hard":
            return np.rint(alleles) if self.ploidy == 2 else np.where(alleles > 0, 1, -1)
        # As many draws as alleles: +1 each with the same probability.
        draws = self.rng.random((*alleles.shape, self.ploidy), dtype=np.float32) * 2 - 1
        n_drawn = (draws < alleles[..., None]).sum(axis=-1)
        return n_drawn - 1 if self.ploidy == 2 else 2 * n_drawn - 1
