"""The final genotypes: an .npy of individuals x loci, written in blocks from a stage in either order."""

import mmap
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gpattention.prepare.calls import Settler
from gpattention.prepare.filters import Kept
from gpattention.prepare.stage import HEADER_BYTES, Stage


def write_genotypes(stage: Stage, kept: Kept, settler: Settler, path: Path) -> None:
    """Write the genotypes kept, in their order, and remove the stage.

    A stage that is already what is wanted becomes the file.
    """
    shape = (int(kept.individuals.sum()), int(kept.loci.sum()))
    unchanged = settler.dtype == stage.dtype and not kept.n_missing and stage.shape == shape
    if unchanged and stage.blocks_of == "individuals":
        with stage.path.open("r+b") as file:
            file.write(npy_header(shape, settler.dtype))
            os.fsync(file.fileno())
        stage.path.replace(path)
        return
    if stage.blocks_of == "individuals":
        write_rows(stage, kept, settler, path, shape)
    else:
        write_columns(stage, kept, settler, path, shape)
    stage.path.unlink()


def write_rows(stage: Stage, kept: Kept, settler: Settler, path: Path, shape: tuple[int, int]) -> None:
    mean = kept.counts.mean[kept.loci]
    with path.open("wb") as file:
        file.write(npy_header(shape, settler.dtype))
        for rows, alleles in stage.blocks("writing genotypes"):
            chosen = alleles[kept.individuals[rows]][:, kept.loci]
            file.write(np.ascontiguousarray(settler.settle(chosen, mean)).data)
        file.flush()
        os.fsync(file.fileno())


def write_columns(stage: Stage, kept: Kept, settler: Settler, path: Path, shape: tuple[int, int]) -> None:
    """A block of loci is a strip of columns, and strips are written through a map of the whole file."""
    n, n_loci = shape
    with path.open("w+b") as file:
        file.write(npy_header(shape, settler.dtype))
        file.flush()
        # All of it at once: a map of a file that the disk has no room for would end the process without a word.
        os.posix_fallocate(file.fileno(), 0, HEADER_BYTES + n * n_loci * np.dtype(settler.dtype).itemsize)
        with mmap.mmap(file.fileno(), 0) as mapped:
            first = 0
            for rows, alleles in stage.blocks("writing genotypes"):
                chosen = alleles[kept.loci[rows]][:, kept.individuals]
                mean = kept.counts.mean[rows][kept.loci[rows]][:, None]
                strip = slice(first, first + len(chosen))
                write_strip(mapped, shape, strip, settler.settle(chosen, mean))
                first = strip.stop
                mapped.flush()
                mapped.madvise(mmap.MADV_DONTNEED)  # what is on disk need not stay in memory
        os.fsync(file.fileno())


def write_strip(mapped: mmap.mmap, shape: tuple[int, int], strip: slice, alleles_KN: NDArray) -> None:
    genotype = np.ndarray(shape, alleles_KN.dtype, mapped, offset=HEADER_BYTES)
    genotype[:, strip] = alleles_KN.T


def npy_header(shape: tuple[int, int], dtype: type[np.generic]) -> bytes:
    """The head of an .npy file (format 1.0) of HEADER_BYTES."""
    text = f"{{'descr': {np.dtype(dtype).str!r}, 'fortran_order': False, 'shape': {shape}, }}"
    length = HEADER_BYTES - 10
    return b"\x93NUMPY\x01\x00" + length.to_bytes(2, "little") + text.ljust(length - 1).encode() + b"\n"
