import pytest
from refusals import refused

from gpattention.prepare.filters import Filters


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((1.5, None, None, None), "min_individual_call_rate=1.5: give a number from 0 to 1"),
        ((None, -0.1, None, None), "min_locus_call_rate=-0.1"),
        ((None, None, 0.6, None), "min_allele_frequency=0.6: give a number from 0 to 0.5"),
        ((None, None, None, 0.2), "max_uncertainty=0.2 goes with probabilities"),
    ],
)
def test_thresholds_out_of_range_are_refused(values, words):
    text = refused(lambda: Filters(*values, drop_missing=False).check(is_probability=False))
    assert words in text


def test_thresholds_at_their_ends_are_taken():
    Filters(0, 1, 0.5, 1, drop_missing=True).check(is_probability=True)
