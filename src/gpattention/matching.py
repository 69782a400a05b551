"""Genotypes of a file brought to the loci of a run, and to the alleles that it counted."""

import logging

import numpy as np

from gpattention.data.alleles import signs_of
from gpattention.data.coded_rows import CodedRows
from gpattention.data.formats import Genotypes, Values
from gpattention.data.genotype_phenotype import name_some
from gpattention.errors import InputError
from gpattention.preprocessing import Preprocessing

log = logging.getLogger(__name__)


def match_loci(genotypes: Genotypes[Values], wanted: Preprocessing) -> Values:
    """(N, L) genotypes at the loci of the run, by name where both have names, else by position.

    Where both have the letters of their alleles, loci that count the other allele are turned.

    Raises:
        InputError: loci are missing, there are as many as the run did not have, or their alleles are others.
    """
    names = genotypes.locus_names
    if names is not None and wanted.locus_names is not None:
        position = {name: column for column, name in enumerate(names)}
        missing = [name for name in wanted.locus_names if name not in position]
        if missing:
            raise InputError(
                f"the genotypes lack {len(missing)} of the run's {len(wanted.locus_names)} loci: {name_some(missing)}; add them"
            )
        index = [position[name] for name in wanted.locus_names]
    elif genotypes.values.shape[1] == wanted.n_columns:
        index = wanted.loci_index
    else:
        raise InputError(
            f"the genotypes have {genotypes.values.shape[1]} columns and the run was trained on {wanted.n_columns}: give the same "
            "columns in the same order, or name the loci (a table with a header, or loci_file)"
        )
    columns = np.array(index)
    if genotypes.alleles is None or wanted.alleles is None:
        return take(genotypes.values, columns)
    given = [genotypes.alleles[column] for column in index]
    signs = signs_of(given, wanted.alleles, wanted.locus_names or [str(column + 1) for column in index])
    if n_turned := int((signs < 0).sum()):
        log.info("%d of %d loci count the other allele than the run did: they are turned", n_turned, len(signs))
    return take(genotypes.values, columns, signs if n_turned else None)


def take(values: Values, columns: np.ndarray, signs: np.ndarray | None = None) -> Values:
    if isinstance(values, CodedRows):
        return values.take(columns, signs)
    return values[:, columns] if signs is None else values[:, columns] * signs
