"""Files of every format, joined by id, and every file that is refused."""

import gzip
import time
from pathlib import Path

import numpy as np
import pytest

from gpattention.data.formats import Genotypes, read_loci, read_phenotype_tables, read_table
from gpattention.data.genotype_phenotype import GenotypePhenotypeData
from gpattention.errors import InputError

NAN = float("nan")
IDS = ["a", "b", "c", "d"]
LOCI = ["m1", "m2", "m3"]
ALLELES = [[0, 1, 1], [1, 0, 1], [1, 1, 0], [0, 0, 1]]
SIGNED = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1], [-1, -1, 1]])
PHENOTYPE = [[1.5, 5], [2.5, NAN], [3.5, 7], [4.5, 8]]


def write_text(path: Path, text: str) -> None:
    content = text.encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_table(path: Path, columns: list[str], rows: list[list], ids: list[str] = IDS) -> None:
    separator = "," if ".csv" in path.name else "\t"
    cells = [["id", *columns]] + [[name, *row] for name, row in zip(ids, rows, strict=True)]
    lines = [separator.join("" if cell != cell else str(cell) for cell in line) for line in cells]
    write_text(path, "\n".join(lines) + "\n")


@pytest.fixture
def folder(tmp_path):
    write_table(tmp_path / "genotypes.tsv", LOCI, ALLELES)
    write_table(tmp_path / "phenotypes.tsv", ["23C", "30C"], PHENOTYPE)
    return tmp_path


def read(folder: Path, **changes) -> GenotypePhenotypeData:
    files = {"genotype_file": "genotypes.tsv", "phenotype_file": "phenotypes.tsv"}
    return read_table(root=str(folder), **(files | changes))


def refusal(folder: Path, **changes) -> str:
    with pytest.raises(InputError) as error:
        read(folder, **changes)
    return str(error.value)


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".tsv.gz", ".csv.gz"])
def test_tables_of_every_suffix(folder, suffix):
    write_table(folder / f"g{suffix}", LOCI, ALLELES)
    write_table(folder / f"p{suffix}", ["23C", "30C"], PHENOTYPE)
    data = read(folder, genotype_file=f"g{suffix}", phenotype_file=f"p{suffix}")
    np.testing.assert_array_equal(data.genotype, SIGNED)
    np.testing.assert_array_equal(data.phenotype, PHENOTYPE)
    assert data.individual_ids == tuple(IDS)
    assert data.environment_names == ("23C", "30C")
    assert data.locus_names == tuple(LOCI)
    assert data.standard_error is data.loci is data.truth is None


@pytest.mark.parametrize(
    ("coding", "alleles", "coded"),
    [
        ("binary", ALLELES, SIGNED),
        ("signed", SIGNED.tolist(), SIGNED),
        ("dosage", [[0, 1, 2], [2, 0, 1], [1, 1, 0], [0, 2, 1]], [[-1, 0, 1], [1, -1, 0], [0, 0, -1], [-1, 1, 0]]),
        ("dosage", ALLELES, (SIGNED - 1) // 2),
        ("probability", [[0.25, 1, 0.5]] * 4, [[-0.5, 1, 0]] * 4),
        ("probability", ALLELES, SIGNED),
    ],
)
@pytest.mark.parametrize("suffix", [".tsv", ".npy"])
def test_every_coding_can_be_named(folder, coding, alleles, coded, suffix):
    if suffix == ".npy":
        np.save(folder / "g.npy", np.array(alleles))
    else:
        write_table(folder / "g.tsv", LOCI, alleles)
    data = read(folder, genotype_file=f"g{suffix}", coding=coding)
    np.testing.assert_array_equal(data.genotype, coded)
    assert data.coding == coding
    assert data.genotype.dtype == (np.float32 if coding == "probability" else np.int8)


@pytest.mark.parametrize(
    ("alleles", "coding", "words"),
    [
        (ALLELES, "binary", "0/1 alleles"),
        (SIGNED.tolist(), "signed", "-1/+1 alleles"),
        ([[0, 1, 2]] * 4, "dosage", "0/1/2 diploid dosage"),
        ([[0, 0.125, 1]] * 4, "probability", "probabilities in [0, 1]"),
    ],
)
def test_detected_codings_are_logged(folder, caplog, alleles, coding, words):
    write_table(folder / "genotypes.tsv", LOCI, alleles)
    with caplog.at_level("INFO", logger="gpattention"):
        assert read(folder).coding == coding
        assert f"genotypes of genotypes.tsv: {words} (detected)" in caplog.text
        caplog.clear()
        read(folder, coding=coding)
        assert "(detected)" not in caplog.text


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int64", "float16", "float32", "float64"])
def test_arrays_of_every_number_type_go_by_row_order(folder, dtype):
    np.save(folder / "g.npy", np.asfortranarray(np.array(ALLELES, dtype=dtype)))
    data = read(folder, genotype_file="g.npy")
    np.testing.assert_array_equal(data.genotype, SIGNED)
    assert data.individual_ids == tuple(IDS)
    assert data.locus_names is None


def test_rows_are_joined_by_id_in_the_order_of_the_genotypes(folder):
    write_table(folder / "genotypes.tsv", LOCI, [ALLELES[i] for i in (2, 0, 3, 1)], ids=["c", "a", "d", "b"])
    write_table(folder / "errors.csv", ["30C", "23C"], [[8, 80], [7, 70], [6, 60], [5, 50]], ids=["d", "c", "b", "a"])
    data = read(folder, standard_error_file="errors.csv")
    assert data.individual_ids == ("c", "a", "d", "b")
    np.testing.assert_array_equal(data.genotype, SIGNED[[2, 0, 3, 1]])
    np.testing.assert_array_equal(data.phenotype, [[3.5, 7], [1.5, 5], [4.5, 8], [2.5, NAN]])
    np.testing.assert_array_equal(data.standard_error, [[70, 7], [50, 5], [80, 8], [60, 6]])


def test_ids_are_text(folder):
    ids = ["1", "01", "1.0", "nan"]
    write_table(folder / "genotypes.tsv", LOCI, ALLELES, ids=ids[::-1])
    write_table(folder / "phenotypes.tsv", ["23C", "30C"], PHENOTYPE, ids=ids)
    data = read(folder)
    assert data.individual_ids == ("nan", "1.0", "01", "1")
    np.testing.assert_array_equal(data.phenotype[:, 0], [4.5, 3.5, 2.5, 1.5])


@pytest.mark.parametrize("blank", ["", "NA", "NaN", "nan"])
def test_not_measured(folder, blank):
    write_table(folder / "phenotypes.tsv", ["23C", "30C"], [[1, 2], [blank, 3], [4, blank], [5, 6]])
    np.testing.assert_array_equal(read(folder).phenotype, [[1, 2], [NAN, 3], [4, NAN], [5, 6]])


def test_spreadsheet_exports_are_read(folder):
    text = '\ufeffid,"30C"\r\n"a",1e-3\r\n\r\nb,-2.5\r\nc,"3"\r\nd,+4\r\n'
    write_text(folder / "p.csv", text)
    data = read(folder, phenotype_file="p.csv")
    assert data.environment_names == ("30C",)
    np.testing.assert_allclose(data.phenotype[:, 0], [0.001, -2.5, 3, 4])


def test_only_the_environments_named_are_read(folder):
    rows = [[1, "late", 10], [2, "early", 20], [3, "", 30], [4, "?", 41]]
    write_table(folder / "phenotypes.tsv", ["23C", "remark", "30C"], rows)
    data = read(folder, environments=["30C", "23C"])
    assert data.environment_names == ("30C", "23C")
    np.testing.assert_array_equal(data.phenotype, [[10, 1], [20, 2], [30, 3], [41, 4]])


def test_loci_table_follows_the_genotype_columns(folder):
    write_text(folder / "loci.csv", "chromosome,name,position\n2,m3,30\n1,extra,5\n1,m1,10\n1,m2,20\n")
    data = read(folder, loci_file="loci.csv", locus_name_column="name")
    assert data.locus_names == ("m1", "m2", "m3") == tuple(data.loci["name"])
    assert data.loci["position"].tolist() == [10, 20, 30]
    assert data.loci["chromosome"].tolist() == [1, 1, 2]


def test_loci_table_names_the_columns_of_an_array(folder):
    np.save(folder / "g.npy", np.array(ALLELES))
    write_text(folder / "loci.tsv", "locus\tchromosome\n007\tI\n008\tII\n009\tIII\n")
    data = read(folder, genotype_file="g.npy", loci_file="loci.tsv")
    assert data.locus_names == ("007", "008", "009")
    assert data.loci["chromosome"].tolist() == ["I", "II", "III"]


def test_loci_table_from_a_spreadsheet_is_read(folder):
    write_text(folder / "loci.csv", "\ufeffname,chromosome\r\nm3,3\r\nm2,2\r\nm1,1\r\n")
    assert read(folder, loci_file="loci.csv", locus_name_column="name").loci["chromosome"].tolist() == [1, 2, 3]


def test_a_locus_may_be_called_na(folder):
    write_table(folder / "genotypes.tsv", ["m1", "NA", "m3"], ALLELES)
    write_text(folder / "loci.tsv", "locus\tchromosome\nm1\t1\nNA\t2\nm3\t3\n")
    assert read(folder, loci_file="loci.tsv").locus_names == ("m1", "NA", "m3")


def test_many_loci_are_joined_in_linear_time(tmp_path):
    names = tuple(f"m{i}" for i in range(10_000))
    write_text(tmp_path / "loci.tsv", "locus\tchromosome\n" + "".join(f"{name}\t1\n" for name in reversed(names)))
    start = time.process_time()
    table, _ = read_loci(tmp_path / "loci.tsv", None, Genotypes(np.zeros((1, 10_000)), "binary", None, names))
    assert time.process_time() - start < 0.5
    assert tuple(table["locus"]) == names


def test_absolute_paths_ignore_the_root(folder):
    data = read_table(
        root="/nowhere",
        genotype_file=str(folder / "genotypes.tsv"),
        phenotype_file=str(folder / "phenotypes.tsv"),
    )
    assert data.n_individuals == 4


PARTNERLESS = ["2 ids of ", "genotypes.tsv have no row in phenotypes.tsv: b, d", "1 ids of ", "genotypes.tsv: e"]


def test_ids_without_a_partner_are_refused(folder):
    write_table(folder / "phenotypes.tsv", ["23C"], [[1], [2], [3]], ids=["e", "c", "a"])
    message = refusal(folder)
    for part in (*PARTNERLESS, "data.on_missing_id=drop"):
        assert part in message


def test_ids_without_a_partner_are_dropped_and_logged(folder, caplog):
    write_table(folder / "phenotypes.tsv", ["23C"], [[1], [2], [3]], ids=["e", "c", "a"])
    write_table(folder / "errors.tsv", ["23C"], [[0.1], [0.2], [0.3]], ids=["a", "e", "c"])
    with caplog.at_level("WARNING", logger="gpattention"):
        data = read(folder, on_missing_id="drop", standard_error_file="errors.tsv")
    assert data.individual_ids == ("a", "c")
    np.testing.assert_array_equal(data.genotype, SIGNED[[0, 2]])
    np.testing.assert_array_equal(data.phenotype, [[3], [2]])
    np.testing.assert_array_equal(data.standard_error, [[0.1], [0.3]])
    for part in ("left out", *PARTNERLESS):
        assert part in caplog.text


def test_only_the_first_ids_without_a_partner_are_named(folder):
    ids = [*IDS, *(f"x{i}" for i in range(8))]
    write_table(folder / "phenotypes.tsv", ["23C"], [[i] for i in range(12)], ids=ids)
    message = refusal(folder)
    assert "8 ids of" in message
    assert "x0, x1, x2 and 5 more" in message


@pytest.mark.parametrize("on_missing_id", ["error", "drop"])
def test_no_shared_id_is_refused(folder, on_missing_id):
    write_table(folder / "phenotypes.tsv", ["23C"], [[1], [2]], ids=["A", "B"])
    assert "no id is in both" in refusal(folder, on_missing_id=on_missing_id)


FILES = [("genotypes.tsv", "genotype_file"), ("phenotypes.tsv", "phenotype_file")]


@pytest.mark.parametrize(("name", "key"), [*FILES, ("e.tsv", "standard_error_file"), ("l.tsv", "loci_file")])
def test_refuses_a_missing_file(folder, name, key):
    (folder / name).unlink(missing_ok=True)
    message = refusal(folder, **{key: name})
    assert f"{folder / name} is not there" in message
    assert "data.root" in message


@pytest.mark.parametrize("key", ["genotype_file", "phenotype_file"])
def test_refuses_a_folder_in_place_of_a_file(folder, key):
    (folder / "sub.tsv").mkdir()
    assert "sub.tsv is not there" in refusal(folder, **{key: "sub.tsv"})


@pytest.mark.parametrize(
    ("key", "name"), [("genotype_file", "g.txt"), ("phenotype_file", "p.xlsx"), ("phenotype_file", "p.npy")]
)
def test_refuses_an_unknown_suffix(folder, key, name):
    (folder / name).write_text("id\tx\na\t1\n")
    message = refusal(folder, **{key: name})
    assert f"{folder / name}: unknown suffix" in message
    assert ".csv.gz" in message


@pytest.mark.parametrize(("name", "key"), FILES)
@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["is empty"]),
        ("\n\n", ["is empty"]),
        ("id\tx\ty\n", ["is empty"]),
        ("id\na\nb\n", ["has one column", "tabs between them"]),
        ("id\tx\ty\na\t0\t1\nb\t1\n", [", line 3: 2 columns where the header has 3"]),
        ("id\tx\ty\n\na\t0\t1\t1\n", [", line 3: 4 columns where the header has 3"]),
        ("id\tx\ty\na\t0\t1\nb\t1\thigh\n", ["'high' in column y, id b, is not a number"]),
        ("id\tx\ty\na\t0,5\t1\nb\t1\t2\n", ["'0,5' in column x, id a, is not a number"]),
        ("id\tx\ty\na\t0\t1\na\t1\t0\nb\t1\t1\n", ["id a occurs more than once"]),
        ("id\tx\tx\na\t0\t1\nb\t1\t0\n", ["column x occurs more than once"]),
        ("x\tx\ty\n1\t0\t1\n2\t1\t0\n", ["column x occurs more than once"]),
        ("id\tx\t\na\t0\t\nb\t1\t\n", ["column"]),
        ('id\tx\na\t"0\nb\t1\n', ["cannot be read as a table"]),
    ],
    ids=[
        "nothing",
        "blank lines",
        "header alone",
        "ids alone",
        "short line",
        "long line after a blank one",
        "text",
        "decimal comma",
        "repeated id",
        "repeated column",
        "column named like the ids",
        "column without a name",
        "quote left open",
    ],
)
def test_refuses_a_bad_table(folder, name, key, text, parts):
    (folder / name).write_text(text)
    message = refusal(folder)
    for part in (str(folder / name), *parts):
        assert part in message


@pytest.mark.parametrize("name", ["genotypes.tsv", "phenotypes.tsv"])
def test_refuses_binary_junk(folder, name):
    (folder / name).write_bytes(bytes(range(256)) * 4)
    assert f"{folder / name} cannot be read as a table" in refusal(folder)


@pytest.mark.parametrize(
    "content",
    [gzip.compress(b"id\tx\n" + bytes(range(97, 122)) * 4000)[:-20], b"id\tx\na\t1\n", b"\x1f\x8b\x08junk"],
    ids=["truncated", "not compressed", "junk"],
)
def test_refuses_a_bad_gzip_file(folder, content):
    (folder / "p.tsv.gz").write_bytes(content)
    assert f"{folder / 'p.tsv.gz'} cannot be read as a table" in refusal(folder, phenotype_file="p.tsv.gz")


def npy_bytes(folder: Path, values: np.ndarray) -> bytes:
    np.save(folder / "whole.npy", values, allow_pickle=True)
    return (folder / "whole.npy").read_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: npy_bytes(folder, np.array(ALLELES))[:-8],
        lambda folder: npy_bytes(folder, np.array(ALLELES))[:40],
        lambda folder: npy_bytes(folder, np.array(ALLELES)).replace(b")", b" "),
        lambda folder: npy_bytes(folder, np.array(ALLELES, dtype=object)),
        lambda folder: b"",
        lambda folder: b"0 1 1\n1 0 1\n",
        lambda folder: b"PK\x03\x04" + bytes(100),
    ],
    ids=["truncated", "truncated header", "broken header", "objects", "empty", "text", "broken zip"],
)
def test_refuses_an_unreadable_array(folder, damage):
    (folder / "g.npy").write_bytes(damage(folder))
    message = refusal(folder, genotype_file="g.npy")
    assert f"{folder / 'g.npy'} cannot be read as an array of numbers" in message
    assert "numpy.save" in message


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (np.zeros(4), "float64 (4,)"),
        (np.zeros((4, 3, 2)), "float64 (4, 3, 2)"),
        (np.zeros((0, 3)), "float64 (0, 3)"),
        (np.array([["A", "T"]]), "<U1 (1, 2)"),
        (np.zeros((4, 3), dtype=complex), "complex128 (4, 3)"),
    ],
)
def test_refuses_an_array_of_the_wrong_kind(folder, values, found):
    np.save(folder / "g.npy", values)
    message = refusal(folder, genotype_file="g.npy")
    assert f"{folder / 'g.npy'} holds {found}" in message
    assert "individuals as rows and loci as columns" in message


def test_refuses_several_arrays_in_one_file(folder):
    np.savez(folder / "g.npz", genotype=np.array(ALLELES))
    (folder / "g.npz").rename(folder / "g.npy")
    message = refusal(folder, genotype_file="g.npy")
    assert "g.npy cannot be read as an array of numbers" in message
    assert "write it with numpy.save" in message


@pytest.mark.parametrize("n_rows", [3, 5])
def test_refuses_an_array_with_other_rows_than_the_phenotypes(folder, n_rows):
    np.save(folder / "g.npy", np.eye(n_rows))
    message = refusal(folder, genotype_file="g.npy")
    assert f"g.npy has {n_rows} rows and {folder / 'phenotypes.tsv'} has 4" in message


@pytest.mark.parametrize(
    ("value", "what"),
    [(NAN, "is missing: impute it"), (np.inf, "is infinite"), (3, "fits no coding"), (-0.5, "fits no coding")],
)
@pytest.mark.parametrize("suffix", [".tsv", ".npy"])
def test_refuses_a_bad_genotype(folder, value, what, suffix):
    alleles = np.array(ALLELES, dtype=float)
    alleles[2, 1] = value
    if suffix == ".npy":
        np.save(folder / "g.npy", alleles)
    else:
        write_table(folder / "g.tsv", LOCI, alleles.tolist())
    message = refusal(folder, genotype_file=f"g{suffix}")
    place = "individual 2, locus column 2" if suffix == ".npy" else "individual c, locus m2"
    for part in (f"g{suffix}: genotype {value:g} of {place}", what, "(1 such)"):
        assert part in message


@pytest.mark.parametrize("coding", ["signed", "binary", "dosage", "probability"])
def test_refuses_genotypes_outside_the_coding_named(folder, coding):
    outside = 0 if coding == "signed" else 7
    write_table(folder / "genotypes.tsv", LOCI, [[1, 1, 1], [1, 1, 1], [1, outside, 1], [1, 1, 1]], ids=IDS)
    message = refusal(folder, coding=coding)
    assert f"genotype {outside} of individual c, locus m2, is outside" in message
    assert "give the coding that it is in" in message


@pytest.mark.parametrize(
    ("cells", "parts"),
    [
        (["1", "inf", "2", "3"], ["phenotype of environment 30C is infinite", "individual b"]),
        (["7", "7", "", "7"], ["environment 30C is constant", "all 3 measured values are 7"]),
        (["", "NA", "", ""], ["environment 30C has no measured phenotype"]),
    ],
)
def test_refuses_bad_phenotypes(folder, cells, parts):
    write_table(folder / "phenotypes.tsv", ["23C", "30C"], [[i, cell] for i, cell in enumerate(cells)])
    message = refusal(folder)
    for part in parts:
        assert part in message
    assert read(folder, environments=["23C"]).environment_names == ("23C",)


@pytest.mark.parametrize(
    ("environments", "parts"),
    [
        (["30C", "31C"], ["has no column 31C: it has 23C, 30C"]),
        (["23C", "23C"], ["name in data.environments 23C occurs more than once"]),
        ([], ["data.environments", "empty"]),
    ],
)
def test_refuses_environments_that_are_not_there(folder, environments, parts):
    message = refusal(folder, environments=environments)
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("columns", "rows", "ids", "parts"),
    [
        (
            ["23C", "30C"],
            [[1, 1], [1, -2], [1, 1], [1, 1]],
            IDS,
            ["standard error of environment 30C is negative", "b"],
        ),
        (["23C", "30C"], [[1, 1], [1, 2], ["inf", 1], [1, 1]], IDS, ["error of environment 23C is infinite", "c"]),
        (["23C", "30C"], [[1, 1], [1, "low"], [1, 1], [1, 1]], IDS, ["errors.tsv: 'low' in column 30C, id b"]),
        (["23C"], [[1], [1], [1], [1]], IDS, ["errors.tsv has no column 30C: it has 23C"]),
        (["23C", "30C"], [[1, 1]] * 3, ["a", "b", "e"], ["errors.tsv: 3 ids are not in both", "c, d, e"]),
    ],
)
def test_refuses_bad_standard_errors(folder, columns, rows, ids, parts):
    write_table(folder / "errors.tsv", columns, rows, ids)
    message = refusal(folder, standard_error_file="errors.tsv")
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("text", "name_column", "array", "parts"),
    [
        ("name\tchr\nm1\t1\nm2\t2\n", None, False, ["lacks 1 loci of the genotype table: m3"]),
        ("name\tchr\nm1\t1\nm2\t2\n", None, True, ["names 2 loci and the genotypes have 3 columns"]),
        ("name\tchr\nm1\t1\nm1\t2\nm3\t3\n", None, False, ["locus m1 occurs more than once"]),
        ("name\tchr\nm1\t1\nm2\t2\n", "locus", False, ["no column locus (locus_name_column): it has name, chr"]),
        ("name\tchr\nm1\n", None, False, [", line 2: 1 columns where the header has 2"]),
        ('name\tchr\nm1\t"1\nm2\t2\nm3\t3\n', None, False, ["cannot be read as a table"]),
    ],
    ids=["locus missing", "other length", "repeated", "no such column", "ragged", "quote left open"],
)
def test_refuses_a_bad_loci_file(folder, text, name_column, array, parts):
    np.save(folder / "g.npy", np.array(ALLELES))
    (folder / "loci.tsv").write_text(text)
    files = {"genotype_file": "g.npy"} if array else {}
    message = refusal(folder, loci_file="loci.tsv", locus_name_column=name_column, **files)
    for part in (str(folder / "loci.tsv"), *parts):
        assert part in message


def test_covariates_are_joined_by_name(folder):
    rows = [["31C", 31, 7], ["30C", 30, 6.5], ["23C", 23, 6]]
    write_rows(folder / "environments.tsv", ["name", "temperature", "pH"], rows)
    data = read(folder, environment_file="environments.tsv")
    assert data.covariates.to_dict("list") == {"temperature": [23, 30], "pH": [6, 6.5]}
    chosen = read(folder, environment_file="environments.tsv", covariates=["temperature"], environments=["30C"])
    assert chosen.covariates.to_dict("list") == {"temperature": [30]}


def write_rows(path, header, rows):
    path.write_text("\n".join("\t".join(map(str, row)) for row in [header, *rows]) + "\n")


@pytest.mark.parametrize(
    ("rows", "covariates", "parts"),
    [
        ([["23C", 23]], None, ["environments.tsv has no row for environment 30C: add one"]),
        ([["23C", 23], ["30C", ""]], None, ["covariate temperature of environment 30C is missing"]),
        ([["23C", 23], ["30C", "inf"]], None, ["covariate temperature of environment 30C is missing or infinite"]),
        ([["23C", 23], ["30C", "warm"]], None, ["'warm' in column temperature", "is not a number"]),
        ([["23C", 23], ["23C", 24], ["30C", 30]], None, ["id 23C occurs more than once"]),
        ([["23C", 23], ["30C", 30]], ["rain"], ["has no column rain: it has temperature"]),
        ([["23C", 23], ["30C", 30]], [], ["data.covariates is empty"]),
    ],
)
def test_refuses_bad_covariates(folder, rows, covariates, parts):
    write_rows(folder / "environments.tsv", ["name", "temperature"], rows)
    message = refusal(folder, environment_file="environments.tsv", covariates=covariates)
    for part in parts:
        assert part in message


def test_codes_for_missing_values_are_told(tmp_path, caplog):
    (tmp_path / "p.tsv").write_text("id\tA\tB\nx\t1.5\t-9\ny\t-9\t-8\nz\t2\t3\n")
    read_phenotype_tables(tmp_path / "p.tsv", None, None)
    assert "1 values of -9 in column A lie far below all others" in caplog.text
    assert "column B" not in caplog.text


@pytest.mark.parametrize("between", ["\t", ","])
def test_ids_of_families_are_not_taken_for_those_of_individuals(tmp_path, between):
    path = tmp_path / ("p.csv" if between == "," else "p.tsv")
    path.write_text("#FID IID height\n3 1 1.5\n2 2 2.5\n1 3 3\n".replace(" ", between))
    with pytest.raises(InputError, match="columns FID and IID: gpattention prepare reads them; or leave FID out"):
        read_phenotype_tables(path, None, None)
