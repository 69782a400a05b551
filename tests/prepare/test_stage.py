from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gpattention.prepare.filters import Filters, apply_filters
from gpattention.prepare.source import NO_CALL, Block, GenotypeSource
from gpattention.prepare.stage import count, stage_genotypes

N, L = 40, 9


class Given(GenotypeSource):
    """A matrix of individuals as a source, in blocks of 7 rows."""

    def __init__(self, alleles, blocks_of):
        self.files, self.coding, self.ploidy, self.left_out = [Path("given")], "dosage", 2, Counter()
        self.rows = alleles if blocks_of == "individuals" else alleles.T
        self.blocks_of, self.dtype, self.total = blocks_of, alleles.dtype.type, len(self.rows)

    def blocks(self):
        for start in range(0, len(self.rows), 7):
            yield Block(self.rows[start : start + 7], start)

    def individual_ids(self):
        return None

    def loci(self):
        return pd.DataFrame({"locus": [str(k) for k in range(L)]})


def given(is_call):
    rng = np.random.default_rng(0)
    missing = rng.random((N, L)) < 0.2
    if is_call:
        return np.where(missing, NO_CALL, rng.integers(-1, 2, (N, L))).astype(np.int8)
    return np.where(missing, np.nan, rng.integers(-8, 9, (N, L)) / 8).astype(np.float32)


@pytest.mark.parametrize("blocks_of", ["individuals", "loci"])
@pytest.mark.parametrize("is_call", [True, False])
def test_counts_are_those_of_the_matrix(blocks_of, is_call, tmp_path):
    alleles = given(is_call)
    stage = stage_genotypes(Given(alleles, blocks_of), tmp_path / "stage")
    assert (stage.n_individuals, stage.n_loci, stage.has_missing) == (N, L, True)
    some = np.arange(N) % 3 > 0
    counts = count(stage, some)
    values = np.where(alleles == NO_CALL, np.nan, alleles.astype(float))
    np.testing.assert_array_equal(counts.called_by_individual, (~np.isnan(values)).sum(axis=1))
    np.testing.assert_array_equal(counts.called, (~np.isnan(values[some])).sum(axis=0))
    np.testing.assert_allclose(counts.mean, np.nanmean(values[some], axis=0), rtol=1e-6)
    np.testing.assert_allclose(counts.mean_square, np.nanmean(values[some] ** 2, axis=0), rtol=1e-6)
    frequency = (np.nanmean(values[some], axis=0) + 1) / 2
    np.testing.assert_allclose(counts.minor_allele_frequency, np.minimum(frequency, 1 - frequency), rtol=1e-5)


def test_rows_are_read_back_as_they_came(tmp_path):
    alleles = given(True)
    stage = stage_genotypes(Given(alleles, "individuals"), tmp_path / "stage")
    rows = np.concatenate([block for _, block in stage.blocks("reading")])
    np.testing.assert_array_equal(rows, alleles)


def test_filters_keep_what_a_loop_keeps(tmp_path):
    alleles = given(True)
    stage = stage_genotypes(Given(alleles, "loci"), tmp_path / "stage")
    kept = apply_filters(stage, np.arange(N) != 5, Filters(0.7, 0.8, 0.3, None, False))
    known = alleles != NO_CALL
    individuals = (np.arange(N) != 5) & (known.mean(axis=1) >= 0.7)
    np.testing.assert_array_equal(kept.individuals, individuals)
    wanted = []
    for locus in range(L):
        values = alleles[individuals, locus][known[individuals, locus]].astype(float)
        frequency = (values.mean() + 1) / 2
        wanted.append(len(values) >= 0.8 * individuals.sum() and min(frequency, 1 - frequency) >= 0.3)
    np.testing.assert_array_equal(kept.loci, wanted)
    assert kept.dropped_individuals == {
        "no phenotype": 1,
        "call rate": int((known.mean(axis=1) < 0.7)[np.arange(N) != 5].sum()),
    }
    assert sum(kept.dropped_loci.values()) == L - sum(wanted)
