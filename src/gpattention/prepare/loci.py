"""Tables of loci for files that have no names of their own."""

from pathlib import Path

import numpy as np
import pandas as pd

from gpattention.data.formats import Genotypes, read_loci


def table_of_loci(
    path: Path | None, name_column: str | None, n_loci: int, names: tuple[str, ...] | None = None, prefix: str = "locus"
) -> pd.DataFrame:
    """A row per column of the genotypes, the name first: from a file, or just the names, or the prefix and a number from 1."""
    if path is None:
        return pd.DataFrame({"locus": names or [f"{prefix}{number}" for number in range(1, n_loci + 1)]})
    like = Genotypes(np.empty((0, n_loci)), "binary", None, names)
    table, found = read_loci(path, name_column, like)
    others = table.drop(columns=[name_column or table.columns[0]])
    return pd.concat([pd.DataFrame({"locus": found}), others], axis=1)
