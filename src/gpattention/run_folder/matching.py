"""Genotypes of a file brought to the loci of a run, and to the alleles that it counted."""

from typing import Generic, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gpattention.checks import name_some
from gpattention.data.alleles import signs_of
from gpattention.data.coded_rows import CodedRows
from gpattention.data.formats import Genotypes, Values
from gpattention.errors import InputError
from gpattention.run_folder.preprocessing import Preprocessing


class Matched(NamedTuple, Generic[Values]):
    """Genotypes as the run takes them.

    Attributes:
        values: (N, L) alleles in [-1, 1], none missing.
        n_turned: loci at which the file counts the other allele.
        n_filled: genotypes that were missing and have the mean of their locus in the run's data set.
    """

    values: Values
    n_turned: int
    n_filled: int


def match_loci(genotypes: Genotypes[Values], wanted: Preprocessing) -> Matched[Values]:
    """The loci of the run, by name where both have names, else by position; turned where both have the letters of alleles.

    Raises:
        InputError: loci are missing or, without names, not as many as the run's; their alleles are others; or genotypes are
            missing and the run does not know the mean of their loci.
    """
    columns = np.array(find_columns(genotypes, wanted))
    signs = find_signs(genotypes, wanted, columns)
    values = genotypes.values
    if isinstance(values, CodedRows):
        values, n_filled = values.take(columns, signs), 0
    else:
        values, n_filled = fill_missing(values[:, columns] if signs is None else values[:, columns] * signs, wanted)
    return Matched(values, 0 if signs is None else int((signs < 0).sum()), n_filled)


def find_columns(genotypes: Genotypes[Values], wanted: Preprocessing) -> list[int]:
    """L positions of the loci of the run among those of the file."""
    names = genotypes.locus_names
    if names is not None and wanted.locus_names is not None:
        position = {name: column for column, name in enumerate(names)}
        missing = [name for name in wanted.locus_names if name not in position]
        if missing:
            raise InputError(
                f"the genotypes lack {len(missing)} of the run's {len(wanted.locus_names)} loci: {name_some(missing)}; add them"
            )
        return [position[name] for name in wanted.locus_names]
    if genotypes.values.shape[1] != wanted.n_columns:
        raise InputError(
            f"the genotypes have {genotypes.values.shape[1]} columns and the run was trained on {wanted.n_columns}: give the same "
            "columns in the same order, or name the loci (a table with a header, or loci_file)"
        )
    return wanted.loci_index


def find_signs(genotypes: Genotypes[Values], wanted: Preprocessing, columns: NDArray) -> NDArray[np.int8] | None:
    """(L,) -1 where the file counts the other allele than the run did, else 1; None where all is the same or not known."""
    if genotypes.alleles is None or wanted.alleles is None:
        return None
    given = [genotypes.alleles[column] for column in columns]
    signs = signs_of(given, wanted.alleles, wanted.locus_names or [str(column + 1) for column in columns])
    return signs if (signs < 0).any() else None


def fill_missing(values: NDArray, wanted: Preprocessing) -> tuple[NDArray, int]:
    """Genotypes with the mean of the run's data set where one is NaN, and how many were."""
    missing = np.isnan(values)
    n_missing = int(missing.sum())
    if not n_missing:
        return values, 0
    if wanted.mean_allele is None:
        raise InputError(
            f"{n_missing} genotypes are missing and the run, of an earlier version, does not know the means of its loci: fit it "
            "again, or impute them"
        )
    values[missing] = np.broadcast_to(wanted.mean_allele, values.shape)[missing]
    return values, n_missing
