import gzip

import numpy as np
import pandas as pd
import pytest

from gpattention.errors import InputError
from gpattention.files.tables import read_numbers, read_shape, read_text_column


def write_gzip(path, text):
    with gzip.open(path, "wt") as file:
        file.write(text)


def test_numbers_by_id_keep_their_order_and_missing_values(tmp_path):
    write_gzip(tmp_path / "t.tsv.gz", "id\tB\tA\nx\t1.5\t\n007\tNA\t-2e-3\n")
    wanted = pd.DataFrame({"A": [np.nan, -0.002], "B": [1.5, np.nan]}, index=["x", "007"])
    pd.testing.assert_frame_equal(read_numbers(tmp_path / "t.tsv.gz", ["A", "B"]), wanted)


def test_shape_skips_empty_lines(tmp_path):
    (tmp_path / "t.csv").write_text("id,A\n\nx,1\n\n")
    assert read_shape(tmp_path / "t.csv") == (["id", "A"], ["x"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,A\nx,1\ny\n", "line 3: 1 columns where the header has 2"),
        ("id,A\nx,1\n,2\n", "the id of row 2 is empty"),
        ("id,A,\nx,1,\n", "column 3 has no name"),
        ("id,A\nx,one\n", "'one' in column A, id x, is not a number"),
        ("", "is empty"),
    ],
)
def test_refuses_a_bad_table(tmp_path, text, message):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_numbers(tmp_path / "t.csv")


def test_a_text_column_by_id(tmp_path):
    write_gzip(tmp_path / "split.csv.gz", "id,split,age\n01,train,NA\n1,NA,2\n")
    assert read_text_column(tmp_path / "split.csv.gz", "split") == {"01": "train", "1": "NA"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id\tpart\na\ttrain\n", "has no column split: it has part"),
        ("id\tsplit\na\ttrain\na\ttest\n", "id a occurs more than once"),
        ("split\tid\na\ttrain\n", "has no column split"),
        ('id\tsplit\na\t"train\nb\ttest\n', "cannot be read as a table"),
    ],
)
def test_refuses_a_bad_text_column(tmp_path, text, message):
    (tmp_path / "split.tsv").write_text(text)
    with pytest.raises(InputError, match=f"split.tsv:? {message}"):
        read_text_column(tmp_path / "split.tsv", "split")
