import numpy as np
import pandas as pd
import pytest
from preparing import genotypes, manifest, prepared, refusal, table

N, L = 30, 6
IDS = [f"s{i}" for i in range(N)]
RNG = np.random.default_rng(0)
PHENOTYPE = pd.DataFrame({"A": RNG.standard_normal(N), "B": RNG.standard_normal(N)}, index=pd.Index(IDS, name="id"))


def write(folder, values, name="g.tsv"):
    """The genotypes of `values` and phenotypes in another order of rows; loci m0, m1, ..."""
    columns = [f"m{k}" for k in range(values.shape[1])]
    separator = "," if ".csv" in name else "\t"
    pd.DataFrame(values, index=pd.Index(IDS, name="id"), columns=columns).to_csv(folder / name, sep=separator)
    PHENOTYPE.iloc[::-1].to_csv(folder / "p.tsv", sep="\t")
    return ["prepare=table", f"prepare.genotype_file={name}", "prepare.phenotype_file=p.tsv"]


CASES = {
    "binary": (np.array([0, 1]), lambda g: 2 * g - 1, np.int8),
    "signed": (np.array([-1, 1]), lambda g: g, np.int8),
    "dosage": (np.array([0, 1, 2]), lambda g: g - 1, np.int8),
    "probability": (np.linspace(0, 1, 12), lambda g: 2 * g - 1, np.float16),
}


@pytest.mark.parametrize("coding", CASES)
@pytest.mark.parametrize("name", ["g.tsv", "g.csv.gz"])
def test_every_coding_is_detected(tmp_path, coding, name):
    values, alleles, dtype = CASES[coding]
    raw = np.random.default_rng(1).choice(values, (N, L))
    folder = prepared(tmp_path, *write(tmp_path, raw, name))
    assert genotypes(folder).dtype == dtype
    np.testing.assert_allclose(genotypes(folder), alleles(raw), atol=5e-4)
    assert manifest(folder)["coding"] == coding
    np.testing.assert_allclose(table(folder, "phenotypes"), PHENOTYPE)


def test_hard_and_sampled_calls_of_probabilities(tmp_path):
    raw = np.random.default_rng(1).beta(0.3, 0.3, (N, L)).round(3)
    options = write(tmp_path, raw)
    hard = genotypes(prepared(tmp_path, *options, "genotype=hard"))
    np.testing.assert_array_equal(hard, np.where(raw > 0.5, 1, -1))
    first, other, again = (
        genotypes(prepared(tmp_path, *options, "genotype=sampled", f"seed={seed}", "overwrite=true"))
        for seed in (0, 1, 0)
    )
    np.testing.assert_array_equal(again, first)
    assert (other != first).any()
    assert set(np.unique(first)) == {-1, 1}


def test_individuals_with_too_few_calls_are_refused(tmp_path):
    raw = np.zeros((N, L))
    raw[:, 0] = np.nan
    assert "no individual has min_individual_call_rate=1" in refusal(
        tmp_path, *write(tmp_path, raw), "min_individual_call_rate=1"
    )


def test_loci_of_uncertain_genotypes_are_left_out(tmp_path):
    raw = np.random.default_rng(1).beta(0.3, 0.3, (N, L))
    uncertainty = (4 * raw * (1 - raw)).mean(axis=0)
    limit = np.sort(uncertainty)[3:5].mean()
    folder = prepared(tmp_path, *write(tmp_path, raw), f"max_uncertainty={limit}")
    np.testing.assert_allclose(genotypes(folder), (2 * raw - 1)[:, uncertainty < limit], atol=5e-4)
    assert manifest(folder)["dropped_loci"]["uncertainty"] == 2


def test_array_in_the_order_of_the_phenotypes(tmp_path):
    raw = np.random.default_rng(1).integers(0, 2, (N, L)).astype(float)
    raw[3, 2] = np.nan
    options = write(tmp_path, raw)
    np.save(tmp_path / "g.npy", raw)
    pd.DataFrame({"marker": list("abcdef"), "chromosome": 1}).to_csv(tmp_path / "loci.csv", index=False)
    folder = prepared(tmp_path, *options, "prepare.genotype_file=g.npy", "prepare.loci_file=loci.csv", "genotype=hard")
    expected = np.where(np.isnan(raw), np.nanmean(raw, axis=0) > 0.5, raw) * 2 - 1
    np.testing.assert_array_equal(genotypes(folder), expected)
    assert list(table(folder, "phenotypes").index) == IDS[::-1]
    assert list(table(folder, "loci").index) == list("abcdef")


def test_small_blocks_give_the_same_files(tmp_path, monkeypatch):
    import gpattention.prepare.source as source

    raw = np.random.default_rng(1).random((N, L))
    options = [*write(tmp_path, raw), "genotype=sampled"]
    whole = genotypes(prepared(tmp_path, *options)).copy()
    monkeypatch.setattr(source, "BYTES_AT_ONCE", 100)
    np.testing.assert_array_equal(genotypes(prepared(tmp_path, *options, "overwrite=true")), whole)


def break_cell(folder, line, column, text):
    lines = (folder / "g.tsv").read_text().splitlines()
    cells = lines[line].split("\t")
    cells[column] = text
    lines[line] = "\t".join(cells)
    (folder / "g.tsv").write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: break_cell(f, 4, 2, "x"), "'x' in column m1, id s3, is not a number"),
        (lambda f: break_cell(f, 4, 2, "1\t0"), "g.tsv, line 5: 8 columns where the header has 7"),
        (
            lambda f: break_cell(f, 4, 2, "3"),
            "genotype 3 of individual s3, locus m1, is outside probabilities in [0, 1]",
        ),
        (lambda f: break_cell(f, 4, 0, "s1"), "id s1 occurs more than once (s1 is number 2 and 4)"),
        (lambda f: break_cell(f, 4, 0, ""), "the id of row 4 is empty"),
        (lambda f: break_cell(f, 0, 2, ""), "column 3 has no name in the header"),
        (lambda f: break_cell(f, 0, 2, "m2"), "column m2 occurs more than once"),
        (lambda f: (f / "g.tsv").write_text(""), "g.tsv is empty"),
    ],
)
def test_tables_that_do_not_fit_are_refused(tmp_path, damage, words):
    options = write(tmp_path, np.random.default_rng(1).integers(0, 2, (N, L)))
    damage(tmp_path)
    assert words in refusal(tmp_path, *options)


def test_array_of_another_length_is_refused(tmp_path):
    options = write(tmp_path, np.zeros((N, L)))
    np.save(tmp_path / "g.npy", np.zeros((N - 1, L)))
    message = refusal(tmp_path, *options, "prepare.genotype_file=g.npy")
    assert "g.npy has 29 rows" in message
    assert "p.tsv has 30" in message
