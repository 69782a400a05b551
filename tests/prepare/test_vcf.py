import gzip
import re

import numpy as np
import pandas as pd
import pytest
from cyvcf2 import VCF, Writer
from preparing import genotypes, manifest, prepared, refusal, table

N, L = 25, 12
SAMPLES = [f"plant{i}" for i in range(N)]
HEAD = (
    "##fileformat=VCFv4.2\n##contig=<ID=1>\n##contig=<ID=X>\n"
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    '##FORMAT=<ID=DS,Number=1,Type=Float,Description="Dosage">\n'
)
NAMES = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"


def text(cells, form="GT", alternative=None, chromosome="1"):
    """A VCF of (L, N) cells; locus k at position 100 + k, every third without an ID."""
    lines = [
        f"{chromosome}\t{100 + k}\t{'.' if k % 3 == 0 else f'rs{k}'}\tA\t{(alternative or {}).get(k, 'C')}\t.\tPASS\t.\t{form}\t"
        + "\t".join(row)
        for k, row in enumerate(cells)
    ]
    return HEAD + NAMES + "\t".join(SAMPLES) + "\n" + "\n".join(lines) + "\n"


def options(folder, content, name="a.vcf"):
    (folder / name).write_text(content)
    rng = np.random.default_rng(0)
    pd.DataFrame({"height": rng.random(N)}, index=pd.Index(SAMPLES, name="id")).to_csv(folder / "p.csv")
    return ["prepare=vcf", f"prepare.vcf_file={name}", "prepare.phenotype_file=p.csv"]


@pytest.fixture
def dosage():
    """(L, N) copies of the alternative allele, NaN where not called."""
    rng = np.random.default_rng(1)
    dosage = rng.binomial(2, rng.uniform(0.2, 0.8, (L, 1)), (L, N)).astype(float)
    dosage[rng.random((L, N)) < 0.1] = np.nan
    return dosage


def diploid(dosage):
    """Phased and unphased calls; a missing one in several spellings."""
    spellings = {0: ["0/0", "0|0"], 1: ["0/1", "1|0"], 2: ["1/1", "1|1"], -1: ["./.", ".", "./1", "0|."]}
    rng = np.random.default_rng(2)
    return [[rng.choice(spellings[int(np.nan_to_num(x, nan=-1))]) for x in row] for row in dosage]


def filled(dosage):
    return (np.where(np.isnan(dosage), np.nanmean(dosage, axis=1, keepdims=True), dosage) - 1).T


@pytest.mark.parametrize("suffix", ["vcf", "vcf.gz", "bcf"])
def test_diploid_calls_of_every_kind_of_file(tmp_path, dosage, suffix):
    given = options(tmp_path, text(diploid(dosage)))
    if suffix != "vcf":
        source = VCF(str(tmp_path / "a.vcf"))
        writer = Writer(str(tmp_path / f"a.{suffix}"), source, mode="wz" if suffix == "vcf.gz" else "wb")
        for record in source:
            writer.write_record(record)
        writer.close()
        source.close()
    folder = prepared(tmp_path, *given, f"prepare.vcf_file=a.{suffix}")
    np.testing.assert_allclose(genotypes(folder), filled(dosage), atol=5e-4)
    loci = table(folder, "loci")
    assert list(loci.index) == [f"1_{100 + k}_A_C" if k % 3 == 0 else f"rs{k}" for k in range(L)]
    assert list(loci["position_bp"]) == [100 + k for k in range(L)]
    assert manifest(folder)["coding"] == "dosage"
    assert manifest(folder)["n_missing_genotypes"] == np.isnan(dosage).sum()
    assert list(table(folder, "phenotypes").index) == SAMPLES


def test_haploid_calls(tmp_path):
    calls = np.random.default_rng(1).integers(0, 2, (L, N))
    folder = prepared(tmp_path, *options(tmp_path, text([[str(x) for x in row] for row in calls])))
    np.testing.assert_array_equal(genotypes(folder), 2 * calls.T - 1)
    assert genotypes(folder).dtype == np.int8
    assert manifest(folder)["coding"] == "binary"


def test_haploid_calls_among_diploid_ones_count_twice(tmp_path, dosage):
    cells = diploid(dosage)
    cells[4][:3] = ["0", "1", "1"]
    dosage[4, :3] = [0, 2, 2]
    folder = prepared(tmp_path, *options(tmp_path, text(cells)))
    np.testing.assert_allclose(genotypes(folder), filled(dosage), atol=5e-4)


def test_imputed_dosages(tmp_path):
    dosage = np.random.default_rng(1).uniform(0, 2, (L, N)).round(3)
    cells = [[f"0/0:{x}" for x in row] for row in dosage]
    given = [*options(tmp_path, text(cells, "GT:DS")), "prepare.field=DS"]
    np.testing.assert_allclose(genotypes(prepared(tmp_path, *given)), dosage.T - 1, atol=5e-4)
    hard = genotypes(prepared(tmp_path, *given, "genotype=hard", "overwrite=true"))
    np.testing.assert_array_equal(hard, np.rint(dosage.T - 1))
    cells[2][5] = "0/0:2.5"
    (tmp_path / "a.vcf").write_text(text(cells, "GT:DS"))
    with pytest.raises(ValueError, match=r"record 3 \(1:102\): DS 2.5 of plant5 is no dosage"):
        prepared(tmp_path, *given, "overwrite=true")


def test_records_that_are_not_biallelic_are_counted(tmp_path, dosage, caplog):
    cells = diploid(dosage)
    cells[3][0] = "1/2"
    folder = prepared(tmp_path, *options(tmp_path, text(cells, alternative={3: "C,G", 7: ".", 9: "CTT"})))
    kept = [k for k in range(L) if k not in (3, 7)]
    np.testing.assert_allclose(genotypes(folder), filled(dosage[kept]), atol=5e-4)
    dropped = manifest(folder)["dropped_loci"]
    assert (dropped["multi-allelic"], dropped["no alternative allele"]) == (1, 1)
    assert "several alternative alleles and are left out: 1:103" in caplog.text


def bgzf(folder, content):
    (folder / "plain.vcf").write_text(content)
    source = VCF(str(folder / "plain.vcf"))
    writer = Writer(str(folder / "a.vcf"), source, mode="wz")
    for record in source:
        writer.write_record(record)
    writer.close()
    source.close()
    (folder / "plain.vcf").unlink()
    return (folder / "a.vcf").read_bytes()


FAULTS = {
    "no samples": (
        lambda f, t: re.sub(r"(?m)^([^#\t]*(\t[^\t\n]*){7}).*|\tFORMAT\t.*", r"\1", t).encode(),
        r"has no genotypes \(no samples\)",
    ),
    "no GT": (
        lambda f, t: re.sub("##FORMAT=<ID=GT.*\n", "", t).replace("\tGT\t", "\tXX\t").encode(),
        r"no GT in its header",
    ),
    "no GT in a record": (
        lambda f, t: re.sub(r"(?m)(rs4\tA\tC.*)\tGT.*", r"\1\tDS" + "\t1.5" * N, t).encode(),
        r"record 5 \(1:104\): no GT",
    ),
    "no record": (lambda f, t: t[: t.index("1\t100")].encode(), "has no record"),
    "no biallelic record": (lambda f, t: t.replace("\tA\tC\t", "\tA\tC,G\t").encode(), "has no biallelic record"),
    "another file": (lambda f, t: b"thesis\n" * 50, "cannot be read as VCF or BCF"),
    "empty": (lambda f, t: b"", "cannot be read as VCF or BCF"),
    "cut off blocks": (lambda f, t: bgzf(f, t)[:-28], "is cut off: its last block is missing"),
    "cut off gzip": (lambda f, t: gzip.compress(t.encode())[:-200], "cannot be read"),
    "cut off text": (lambda f, t: t[:-40].encode(), "cannot be read|columns"),
    "sample twice": (lambda f, t: t.replace("plant3\t", "plant2\t").encode(), "."),
    "triploid": (lambda f, t: t.replace("0/0", "0/0/0").replace("0|0", "0/0/1").encode(), "alleles in a call"),
    "diploid after haploid": (
        lambda f, t: re.sub(r"(?m)(1\t100\t.*GT)\t.*", r"\1" + "\t1" * N, t).encode(),
        "where the first record has 1",
    ),
    "sample without a phenotype": (
        lambda f, t: t.replace("plant3\t", "tree\t").encode(),
        "1 ids of .*: tree; 1 ids of .*: plant3",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_files_that_do_not_fit_are_refused(tmp_path, dosage, fault):
    damage, words = FAULTS[fault]
    content = text(diploid(dosage))
    given = options(tmp_path, content)
    (tmp_path / "a.vcf").write_bytes(damage(tmp_path, content))
    assert re.search(words, refusal(tmp_path, *given))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text, None),
        (lambda text: text.replace("PASS", "LowQual"), None),
        (lambda text: text.replace("/", "/x", 1), "record 1: cannot be read"),
        (lambda text: text.replace("\t100\t", "\there\t", 1), "record 1: cannot be read"),
    ],
)
def test_chromosomes_that_the_header_lacks(tmp_path, dosage, change, words):
    """Of such a one a malformed record would crash the library that reads it."""
    content = HEAD.replace("<ID=1>", "<ID=2>") + change(text(diploid(dosage)).removeprefix(HEAD))
    given = options(tmp_path, content)
    if words is not None:
        assert words in refusal(tmp_path, *given)
    else:
        np.testing.assert_allclose(genotypes(prepared(tmp_path, *given)), filled(dosage), atol=1e-3)
