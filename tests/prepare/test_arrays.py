import numpy as np
from refusals import refused

from gpattention.prepare import source
from gpattention.prepare.arrays import ArrayRows, in_single_precision


def test_rows_come_in_blocks_as_they_are(tmp_path, monkeypatch):
    values = np.random.default_rng(0).random((11, 5))
    np.save(tmp_path / "a.npy", values)
    monkeypatch.setattr(source, "BYTES_AT_ONCE", 5 * 8 * 3)
    blocks = list(ArrayRows(tmp_path / "a.npy").blocks())
    assert [len(block) for block in blocks] == [3, 3, 3, 2]
    np.testing.assert_array_equal(np.concatenate(blocks), values)


def test_what_is_no_matrix_of_numbers_is_refused(tmp_path):
    for values in (np.zeros(3), np.zeros((0, 4)), np.array([["a"]])):
        np.save(tmp_path / "a.npy", values)
        refused(lambda: ArrayRows(tmp_path / "a.npy"), "a.npy")


def test_numbers_that_overflow_become_infinite_without_a_word():
    np.testing.assert_array_equal(
        in_single_precision(np.array([1e300, np.nan, 0.5])), np.float32([np.inf, np.nan, 0.5])
    )
