"""The checks of a data set, the genotype codings, and selections of environments and loci."""

import numpy as np
import pandas as pd
import pytest

from gpattention.checks import name_some, refuse_repeats
from gpattention.data.genotype_phenotype import (
    GenotypePhenotypeData,
    SimulatedTruth,
    code_genotype,
    detect_coding,
    distinct_values,
)
from gpattention.errors import InputError

NAN = float("nan")
CODED = [
    ("binary", [[0, 1], [1, 0]], [[-1, 1], [1, -1]]),
    ("signed", [[-1, 1], [1, -1]], [[-1, 1], [1, -1]]),
    ("dosage", [[0, 1], [2, 0]], [[-1, 0], [1, -1]]),
    ("probability", [[0.25, 1], [0.5, 0]], [[-0.5, 1], [0, -1]]),
]


def make_data(**changes) -> GenotypePhenotypeData:
    arguments = {
        "genotype": np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1], [-1, -1, 1]], dtype=np.int8),
        "phenotype": np.array([[1.0, 5.0], [2.0, NAN], [3.0, 7.0], [4.0, 8.0]]),
        "individual_ids": ("a", "b", "c", "d"),
        "environment_names": ("23C", "30C"),
        "coding": "signed",
        "standard_error": np.array([[0.1, 0.5], [0.2, NAN], [0.3, 0.7], [0.4, 0.8]]),
        "locus_names": ("l1", "l2", "l3"),
        "loci": pd.DataFrame({"locus": ["l1", "l2", "l3"], "chromosome": [1, 2, 3]}),
    }
    return GenotypePhenotypeData(**(arguments | changes))


def change_column(array: np.ndarray, column: int, values: list[float]) -> np.ndarray:
    changed = array.copy()
    changed[:, column] = values
    return changed


def test_counts_individuals_and_loci():
    data = make_data()
    assert (data.n_individuals, data.n_loci) == (4, 3)


@pytest.mark.parametrize(
    ("attribute", "values", "message"),
    [
        ("phenotype", [1, np.inf, -np.inf, 2], r"phenotype of environment 30C is infinite at individual b \(2 such\)"),
        ("phenotype", [NAN] * 4, "environment 30C has no measured phenotype"),
        ("phenotype", [0.5, 0.5, NAN, 0.5], r"environment 30C is constant: all 3 measured values are 0\.5"),
        (
            "standard_error",
            [1, 1, -0.1, 1],
            r"standard error of environment 30C is negative at individual c \(1 such\)",
        ),
        ("standard_error", [1, 1, 1, np.inf], r"standard error of environment 30C is infinite at individual d"),
    ],
)
def test_refuses_bad_columns(attribute, values, message):
    column = change_column(getattr(make_data(), attribute), 1, values)
    with pytest.raises(InputError, match=message):
        make_data(**{attribute: column})


@pytest.mark.parametrize(
    ("attribute", "names", "message"),
    [
        ("individual_ids", ("a", "b", "a", "d"), "individual id a occurs more than once"),
        ("environment_names", ("30C", "30C"), "environment 30C occurs more than once"),
        ("locus_names", ("l1", "l3", "l3"), "locus name l3 occurs more than once"),
    ],
)
def test_refuses_repeated_names(attribute, names, message):
    with pytest.raises(InputError, match=message):
        make_data(**{attribute: names})


@pytest.mark.parametrize(
    "change", [{"individual_ids": ("a", "b")}, {"environment_names": ("23C",)}, {"locus_names": ("l1",)}]
)
def test_asserts_that_names_fit_the_arrays(change):
    with pytest.raises(AssertionError):
        make_data(**change)


def test_optional_parts_may_be_absent():
    data = make_data(standard_error=None, locus_names=None, loci=None)
    chosen = data.select_environments(["30C"]).select_loci(np.array([1]))
    assert chosen.standard_error is chosen.locus_names is chosen.loci is chosen.truth is None


def test_selected_environments_come_in_the_order_named():
    data = make_data(truth=SimulatedTruth(noiseless=np.arange(8.0).reshape(4, 2)))
    swapped = data.select_environments(["30C", "23C"])
    assert swapped.environment_names == ("30C", "23C")
    np.testing.assert_array_equal(swapped.phenotype, [[5, 1], [NAN, 2], [7, 3], [8, 4]])
    np.testing.assert_array_equal(swapped.standard_error, [[0.5, 0.1], [NAN, 0.2], [0.7, 0.3], [0.8, 0.4]])
    np.testing.assert_array_equal(swapped.truth.noiseless, [[1, 0], [3, 2], [5, 4], [7, 6]])
    assert swapped.individual_ids == data.individual_ids


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["30C", "31C"], "data.environments: 31C: not in the phenotype table, which has 23C, 30C"),
        ([], "data.environments: empty list"),
        (["30C", "30C"], "environment in data.environments 30C occurs more than once"),
    ],
)
def test_refuses_environments_that_cannot_be_selected(names, message):
    with pytest.raises(InputError, match=message):
        make_data().select_environments(names)


def test_selected_loci_keep_names_and_table_in_step():
    chosen = make_data().select_loci(np.array([2, 0]))
    np.testing.assert_array_equal(chosen.genotype, [[1, -1], [1, 1], [-1, 1], [1, -1]])
    assert chosen.locus_names == ("l3", "l1")
    assert chosen.loci.to_dict("list") == {"locus": ["l3", "l1"], "chromosome": [3, 1]}
    assert list(chosen.loci.index) == [0, 1]
    assert chosen.genotype.flags.c_contiguous


@pytest.mark.parametrize(("coding", "values", "coded"), CODED)
@pytest.mark.parametrize("named", [True, False])
def test_codes_every_coding_named_or_detected(coding, values, coded, named):
    result, found = code_genotype(np.array(values), coding if named else None, "file", ["a", "b"])
    assert found == coding
    assert result.dtype == (np.float32 if coding == "probability" else np.int8)
    np.testing.assert_array_equal(result, coded)


@pytest.mark.parametrize(
    ("coding", "values", "coded"),
    [("dosage", [[0, 1]], [[-1, 0]]), ("probability", [[0, 1]], [[-1, 1]]), ("signed", [[1, 1]], [[1, 1]])],
)
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint16, np.float16, np.float32, np.float64])
def test_a_coding_that_is_named_wins_for_every_number_type(coding, values, coded, dtype):
    result, found = code_genotype(np.array(values, dtype=dtype), coding, "file", ["a"])
    assert found == coding
    np.testing.assert_array_equal(result, coded)


@pytest.mark.parametrize(
    ("values", "coding"),
    [
        ([0, 1], "binary"),
        ([0.0], "binary"),
        ([-1, 1], "signed"),
        ([-1], "signed"),
        ([0, 2], "dosage"),
        ([0, 1, 2], "dosage"),
        ([0, 0.5, 1], "probability"),
    ],
)
def test_detects_the_plainest_coding(values, coding):
    assert detect_coding(np.array(values)) == coding


@pytest.mark.parametrize(
    ("value", "coding", "what"),
    [
        (3, None, "genotype 3 .* fits no coding"),
        (-0.5, None, "genotype -0.5 .* fits no coding"),
        (2, "binary", "genotype 2 .* is outside 0/1 alleles"),
        (0, "signed", "genotype 0 .* is outside -1/\\+1 alleles"),
        (0.5, "dosage", "genotype 0.5 .* is outside 0/1/2 diploid dosage"),
        (1.5, "probability", r"genotype 1.5 .* is outside probabilities in \[0, 1\]"),
        (NAN, None, "genotype nan .* is missing: impute it"),
        (NAN, "binary", "genotype nan .* is missing: impute it"),
        (np.inf, None, "genotype inf .* is infinite"),
        (-np.inf, "probability", "genotype -inf .* is infinite"),
    ],
)
def test_refuses_genotypes_outside_the_coding(value, coding, what):
    values = np.ones((3, 4))
    values[1, 2] = values[2, 0] = value
    with pytest.raises(InputError, match=what) as error:
        code_genotype(values, coding, "g.npy", ["a", "b", "c"])
    for part in ("g.npy", "individual b", "locus column 3", "(2 such)"):
        assert part in str(error.value)


def test_integers_that_fit_int8_only_by_wrapping_are_refused():
    with pytest.raises(InputError, match="genotype 257"):
        code_genotype(np.array([[0, 257]], dtype=np.int16), "binary", "file", ["a"])


def test_distinct_values_sees_all_blocks_until_there_are_too_many():
    calls = np.zeros((25, 3), dtype=np.int8)
    calls[24, 2] = 2
    np.testing.assert_array_equal(distinct_values(calls, rows_at_once=10), [0, 2])
    assert distinct_values(np.arange(1000.0).reshape(100, 10), rows_at_once=10).size == 100


def test_names_only_some_of_many():
    assert name_some(["a", "b"]) == "a, b"
    assert name_some(list("abcdefg"), 3) == "a, b, c and 4 more"


def test_repeats_are_named_and_unique_names_pass():
    refuse_repeats(["a", "b"], "id")
    with pytest.raises(InputError, match=r"id b, a occurs more than once \(b is number 2 and 3\)"):
        refuse_repeats(["a", "b", "b", "c", "a"], "id")
