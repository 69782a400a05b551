"""All genotypes of a source in one file on disk, as they come, and what is counted over them.

Letters: N individuals, L loci; S rows of the file, those of the source's blocks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from gpattention.output.progress import progress_bar
from gpattention.prepare.source import NO_CALL, GenotypeSource, rows_at_once

HEADER_BYTES = 128  # room before the alleles for the header of an .npy file


@dataclass(frozen=True)
class Stage:
    """S x M alleles behind HEADER_BYTES, int8 with NO_CALL or float16 with NaN.

    Attributes:
        blocks_of: what the rows are.
        has_missing: whether any genotype is missing.
    """

    path: Path
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    blocks_of: Literal["individuals", "loci"]
    has_missing: bool

    @property
    def n_individuals(self) -> int:
        return self.shape[0 if self.blocks_of == "individuals" else 1]

    @property
    def n_loci(self) -> int:
        return self.shape[1 if self.blocks_of == "individuals" else 0]

    def blocks(self, description: str) -> Iterator[tuple[slice, NDArray]]:
        """Rows after rows, by reading the file: a map of it would count as memory of this process."""
        n_rows, n_columns = self.shape
        step = rows_at_once(n_columns * 4)
        with self.path.open("rb") as file, progress_bar() as bar:
            file.seek(HEADER_BYTES)
            task = bar.add_task(description, total=n_rows, note="")
            for start in range(0, n_rows, step):
                rows = slice(start, min(start + step, n_rows))
                n = rows.stop - rows.start
                yield rows, np.fromfile(file, self.dtype, n * n_columns).reshape(n, n_columns)
                bar.advance(task, n)


class Counts(NamedTuple):
    """Over some of the individuals, missing genotypes left out.

    Attributes:
        individuals: (N,) whether an individual was counted.
        called_by_individual: (N,) loci with a genotype, for all individuals.
        called: (L,) individuals with a genotype.
        mean, mean_square: (L,) of the alleles; NaN where none is called.
    """

    individuals: NDArray[np.bool_]
    called_by_individual: NDArray[np.int64]
    called: NDArray[np.int64]
    mean: NDArray[np.float64]
    mean_square: NDArray[np.float64]

    @property
    def minor_allele_frequency(self) -> NDArray[np.float64]:
        return (1 - np.abs(self.mean)) / 2

    @property
    def uncertainty(self) -> NDArray[np.float64]:
        """Mean of 4p(1 - p), which is 1 - (2p - 1)^2."""
        return 1 - self.mean_square


def stage_genotypes(source: GenotypeSource, path: Path) -> Stage:
    """Read a source to its end into a file."""
    dtype = np.dtype(np.int8 if source.dtype is np.int8 else np.float16)
    n_rows, n_columns, has_missing = 0, 0, False
    with path.open("wb") as file, progress_bar() as bar:
        file.write(bytes(HEADER_BYTES))
        task = bar.add_task("reading genotypes", total=source.total, note="")
        for alleles, done in source.blocks():
            has_missing = has_missing or bool(is_missing(alleles).any())
            file.write(np.ascontiguousarray(in_half_precision(alleles)).data)
            n_rows, n_columns = n_rows + len(alleles), alleles.shape[1]
            bar.update(task, completed=done)
    return Stage(path, (n_rows, n_columns), dtype, source.blocks_of, has_missing)


def count(stage: Stage, individuals: NDArray[np.bool_]) -> Counts:
    """Calls, mean and mean square of the alleles, over the individuals marked."""
    by_individual = np.zeros(stage.n_individuals, dtype=np.int64)
    called = np.zeros(stage.n_loci, dtype=np.int64)
    total, squares = np.zeros(stage.n_loci), np.zeros(stage.n_loci)
    weight = individuals.astype(np.float32)
    for rows, alleles in stage.blocks("counting genotypes"):
        known = ~is_missing(alleles) if stage.has_missing else np.ones_like(alleles, dtype=bool)
        values = alleles.astype(np.float32)
        values[~known] = 0
        if stage.blocks_of == "individuals":
            by_individual[rows] = known.sum(axis=1)
            called += known[individuals[rows]].sum(axis=0)
            total += weight[rows] @ values
            squares += weight[rows] @ np.square(values, out=values)
        else:
            by_individual += known.sum(axis=0)
            called[rows] = known[:, individuals].sum(axis=1)
            total[rows] = values @ weight
            squares[rows] = np.square(values, out=values) @ weight
    with np.errstate(invalid="ignore"):
        return Counts(individuals, by_individual, called, total / called, squares / called)


def is_missing(alleles: NDArray) -> NDArray[np.bool_]:
    return alleles == NO_CALL if alleles.dtype == np.int8 else np.isnan(alleles)


def in_half_precision(alleles: NDArray) -> NDArray:
    """Floats as float16, by torch because its conversion takes less than half of numpy's time; calls as they are."""
    if alleles.dtype == np.int8:
        return alleles
    return torch.from_numpy(np.ascontiguousarray(alleles, dtype=np.float32)).half().numpy()
