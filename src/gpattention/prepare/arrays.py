"""Large .npy files, read in blocks of rows."""

from collections.abc import Generator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gpattention.data.mapped import forget_pages
from gpattention.errors import InputError
from gpattention.files.untrusted import read_array, refuse_missing_file
from gpattention.prepare.source import rows_at_once


def in_single_precision(values: NDArray) -> NDArray[np.float32]:
    """The same numbers, without a word where one becomes infinite or is none: that is found later."""
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(np.float32)


class ArrayRows:
    """(N, L) numbers of a file."""

    ids = None
    columns = None

    def __init__(self, path: Path) -> None:
        self.path = path
        refuse_missing_file(path)
        self.values = read_array(path, "write it with numpy.save", mapped=True)
        if self.values.ndim != 2 or self.values.dtype.kind not in "biuf" or not self.values.size:
            raise InputError(
                f"{path} holds {self.values.dtype} {self.values.shape}: give a genotype array with individuals as rows and loci "
                "as columns, in numbers"
            )
        self.n_rows, self.n_columns = self.values.shape

    def blocks(self) -> Generator[NDArray]:
        """Rows after rows, in the type of the file."""
        step = rows_at_once(self.n_columns * 8)
        for start in range(0, self.n_rows, step):
            yield np.array(self.values[start : start + step])
            forget_pages(self.values)
