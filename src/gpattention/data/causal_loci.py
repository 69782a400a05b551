"""Loci listed as causal for each environment, such as mapped QTLs."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from gpattention.checks import name_some
from gpattention.data.genotype_phenotype import GenotypePhenotypeData
from gpattention.errors import InputError
from gpattention.files.tables import read_shape, separator

log = logging.getLogger(__name__)

ENVIRONMENT = "environment"
LOCUS = ("locus", "snp")  # names that the column of loci may have


def read_causal_loci(path: Path) -> pd.DataFrame:
    """Environment and locus of each line of a table with such columns (`locus` or `snp`)."""
    header, _ = read_shape(path)
    locus = next((name for name in LOCUS if name in header), None)
    if ENVIRONMENT not in header or locus is None:
        raise InputError(
            f"{path}: a list of causal loci has a column {ENVIRONMENT} and a column {' or '.join(LOCUS)}; it has "
            f"{name_some(header, 20)}"
        )
    table = pd.read_csv(path, sep=separator(path), dtype=str, keep_default_na=False, encoding="utf-8-sig")
    return table[[ENVIRONMENT, locus]].set_axis([ENVIRONMENT, LOCUS[0]], axis=1)


def select_causal_loci(data: GenotypePhenotypeData, path: Path) -> GenotypePhenotypeData:
    """The data set with the loci that a list has for its environments; with several environments, all of theirs.

    Raises:
        InputError: an environment has no locus in the list, or the data set lacks one of its loci.
    """
    table = read_causal_loci(path)
    if data.locus_names is None:
        raise InputError(f"{path} names causal loci, and the genotypes have no names: give data.loci_file")
    for name in data.environment_names:
        if name not in set(table[ENVIRONMENT]):
            raise InputError(
                f"{path} has no causal locus for environment {name}: it has {name_some(sorted(set(table[ENVIRONMENT])), 20)}"
            )
    wanted = set(table.loc[table[ENVIRONMENT].isin(data.environment_names), LOCUS[0]])
    missing = sorted(wanted - set(data.locus_names))
    if missing:
        raise InputError(
            f"{path}: {len(missing)} causal loci are not among those of the genotypes: {name_some(missing)}; mend their names, "
            "or prepare the genotypes without filters on loci"
        )
    index = np.flatnonzero([name in wanted for name in data.locus_names])
    log.info("%d causal loci of %s", len(index), name_some(data.environment_names, 20))
    return data.select_loci(index)
