"""What every kind of raw file gives: genotypes as a stream of blocks, and phenotypes to join them with."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gpattention.data.genotype_phenotype import Coding
from gpattention.hydra_targets import OURS, Kind, returns
from gpattention.prepare.phenotypes import Phenotypes

NO_CALL = np.int8(-128)  # among int8 alleles; among floats it is NaN
BYTES_AT_ONCE = 2**26  # of alleles in a block


class Block(NamedTuple):
    """Some rows of the genotypes.

    Attributes:
        alleles: (B, L) of individuals or (B, N) of loci, in [-1, 1]: int8 calls with NO_CALL, or float32 with NaN.
        done: how far the source has been read, in its own units.
    """

    alleles: NDArray
    done: int


class GenotypeSource(ABC):
    """Genotypes of N individuals at L loci, read once from the first to the last.

    Attributes:
        files: what is read.
        coding: coding of the files.
        blocks_of: what the rows of a block are.
        dtype: of the alleles: int8 or float32.
        ploidy: 1 for alleles -1/+1, 2 for -1/0/+1.
        total: what `done` comes to, or None where it is not known.
        left_out: number of loci that are not read, by reason.
    """

    files: list[Path]
    coding: Coding
    blocks_of: Literal["individuals", "loci"]
    dtype: type[np.int8] | type[np.float32]
    ploidy: Literal[1, 2]
    total: int | None
    left_out: Counter[str]

    @abstractmethod
    def blocks(self) -> Iterator[Block]:
        """All genotypes, block after block."""

    @abstractmethod
    def individual_ids(self) -> tuple[str, ...] | None:
        """N names, each once, known once all is read; None where the rows are those of the phenotypes."""

    @abstractmethod
    def loci(self) -> pd.DataFrame:
        """L rows, known once all is read; the first column holds unique names."""


@dataclass(frozen=True)
class RawData:
    """All that a kind of raw file gives.

    Attributes:
        split: part (train, val, test) of each individual by its id, or None.
        causal_loci: a row per causal locus: environment and locus, or None.
        files: read beside those of the genotypes and phenotypes.
    """

    genotypes: GenotypeSource
    phenotypes: Phenotypes
    split: dict[str, str] | None = None
    causal_loci: pd.DataFrame | None = None
    files: tuple[Path, ...] = ()


def rows_at_once(row_bytes: int) -> int:
    """Rows of a block."""
    return max(1, BYTES_AT_ONCE // max(1, row_bytes))


RAW_DATA = Kind("prepare", "a function that opens genotypes and phenotypes", (OURS,), returns(RawData))
"""What `prepare` may name."""
