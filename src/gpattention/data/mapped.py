"""Genotypes that stay in their file: selected in blocks, and read batch after batch where memory does not hold them."""

import mmap
import os
import tempfile
from typing import Literal

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch import Tensor

from gpattention.errors import InputError
from gpattention.files.cache import cache_folder
from gpattention.output.progress import progress_bar

Place = Literal["auto", "memory", "file"]
SHARE_OF_MEMORY = 0.5  # of what is free; more stays in the file
BYTES_AT_ONCE = 2**26


def stays_in_file(genotype: NDArray, n_loci: int, place: Place) -> bool:
    """Whether `n_loci` of the loci of (N, L) genotypes are left on disk.

    Raises:
        InputError: they are to stay in a file, and there is none.
    """
    if not isinstance(genotype, np.memmap):
        if place == "file":
            raise InputError("data.genotypes_in=file goes with data=prepared: prepare the data, or set it to auto")
        return False
    size = len(genotype) * n_loci * genotype.itemsize
    return place == "file" or (place == "auto" and size > SHARE_OF_MEMORY * psutil.virtual_memory().available)


def take_columns(genotype: NDArray, index: NDArray[np.int64], in_file: bool) -> NDArray:
    """(N, K) copy of the columns at the positions given, in memory or in a file without a name that ends with the process."""
    shape = (len(genotype), len(index))
    chosen = scratch_file(shape, genotype.dtype) if in_file else np.empty(shape, genotype.dtype)
    step = max(1, BYTES_AT_ONCE // (genotype.shape[1] * genotype.itemsize))
    with progress_bar() as bar:
        task = bar.add_task("selecting loci", total=shape[0], note="")
        for start in range(0, shape[0], step):
            rows = slice(start, start + step)
            chosen[rows] = genotype[rows][:, index]
            forget_pages(genotype)
            bar.update(task, completed=min(start + step, shape[0]))
    return chosen


def forget_pages(genotype: NDArray) -> None:
    """What was read of a map would count as memory of this process."""
    mapped = getattr(genotype, "_mmap", None)
    if mapped is not None:
        mapped.madvise(mmap.MADV_DONTNEED)


def scratch_file(shape: tuple[int, int], dtype: np.dtype) -> NDArray:
    cache_folder().mkdir(parents=True, exist_ok=True)
    size = int(np.prod(shape)) * dtype.itemsize
    with tempfile.TemporaryFile(dir=cache_folder()) as file:
        try:
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            raise InputError(
                f"{cache_folder()} has no room for {size / 1e9:.1f} GB of selected genotypes ({error.strerror}): set "
                "GPATTENTION_CACHE to a folder on a larger disk, or prune more loci"
            ) from error
        return np.memmap(file, dtype, "r+", shape=shape)


class MappedRows:
    """Some rows of genotypes in a file, in place of a tensor of them: indexing reads rows and brings them to the device."""

    def __init__(self, genotype: NDArray, rows: NDArray[np.int64], device: torch.device) -> None:
        self.genotype, self.rows, self.device = genotype, rows, device

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Tensor | slice) -> Tensor:
        rows = self.rows[index.cpu().numpy() if isinstance(index, Tensor) else index]
        return torch.from_numpy(self.genotype[rows]).to(self.device, non_blocking=True)
