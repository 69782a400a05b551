import numpy as np
import pytest

from gpattention.data.coded_rows import CodedRows
from gpattention.data.formats import map_genotypes, read_genotypes
from gpattention.errors import InputError


@pytest.mark.parametrize(
    ("coding", "values"),
    [
        ("binary", np.array([[0, 1, 1], [1, 0, 1]], np.int64)),
        ("binary", np.array([[False, True, True], [True, False, True]])),
        ("dosage", np.array([[0, 1, 2], [2, 2, 0]], np.int8)),
        ("probability", np.array([[0.25, 1, 0], [0.5, 0.125, 1]], np.float16)),
    ],
)
def test_rows_are_those_of_the_whole_array_coded(coding, values, tmp_path):
    values = np.vstack([values] * 5)
    np.save(tmp_path / "g.npy", values)
    wanted = read_genotypes(tmp_path / "g.npy", coding).values
    given = map_genotypes(tmp_path / "g.npy", coding).values
    assert isinstance(given, CodedRows)
    assert given.shape == wanted.shape
    assert len(given) == 10
    np.testing.assert_array_equal(given[3:20], wanted[3:20])
    assert given[0:2].dtype == wanted.dtype
    chosen = given.take(np.array([2, 0]))
    assert chosen.shape == (10, 2)
    np.testing.assert_array_equal(chosen[1:3], wanted[1:3, [2, 0]])
    turned = given.take(np.array([2, 0]), np.array([1, -1], np.int8))
    np.testing.assert_array_equal(turned[1:3], wanted[1:3, [2, 0]] * [1, -1])
    assert turned[0:2].dtype == wanted.dtype


def test_value_outside_the_coding_is_named_by_its_own_row(tmp_path):
    values = np.zeros((10, 3), np.int8)
    values[7, 1] = 5
    np.save(tmp_path / "g.npy", values)
    rows = map_genotypes(tmp_path / "g.npy", "binary").values
    assert rows[0:7].max() == -1
    with pytest.raises(InputError, match=r"g.npy: genotype 5 of individual 7, locus column 2, is outside 0/1 alleles"):
        rows[6:9]


def test_file_that_is_no_array_is_refused(tmp_path):
    (tmp_path / "g.npy").write_bytes(b"\x93NUMPY nothing")
    with pytest.raises(InputError, match="cannot be read as an array"):
        map_genotypes(tmp_path / "g.npy", "binary")
    np.save(tmp_path / "g.npy", np.zeros(4))
    with pytest.raises(InputError, match="individuals as rows"):
        map_genotypes(tmp_path / "g.npy", "binary")
