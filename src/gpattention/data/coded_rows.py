"""Genotypes of an `.npy` file that are read and coded a block of individuals at a time."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gpattention.data.genotype_phenotype import Coding, code_genotype
from gpattention.data.mapped import forget_pages


@dataclass(frozen=True)
class CodedRows:
    """Stands for the (N, L) alleles in [-1, 1]; a slice of rows gives them as an array.

    Attributes:
        raw: map of the file.
        coding: that its values are in.
        place: name of the file, for messages.
        columns: (L,) positions of the loci that are taken; None for all.
        signs: (L,) -1 where the other allele is to be counted, else 1; None for 1 everywhere.

    Raises:
        InputError: when rows are taken, for genotypes that do not fit the coding.
    """

    raw: NDArray
    coding: Coding
    place: str
    columns: NDArray[np.int64] | None = None
    signs: NDArray[np.int8] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.raw), self.raw.shape[1] if self.columns is None else len(self.columns)

    def __len__(self) -> int:
        return len(self.raw)

    def __getitem__(self, rows: slice) -> NDArray:
        block = np.array(self.raw[rows], dtype=np.int8 if self.raw.dtype.kind == "b" else None)
        forget_pages(self.raw)
        names = [str(row) for row in range(*rows.indices(len(self)))]
        coded, _ = code_genotype(block, self.coding, self.place, names)
        coded = coded if self.columns is None else coded[:, self.columns]
        return coded if self.signs is None else coded * self.signs

    def take(self, columns: NDArray[np.int64], signs: NDArray[np.int8] | None = None) -> "CodedRows":
        """The same individuals with only the loci at these positions, and these signs."""
        assert self.columns is None
        return replace(self, columns=columns, signs=signs)
