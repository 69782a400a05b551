"""Tables that are cut off, of another kind than their names say, or at odds with themselves."""

import gzip

import numpy as np
import pytest
from refusals import refused

from gpattention.data.formats import read_covariates, read_genotypes, read_loci, read_table
from gpattention.data.splits import read_stored_split
from gpattention.files import tables
from gpattention.files.tables import read_numbers

GOOD = b"id\tA\tB\nx\t1\t0\ny\t0\t1\nz\t1\t1\n"
PACKED = gzip.compress(GOOD)
HEADER = b"id\tA\tB\n"

NUMBERS = {
    "empty.tsv": b"",
    "blank_lines.tsv": b"\n\n\r\n",
    "header_only.tsv": HEADER,
    "one_column.tsv": b"id\nx\n",
    "commas_in_tsv.tsv": b"id,A\nx,1\n",
    "tabs_in_csv.csv": GOOD,
    "short_row.tsv": HEADER + b"x\t1\n",
    "long_row.tsv": HEADER + b"x\t1\t2\t3\n",
    "row_of_blanks.tsv": HEADER + b"   \n",
    "cut_off_in_a_row.tsv": GOOD[:-4],
    "text_in_a_cell.tsv": HEADER + b"x\t1\tred\n",
    "decimal_comma.tsv": HEADER + b"x\t1\t0,5\n",
    "thousands.csv": b'id,A\nx,"1,000"\n',
    "two_points.tsv": HEADER + b"x\t1\t0.1.2\n",
    "date.tsv": HEADER + b"x\t1\t2020-01-01\n",
    "boolean.tsv": HEADER + b"x\t1\tTrue\n",
    "boolean_after_missing.tsv": HEADER + b"x\t1\tNA\ny\t1\tFALSE\n",
    "formula.csv": b"id,A\nx,=1+1\n",
    "error_of_a_spreadsheet.csv": b"id,A\nx,#REF!\n",
    "null_word.tsv": HEADER + b"x\t1\tNULL\n",
    "dash.tsv": HEADER + b"x\t1\t-\n",
    "exponent_without_digits.tsv": HEADER + b"x\t1\t1e\n",
    "hexadecimal.tsv": HEADER + b"x\t1\t0x1F\n",
    "digits_of_another_script.tsv": HEADER + "x\t1\t٣\n".encode(),
    "underscore.tsv": HEADER + b"x\t1\t1_0\n",
    "repeated_id.tsv": HEADER + b"x\t1\t1\nx\t1\t0\n",
    "empty_id.tsv": HEADER + b"\t1\t1\n",
    "repeated_column.tsv": b"id\tA\tA\nx\t1\t1\n",
    "unnamed_column.tsv": b"id\tA\t\nx\t1\t1\n",
    "open_quote.tsv": HEADER + b'x\t"1\t1\ny\t1\t1\n',
    "text_after_quote.tsv": HEADER + b'x\t"1"2\t1\n',
    "zero_byte.tsv": HEADER + b"x\t1\0\t1\n",
    "zero_bytes_only.tsv": b"\0" * 100,
    "latin1.tsv": HEADER + b"\xe9\t1\t1\n",
    "utf16.tsv": GOOD.decode().encode("utf-16"),
    "packed_without_gz.tsv": PACKED,
    "not_packed.tsv.gz": GOOD,
    "packed_cut_off.tsv.gz": PACKED[:-9],
    "packed_bit_changed.tsv.gz": PACKED[:-6] + bytes([PACKED[-6] ^ 1]) + PACKED[-5:],
    "packed_with_rubbish_after.tsv.gz": PACKED + b"rubbish",
    "packed_header_only.tsv.gz": PACKED[:10],
    "blank_lines_without_end.tsv.gz": gzip.compress(HEADER + b"\n" * 2**24),
    "rows_without_end.tsv.gz": gzip.compress(HEADER + b"x\t1\t1\n" * 2**22),
    "field_without_end.tsv.gz": gzip.compress(HEADER + b"x\t" + b"1" * 2**26),
    "row_without_end.tsv": b"id" + b"\t" * 200 + b"\n",
    "unknown.xlsx": b"PK\x03\x04",
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers(name, tmp_path):
    (tmp_path / name).write_bytes(NUMBERS[name])
    refused(lambda: read_numbers(tmp_path / name), name)


def test_line_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "LONGEST_LINE", 1000)
    (tmp_path / "line.tsv").write_bytes(b"id" + b"\tA" * 5000)
    assert "line 1 is longer" in refused(lambda: read_numbers(tmp_path / "line.tsv"), "line.tsv")


def test_table_that_memory_does_not_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "CELL_BYTES", 2**50)
    (tmp_path / "good.tsv").write_bytes(GOOD)
    assert "GiB of memory" in refused(lambda: read_numbers(tmp_path / "good.tsv"), "good.tsv")


def test_packed_table_that_expands_much_may_be_unpacked_and_read(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "ALWAYS_EXPANDED", 2**18)
    rows = b"".join(b"line%d" % k + b"\t0" * 20_000 + b"\n" for k in range(20))
    content = b"id\t" + b"\t".join(b"%d" % k for k in range(20_000)) + b"\n" + rows
    (tmp_path / "zeros.tsv.gz").write_bytes(gzip.compress(content, 6))
    (tmp_path / "zeros.tsv").write_bytes(content)
    monkeypatch.setattr(tables, "LARGEST_EXPANSION", 5)
    assert "gunzip" in refused(lambda: read_numbers(tmp_path / "zeros.tsv.gz"), "zeros.tsv.gz")
    assert read_numbers(tmp_path / "zeros.tsv").shape == (20, 20_000)


@pytest.mark.parametrize("folder", ["a_folder.tsv", "nowhere/at_all.tsv"])
def test_no_file(folder, tmp_path):
    (tmp_path / "a_folder.tsv").mkdir()
    refused(lambda: read_numbers(tmp_path / folder), folder)


GENOTYPES = {
    "missing.tsv": HEADER + b"x\t1\t\n",
    "infinite.tsv": HEADER + b"x\t1\tinf\n",
    "overflow.tsv": HEADER + b"x\t1\t1e999\n",
    "negative_dosage.tsv": HEADER + b"x\t-2\t1\n",
    "triploid.tsv": HEADER + b"x\t3\t1\n",
    "probability_above_one.tsv": HEADER + b"x\t0.5\t1.01\n",
    "mixed_codings.tsv": HEADER + b"x\t-1\t2\n",
}


@pytest.mark.parametrize("name", GENOTYPES)
def test_genotypes(name, tmp_path):
    (tmp_path / name).write_bytes(GENOTYPES[name])
    refused(lambda: read_genotypes(tmp_path / name, None), name)


LOCI = {
    "empty_name.tsv": b"locus\tchromosome\nA\t1\n\t1\n",
    "repeated_name.tsv": b"locus\tchromosome\nA\t1\nA\t1\n",
    "too_few.tsv": b"locus\tchromosome\nA\t1\n",
    "other_names.tsv": b"locus\tchromosome\nC\t1\nD\t1\n",
    "repeated_column.tsv": b"locus\tlocus\nA\tB\nB\tA\n",
    "ragged.tsv": b"locus\tchromosome\nA\nB\t1\n",
    "binary.tsv": bytes(range(256)),
}


@pytest.mark.parametrize("name", LOCI)
def test_loci(name, tmp_path):
    (tmp_path / "g.tsv").write_bytes(GOOD)
    (tmp_path / name).write_bytes(LOCI[name])
    genotypes = read_genotypes(tmp_path / "g.tsv", None)
    refused(lambda: read_loci(tmp_path / name, None, genotypes), name)


COVARIATES = {
    "no_row.tsv": b"environment\ttemperature\nA\t20\n",
    "missing.tsv": b"environment\ttemperature\nA\t20\nB\t\n",
    "infinite.tsv": b"environment\ttemperature\nA\t20\nB\tinf\n",
    "text.tsv": b"environment\ttemperature\nA\t20\nB\twarm\n",
    "twice.tsv": b"environment\ttemperature\nA\t20\nA\t30\nB\t1\n",
}


@pytest.mark.parametrize("name", COVARIATES)
def test_covariates(name, tmp_path):
    (tmp_path / name).write_bytes(COVARIATES[name])
    refused(lambda: read_covariates(tmp_path / name, ("A", "B"), None), name)


SPLITS = {
    "no_column.tsv": b"id\tpart\nx\ttrain\n",
    "repeated_id.tsv": b"id\tsplit\nx\ttrain\nx\ttest\n",
    "empty.tsv": b"",
    "cut_off.tsv": b"id\tsplit\nx\n",
}


@pytest.mark.parametrize("name", SPLITS)
def test_splits(name, tmp_path):
    (tmp_path / name).write_bytes(SPLITS[name])
    refused(lambda: read_stored_split(str(tmp_path / name), "split"), name)


PAIRS = {
    "infinite_phenotype": (b"id\tA\nx\tinf\ny\t1\nz\t2\n", None),
    "constant_phenotype": (b"id\tA\nx\t1\ny\t1\nz\t1\n", None),
    "never_measured": (b"id\tA\nx\t\ny\tNA\nz\tnan\n", None),
    "no_id_in_both": (b"id\tA\nu\t1\nv\t2\n", None),
    "some_ids_missing": (b"id\tA\nx\t1\ny\t2\n", None),
    "negative_error": (b"id\tA\nx\t1\ny\t2\nz\t3\n", b"id\tA\nx\t-1\ny\t1\nz\t1\n"),
    "infinite_error": (b"id\tA\nx\t1\ny\t2\nz\t3\n", b"id\tA\nx\tinf\ny\t1\nz\t1\n"),
    "errors_of_others": (b"id\tA\nx\t1\ny\t2\nz\t3\n", b"id\tA\nx\t1\ny\t1\nw\t1\n"),
    "errors_elsewhere": (b"id\tA\nx\t1\ny\t2\nz\t3\n", b"id\tB\nx\t1\ny\t1\nz\t1\n"),
}


@pytest.mark.parametrize("name", PAIRS)
def test_files_that_do_not_belong_together(name, tmp_path):
    phenotype, error = PAIRS[name]
    (tmp_path / "g.tsv").write_bytes(GOOD)
    (tmp_path / "p.tsv").write_bytes(phenotype)
    if error is not None:
        (tmp_path / "e.tsv").write_bytes(error)
    refused(
        lambda: read_table(
            root=str(tmp_path),
            genotype_file="g.tsv",
            phenotype_file="p.tsv",
            standard_error_file=None if error is None else "e.tsv",
        )
    )


def test_the_good_table_is_read(tmp_path):
    (tmp_path / "good.tsv").write_bytes(GOOD)
    (tmp_path / "good.tsv.gz").write_bytes(PACKED)
    for name in ("good.tsv", "good.tsv.gz"):
        np.testing.assert_array_equal(read_numbers(tmp_path / name), [[1, 0], [0, 1], [1, 1]])
