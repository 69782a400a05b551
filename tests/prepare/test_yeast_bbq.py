"""Files in the formats of the yeast cross, made by the simulator."""

import gzip
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import SHARED_DATA
from preparing import genotypes, load_writer, manifest, prepared, refusal, table

from gpattention.prepare.yeast_bbq import ENVIRONMENTS, read_fitness_table

N, L = 230, 60


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("yeast")
    load_writer()(folder, N, L, 5, 8)
    return folder


@pytest.fixture
def raw(made, tmp_path):
    """A copy of the files, to be damaged."""
    shutil.copytree(made, tmp_path / "raw")
    return tmp_path / "raw"


def posteriors(folder):
    """(N, 1 + L) by numpy's own reader."""
    return np.concatenate([np.loadtxt(folder / f"geno_data_{part}.txt.gz") for part in range(1, 6)])


def options(raw, *more):
    return ["prepare=yeast_bbq", f"prepare.root={raw}", "prepare.snp_file=snp_list.tsv", *more]


def test_parts_are_joined_with_the_phenotypes_by_number(raw, tmp_path):
    path = raw / "pheno_data_cu.txt"
    pd.read_csv(path, sep="\t").sample(frac=1, random_state=0).to_csv(path, sep="\t", index=False, na_rep="nan")
    for name in set(ENVIRONMENTS) - {"cu", "23C"}:
        (raw / f"pheno_data_{name}.txt").unlink()
    folder = prepared(
        tmp_path, *options(raw, "prepare.environments=[cu]", "prepare.causal_loci_file=qtls_18_environments.tsv")
    )
    expected = posteriors(raw)
    np.testing.assert_allclose(genotypes(folder), 2 * expected[:, 1:] - 1, atol=5e-4)
    truth = pd.read_csv(path, sep="\t", index_col=0).loc[expected[:, 0].astype(int)]
    np.testing.assert_array_equal(table(folder, "phenotypes")["cu"], truth["Fitness"])
    np.testing.assert_array_equal(table(folder, "standard_errors")["cu"], truth["Std Error"])
    assert list(table(folder, "phenotypes").index) == expected[:, 0].tolist()
    assert list(table(folder, "loci").index) == [f"snp{k}" for k in range(1, L + 1)]
    assert set(table(folder, "causal_loci").index) == set(ENVIRONMENTS)
    found = manifest(folder)
    assert found["coding"] == "probability"
    assert {f"geno_data_{part}.txt.gz" for part in range(1, 6)} < set(found["files"])
    assert found["n_measured"] == {"cu": truth["Fitness"].notna().sum()}


def test_merged_array_gives_the_same_data_set(raw, tmp_path):
    of_text = prepared(tmp_path, *options(raw))
    np.save(raw / "merged_geno_data.npy", posteriors(raw))
    (tmp_path / "other").mkdir()
    of_array = prepared(tmp_path / "other", *options(raw, "prepare.genotype_files=[merged_geno_data.npy]"))
    np.testing.assert_array_equal(genotypes(of_text), genotypes(of_array))
    pd.testing.assert_frame_equal(table(of_text, "phenotypes"), table(of_array, "phenotypes"))


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.arange(3.0)[:, None], "merged_geno_data.npy: its first line is one column: give"),
        (np.eye(3, 61, 2) * 1e300, "merged_geno_data.npy, row 1: 'inf' in column 3 is no probability"),
        (np.full((3, 61), np.inf), "merged_geno_data.npy, row 1: 'inf' is no segregant number"),
    ],
)
def test_merged_arrays_that_do_not_fit_are_refused(raw, tmp_path, array, words):
    np.save(raw / "merged_geno_data.npy", array)
    assert re.search(words, refusal(tmp_path, *options(raw, "prepare.genotype_files=[merged_geno_data.npy]")))


def change_line(part, change, line=3):
    def damage(folder):
        path = folder / f"geno_data_{part}.txt.gz"
        lines = gzip.decompress(path.read_bytes()).decode().splitlines(keepends=True)
        lines[line - 1] = change(lines[line - 1])
        path.write_bytes(gzip.compress("".join(lines).encode()))

    return damage


def set_field(column, text):
    return lambda line: "\t".join([*line.split("\t")[:column], text, *line.split("\t")[column + 1 :]])


def change_text(name, change):
    return lambda folder: (folder / name).write_text(change((folder / name).read_text()))


def cut(name):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-100])


FAULTS = {
    "truncated part": (cut("geno_data_4.txt.gz"), "geno_data_4.txt.gz is cut off"),
    "part is missing": (lambda f: (f / "geno_data_2.txt.gz").unlink(), "lacks geno_data_2.txt.gz"),
    "empty part": (lambda f: (f / "geno_data_5.txt.gz").write_bytes(gzip.compress(b"")), "geno_data_5.txt.gz is empty"),
    "no tabs": (
        change_line(1, lambda line: line.replace("\t", " "), 1),
        "geno_data_1.txt.gz: its first line is one column: give",
    ),
    "short line": (
        change_line(3, lambda line: line.rsplit("\t", 1)[0] + "\n"),
        "geno_data_3.txt.gz, line 3: 60 columns where 61 belong",
    ),
    "long line": (change_line(1, lambda line: "0\t" + line), "geno_data_1.txt.gz, line 3: 62 columns where 61 belong"),
    "above 1": (
        change_line(2, set_field(7, "1.0001")),
        r"geno_data_2.txt.gz, line 3: '1.0001' in column 8 is no probability",
    ),
    "below 0": (change_line(2, set_field(7, "-0.5")), r"line 3: '-0.5' in column 8"),
    "no number": (change_line(2, set_field(60, "0.1x\n")), r"line 3: '0.1x' in column 61"),
    "not a number": (change_line(2, set_field(7, "nan")), r"line 3: 'nan' in column 8"),
    "segregant twice": (
        change_line(2, set_field(0, "47"), 5),
        r"geno_data_2.txt.gz, line 5: segregant 47 was read before \(geno_data_2.txt.gz, line 2\)",
    ),
    "part twice": (
        lambda f: shutil.copy(f / "geno_data_1.txt.gz", f / "geno_data_3.txt.gz"),
        r"geno_data_3.txt.gz, line 1: segregant 0 was read before \(geno_data_1.txt.gz, line 1\)",
    ),
    "no number of a segregant": (change_line(1, set_field(0, "a7")), "line 3: 'a7' is no segregant number"),
    "phenotypes of another length": (
        change_text("pheno_data_li.txt", lambda text: text.rsplit("\n", 2)[0] + "\n"),
        r"pheno_data_li.txt has 229 segregants and pheno_data_23C.txt 230; in one of them alone: 229",
    ),
    "phenotype is missing": (lambda f: (f / "pheno_data_raff.txt").unlink(), "pheno_data_raff.txt.gz is not there"),
    "phenotype is text": (
        change_text("pheno_data_gu.txt", lambda text: re.sub(r"\n5\t[^\t]*", "\n5\thigh", text)),
        "pheno_data_gu.txt, line 7: 'high' in column Fitness is no number",
    ),
    "segregant twice in phenotypes": (
        change_text("pheno_data_gu.txt", lambda text: text.replace("\n5\t", "\n4\t")),
        "pheno_data_gu.txt: segregant 4 occurs more than once",
    ),
    "other columns": (
        change_text("pheno_data_gu.txt", lambda text: text.replace("Std Error", "SE")),
        "has the columns Number, Fitness, SE",
    ),
    "SNP list of another length": (
        change_text("snp_list.tsv", lambda text: text.rsplit("\n", 2)[0] + "\n"),
        "snp_list.tsv names 59 loci and the genotypes have 60 columns",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_files_that_do_not_fit_are_refused(raw, tmp_path, fault):
    damage, words = FAULTS[fault]
    damage(raw)
    assert re.search(words, refusal(tmp_path, *options(raw)))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("[geno_data_2.txt.gz,geno_data_1.txt.gz]", "has the parts 2, 1: give all from 1 on, in order"),
        ("[geno_data_1.txt.gz,geno_data_3.txt.gz]", "has the parts 1, 3"),
        (
            "[geno_data_1.txt.gz,geno_data_2.txt.gz]",
            r"138 ids of .* have no row in geno_data_1.txt.gz: 92, 93, 94 and 135 more",
        ),
        ("[geno.txt]", "geno.txt is not there"),
        ("[]", "genotype_files is empty"),
    ],
)
def test_lists_of_parts_that_do_not_fit_are_refused(raw, tmp_path, names, words):
    assert re.search(words, refusal(tmp_path, *options(raw, f"prepare.genotype_files={names}")))


@pytest.mark.skipif(not (SHARED_DATA / "bbq_li83").is_dir(), reason="shared data are not here")
def test_published_phenotype_table(tmp_path):
    """The real table of lithium, put back into the form in which it was distributed."""
    source = pd.read_csv(SHARED_DATA / "bbq_li83" / "li_fitness_all_segregants.tsv", sep="\t")
    source.columns = ["Number", "Fitness", "Std Error"]
    source.to_csv(tmp_path / "pheno_data_li.txt", sep="\t", index=False, na_rep="nan")
    found = read_fitness_table(tmp_path / "pheno_data_li.txt")
    assert len(found) == 99950
    assert found["Fitness"].notna().sum() == 98094
    np.testing.assert_array_equal(found["Fitness"], source["Fitness"])
