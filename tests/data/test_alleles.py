import pandas as pd
import pytest
from refusals import refused

from gpattention.data.alleles import alleles_of, signs_of


def test_letters_are_those_of_the_table():
    table = pd.DataFrame({"locus": ["a", "b"], "other_allele": ["C", None], "counted_allele": ["A", "1"]})
    assert alleles_of(table) == (("A", "C"), ("1", ""))
    assert alleles_of(table[["locus", "counted_allele"]]) is None
    assert alleles_of(None) is None


@pytest.mark.parametrize(
    ("given", "sign"),
    [
        ("AG", 1),
        ("GA", -1),
        ("ga", -1),
        ("0G", 1),
        ("0A", -1),
        ("A.", 1),
        ("G0", -1),
        ("00", 1),
        (("", "A"), -1),
    ],
)
def test_locus_that_counts_the_other_allele_is_turned(given, sign):
    assert signs_of([tuple(given)], [("A", "G")], ["rs1"]).tolist() == [sign]


@pytest.mark.parametrize("given", ["CT", "TC", "AC", "0C", "AA", ("A", "GT")])
def test_other_letters_are_refused_with_their_locus(given):
    call = lambda: signs_of([("T", "C"), tuple(given)], [("T", "C"), ("A", "G")], ["rs1", "rs2"])  # noqa: E731
    assert "had A and G (1 of 2 loci differ)" in refused(call, "locus rs2", given[0])
