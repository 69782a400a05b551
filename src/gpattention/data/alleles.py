"""The letters of alleles: which of the two at a locus is counted, and whether two sources count the same."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gpattention.errors import InputError

COUNTED, OTHER = "counted_allele", "other_allele"  # columns of a table of loci
UNKNOWN = ("0", ".", "")  # as PLINK has them where an allele is never seen

Alleles = Sequence[Sequence[str]]  # the counted one of each locus, whose copies make a genotype positive, and the other


def alleles_of(loci: pd.DataFrame | None) -> Alleles | None:
    """Those of each row of a table of loci, or None where it does not have them."""
    if loci is None or not {COUNTED, OTHER} <= set(loci):
        return None
    letters = loci[[COUNTED, OTHER]].fillna("").astype(str)
    return tuple(zip(letters[COUNTED], letters[OTHER], strict=True))


def signs_of(given: Alleles, wanted: Alleles, names: list[str]) -> NDArray[np.int8]:
    """(L,) 1 where both count the same allele, -1 where they count each other's: what to multiply the given genotypes by.

    An allele that one of them does not know may be any.

    Raises:
        InputError: the alleles of a locus are others.
    """
    same = np.array([are_same(*pair) for pair in zip(given, wanted, strict=True)], dtype=bool)
    turned = np.array([are_same(one[::-1], two) for one, two in zip(given, wanted, strict=True)], dtype=bool)
    if (others := np.flatnonzero(~(same | turned))).size:
        first = int(others[0])
        have, had = (" and ".join(pair) for pair in (given[first], wanted[first]))
        raise InputError(
            f"locus {names[first]} has the alleles {have} where the run had {had} ({others.size} of {len(names)} loci differ): "
            "give genotypes of the same variants, named on the same strand"
        )
    return np.where(same, 1, -1).astype(np.int8)


def are_same(one: Sequence[str], two: Sequence[str]) -> bool:
    pairs = zip(one, two, strict=True)
    return all(a.upper() == b.upper() or a in UNKNOWN or b in UNKNOWN for a, b in pairs)
