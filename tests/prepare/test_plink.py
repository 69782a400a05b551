import numpy as np
import pandas as pd
import pytest
from bed_reader import to_bed
from preparing import genotypes, manifest, prepared, refusal, table

N, L = 37, 21
IDS = [f"line{i}" for i in range(N)]


@pytest.fixture
def dosage(tmp_path):
    """(N, L) copies of the first allele, NaN where not called, in files cohort.bed, .bim, .fam and traits.tsv."""
    rng = np.random.default_rng(1)
    dosage = rng.binomial(2, rng.uniform(0.1, 0.9, L), (N, L)).astype(float)
    dosage[rng.random((N, L)) < 0.1] = np.nan
    properties = {
        "fid": ["family"] * N,
        "iid": IDS,
        "sid": [f"rs{k}" for k in range(L)],
        "chromosome": ["1"] * 10 + ["2"] * (L - 10),
        "bp_position": np.arange(L) * 100 + 5,
    }
    to_bed(tmp_path / "cohort.bed", dosage, properties=properties)
    phenotype = pd.DataFrame(rng.standard_normal((N, 2)), index=pd.Index(IDS, name="id"), columns=["height", "yield"])
    phenotype.to_csv(tmp_path / "traits.tsv", sep="\t")
    return dosage


FILES = ["prepare=plink", "prepare.bed_file=cohort.bed", "prepare.phenotype_file=traits.tsv"]


def test_missing_genotypes_take_the_mean_of_their_locus(tmp_path, dosage):
    folder = prepared(tmp_path, *FILES)
    expected = np.where(np.isnan(dosage), np.nanmean(dosage, axis=0), dosage) - 1
    assert genotypes(folder).dtype == np.float16
    np.testing.assert_allclose(genotypes(folder), expected, atol=5e-4)
    loci = table(folder, "loci")
    assert list(loci.index) == [f"rs{k}" for k in range(L)]
    assert list(loci["position_bp"]) == [k * 100 + 5 for k in range(L)]
    assert manifest(folder)["n_missing_genotypes"] == np.isnan(dosage).sum()
    pd.testing.assert_frame_equal(
        table(folder, "phenotypes"), pd.read_csv(tmp_path / "traits.tsv", sep="\t", index_col=0)
    )


def test_calls_without_a_missing_one_stay_calls(tmp_path, dosage):
    whole = ~np.isnan(dosage).any(axis=0)
    folder = prepared(tmp_path, *FILES, "missing=drop")
    assert genotypes(folder).dtype == np.int8
    np.testing.assert_array_equal(genotypes(folder), dosage[:, whole] - 1)
    assert manifest(folder)["dropped_loci"]["missing genotypes"] == (~whole).sum() > 0


def test_filters_count_over_the_individuals_kept(tmp_path, dosage):
    """Against plain numpy, in the same order: individuals without phenotype, individuals by call rate, then loci."""
    phenotype = pd.read_csv(tmp_path / "traits.tsv", sep="\t", index_col=0).iloc[5:]
    phenotype.sample(frac=1, random_state=0).to_csv(tmp_path / "traits.tsv", sep="\t")
    limits = {"min_individual_call_rate": 0.86, "min_locus_call_rate": 0.88, "min_allele_frequency": 0.21}
    options = [f"{key}={value}" for key, value in limits.items()]
    folder = prepared(tmp_path, *FILES, *options, "on_missing_id=drop")
    called = ~np.isnan(dosage)
    people = (np.arange(N) >= 5) & (called.mean(axis=1) >= 0.86)
    frequency = np.nanmean(dosage[people], axis=0) / 2
    loci = (called[people].mean(axis=0) >= 0.88) & (np.minimum(frequency, 1 - frequency) >= 0.21)
    assert 0 < loci.sum() < L
    assert 0 < people.sum() < N - 5
    kept = dosage[people][:, loci]
    expected = np.where(np.isnan(kept), np.nanmean(kept, axis=0), kept) - 1
    np.testing.assert_allclose(genotypes(folder), expected, atol=5e-4)
    assert list(table(folder, "phenotypes").index) == [name for name, stays in zip(IDS, people, strict=True) if stays]
    found = manifest(folder)
    assert found["dropped_individuals"] == {
        "no phenotype": 5,
        "call rate": N - 5 - people.sum(),
        "no genotypes": 0,
    }
    assert sum(found["dropped_loci"].values()) == L - loci.sum()


@pytest.mark.parametrize("wanted", ["hard", "sampled"])
def test_calls_are_kept_and_missing_ones_called(tmp_path, dosage, wanted):
    folder = prepared(tmp_path, *FILES, f"genotype={wanted}", "seed=3")
    found, called = genotypes(folder), ~np.isnan(dosage)
    assert found.dtype == np.int8
    np.testing.assert_array_equal(found[called], dosage[called] - 1)
    if wanted == "hard":
        nearest = np.broadcast_to(np.rint(np.nanmean(dosage - 1, axis=0)), (N, L))[~called]
        np.testing.assert_array_equal(found[~called], nearest)
    else:
        assert set(found[~called]) <= {-1, 0, 1}


def test_small_blocks_give_the_same_files(tmp_path, dosage, monkeypatch):
    import gpattention.prepare.source as source

    whole = genotypes(prepared(tmp_path, *FILES, "genotype=sampled")).copy()
    monkeypatch.setattr(source, "BYTES_AT_ONCE", 4 * N * 3)
    np.testing.assert_array_equal(genotypes(prepared(tmp_path, *FILES, "genotype=sampled", "overwrite=true")), whole)


@pytest.mark.parametrize("name", ["traits.tsv", "traits.tsv.gz", "traits.txt"])
def test_phenotypes_that_are_no_text_are_refused(tmp_path, dosage, name):
    (tmp_path / name).write_bytes(bytes(range(256)) * 4)
    assert name in refusal(tmp_path, *FILES, f"prepare.phenotype_file={name}")


@pytest.mark.parametrize(("name", "between"), [("traits.tsv", "\t"), ("traits.csv", ","), ("traits.txt", "  ")])
def test_plink_phenotypes_are_known_by_their_header(tmp_path, dosage, name, between, caplog):
    """Joined by IID, though FID names other individuals; -9 however it is written; the log says what was read."""
    caplog.set_level("INFO")
    text = ["FID IID height", *(f"{IDS[-1 - k]} {IDS[k]} {'-9.0' if k == 2 else k}" for k in range(N))]
    (tmp_path / name).write_text("\n".join(text).replace(" ", between) + "\n")
    phenotype = table(prepared(tmp_path, *FILES, f"prepare.phenotype_file={name}"), "phenotypes")
    assert list(phenotype.columns) == ["height"]
    assert phenotype["height"][IDS[5]] == 5
    assert np.isnan(phenotype["height"][IDS[2]])
    assert "1 values of -9 in column height are taken as not measured" in caplog.text
    assert f"height: {N - 1} values from 0 to {N - 1}" in caplog.text


def test_plink_phenotypes(tmp_path, dosage):
    lines = [f"family {name} {i * 0.5 if i else -9} NA" for i, name in enumerate(IDS)]
    (tmp_path / "traits.pheno").write_text("FID IID height weight\n" + "\n".join(lines) + "\n")
    options = ["prepare.phenotype_file=traits.pheno", "prepare.environments=[height]"]
    phenotype = table(prepared(tmp_path, *FILES, *options), "phenotypes")
    np.testing.assert_array_equal(phenotype["height"], [np.nan, *np.arange(1, N) * 0.5])
    assert list(phenotype.columns) == ["height"]


def test_many_traits(tmp_path, dosage):
    lines = [" ".join(["0", name, *map(str, range(200))]) for name in IDS]
    (tmp_path / "traits.txt").write_text("FID IID " + " ".join(f"t{k}" for k in range(200)) + "\n" + "\n".join(lines))
    phenotype = table(prepared(tmp_path, *FILES, "prepare.phenotype_file=traits.txt"), "phenotypes")
    np.testing.assert_array_equal(phenotype, np.broadcast_to(np.arange(200.0), (N, 200)))


@pytest.mark.parametrize(
    ("header", "row", "words"),
    [
        ("FID IID height height", "0 line1 1 2", "column height occurs more than once"),
        ("FID IID height weight", "0 line1 1", "traits.txt, line 2: fewer columns than the 4 of the first line"),
        ("FID IID height weight", "0 line1 1 x", "traits.txt, line 2: 'x' in column weight is not a number"),
        ("FID IID height", "0 line1 1\n0 line1 2", "id line1 occurs more than once"),
        ("FID IID", "0 line1", "has a header line with FID, IID and a name for each trait"),
        ("FID name height", "0 line1 1", "has a header line with FID, IID and a name for each trait"),
    ],
)
def test_plink_phenotypes_that_do_not_fit_are_refused(tmp_path, dosage, header, row, words):
    (tmp_path / "traits.txt").write_text(f"{header}\n{row}\n")
    assert words in refusal(tmp_path, *FILES, "prepare.phenotype_file=traits.txt")


def cut(path, n_bytes):
    path.write_bytes(path.read_bytes()[:n_bytes])


def edit_lines(path, change):
    lines = path.read_text().splitlines()
    change(lines)
    path.write_text("\n".join(lines) + "\n")


FAULTS = {
    "bed cut off": (
        lambda f: cut(f / "cohort.bed", 100),
        r"cohort.bed has 100 bytes, and 37 .* at 21 loci .* take 213",
    ),
    "bed of another kind": (lambda f: (f / "cohort.bed").write_bytes(b"x" * 213), "does not begin as a .bed does"),
    "individuals first": (
        lambda f: (f / "cohort.bed").write_bytes(bytes([0x6C, 0x1B, 0x00]) + bytes(210)),
        "has individuals as rows",
    ),
    "fam of another length": (lambda f: edit_lines(f / "cohort.fam", lambda x: x.pop()), "36 individuals"),
    "bim of another length": (
        lambda f: edit_lines(f / "cohort.bim", lambda x: x.append(x[0].replace("rs0", "rs9a"))),
        "22 loci",
    ),
    "bim with a short line": (
        lambda f: edit_lines(f / "cohort.bim", lambda x: x.__setitem__(3, "1 rs3 0")),
        r"cohort.bim, line 4: 3 columns where 6 belong",
    ),
    "individual twice": (
        lambda f: edit_lines(f / "cohort.fam", lambda x: x.__setitem__(1, x[0])),
        "cohort.fam: IID line0 occurs more than once",
    ),
    "locus twice": (
        lambda f: edit_lines(f / "cohort.bim", lambda x: x.__setitem__(1, x[0])),
        "cohort.bim: locus rs0 occurs more than once",
    ),
    "empty fam": (lambda f: (f / "cohort.fam").write_text(""), "cohort.fam is empty"),
    "no bim": (lambda f: (f / "cohort.bim").unlink(), "cohort.bim is not there"),
    "no id in both": (
        lambda f: edit_lines(
            f / "traits.tsv", lambda x: x.__setitem__(slice(1, None), [f"a{i}\t1\t2" for i in range(5)])
        ),
        r"37 ids of .*cohort.bed .* line0, line1, line2 and 34 more; 5 ids of .*: a0, a1, a2 and 2 more; no id is in both",
    ),
    "some ids in one": (
        lambda f: edit_lines(f / "traits.tsv", lambda x: x.pop()),
        "1 ids of .*: line36; set on_missing_id=drop",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_files_that_do_not_fit_are_refused(tmp_path, dosage, fault):
    import re

    damage, words = FAULTS[fault]
    damage(tmp_path)
    assert re.search(words, refusal(tmp_path, *FILES))


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("min_allele_frequency=0.6", "give a number from 0 to 0.5"),
        ("min_locus_call_rate=-1", "give a number from 0 to 1"),
        ("max_uncertainty=0.2", "goes with probabilities"),
        ("min_allele_frequency=0.5", "no locus passes the filters"),
        ("prepare.environments=[width]", "has no column width"),
    ],
)
def test_options_that_leave_nothing_are_refused(tmp_path, dosage, option, words):
    assert words in refusal(tmp_path, *FILES, option)
