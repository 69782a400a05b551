"""New genotypes in the files that the run was prepared from."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from bed_reader import open_bed, to_bed
from conftest import SMALL
from preparing import prepared
from refusals import refused

from gpattention.config import compose_config
from gpattention.run_folder.predict import predict
from gpattention.runs.run import run

N, L = 300, 9
IDS = [f"line{i}" for i in range(N)]
LETTERS = ("allele_1", "allele_2")
PROPERTIES = {
    "iid": IDS,
    "sid": [f"rs{k}" for k in range(L)],
    "chromosome": ["1"] * L,
    "allele_1": ["C"] * L,
    "allele_2": ["A"] * L,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The same diploid calls, some missing, as cohort.bed and calls.vcf, and a run from each."""
    folder = tmp_path_factory.mktemp("raw")
    rng = np.random.default_rng(0)
    dosage = rng.binomial(2, 0.4, (N, L)).astype(float)
    height = dosage @ rng.standard_normal(L) + 0.1 * rng.standard_normal(N)
    dosage[rng.random((N, L)) < 0.05] = np.nan
    pd.DataFrame({"height": height}, index=pd.Index(IDS, name="id")).to_csv(folder / "p.csv")
    to_bed(folder / "cohort.bed", dosage, properties=PROPERTIES)
    turned = PROPERTIES | {name: np.array(PROPERTIES[other]) for name, other in (LETTERS, LETTERS[::-1])}
    for name in LETTERS:
        turned[name][::2] = PROPERTIES[name][0]
    even = np.arange(L) % 2 == 0
    to_bed(folder / "turned.bed", np.where(even, dosage, 2 - dosage), properties=turned)
    cells = [["./." if np.isnan(x) else ("0/0", "0/1", "1/1")[int(x)] for x in column] for column in dosage.T]
    lines = [f"1\t{k + 1}\trs{k}\tA\tC\t.\tPASS\t.\tGT\t" + "\t".join(row) for k, row in enumerate(cells)]
    head = '##fileformat=VCFv4.2\n##contig=<ID=1>\n##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    names = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + "\t".join(IDS) + "\n"
    (folder / "calls.vcf").write_text(head + names + "\n".join(lines) + "\n")
    for kind, file in (("plink", "bed_file=cohort.bed"), ("vcf", "vcf_file=calls.vcf")):
        made = prepared(folder, f"prepare={kind}", f"prepare.{file}", "prepare.phenotype_file=p.csv")
        made.rename(folder / kind)
        config = ["data=prepared", f"data.folder={folder / kind}", "model=linear", SMALL[0]]
        run(compose_config(config), folder / f"run_{kind}")
    return folder


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("plink", "cohort.bed"),
        ("vcf", "calls.vcf"),
        ("vcf", "cohort.bed"),
        ("plink", "turned.bed"),
        ("vcf", "turned.bed"),
    ],
)
def test_predictions_are_those_of_the_run(folder, tmp_path, kind, file, caplog):
    caplog.set_level("INFO")
    output = tmp_path / "out.tsv"
    predict(run=str(folder / f"run_{kind}"), genotype_file=str(folder / file), output_file=str(output))
    given = pd.read_csv(output, sep="\t").set_index("id")["predicted"]
    known = pd.read_csv(folder / f"run_{kind}" / "predictions_test.tsv", sep="\t").set_index("id")["predicted"]
    np.testing.assert_allclose(given[known.index], known, rtol=1e-5)
    assert list(given.index) == IDS
    assert "missing genotypes take the mean of their locus in the run's data" in caplog.text
    assert ("counts the other allele at 4 loci: they are turned" in caplog.text) == ("turned" in file)


def test_haploid_run_and_diploid_file_are_refused(folder, tmp_path):
    run(compose_config([*SMALL, "model=linear"]), tmp_path / "run")
    arguments = {"genotype_file": str(folder / "cohort.bed"), "output_file": str(tmp_path / "out.tsv")}
    text = refused(lambda: predict(run=str(tmp_path / "run"), **arguments), "cohort.bed")
    assert "diploid calls and the run was fitted to genotypes coded as signed" in text


def predictions(run_folder, genotype_file, output_file, **more):
    arguments = {"run": run_folder, "genotype_file": genotype_file, "output_file": output_file} | more
    return pd.read_csv(predict(**{name: str(value) for name, value in arguments.items()}), sep="\t")


def test_arrays_are_turned_by_their_table_of_loci(folder, tmp_path):
    """The genotypes of a prepared data set, and the same with the other allele counted at three loci."""
    alleles = np.rint(np.load(folder / "plink" / "genotypes.npy")).astype(int)
    loci = pd.read_csv(folder / "plink" / "loci.tsv", sep="\t")
    loci.loc[:2, ["counted_allele", "other_allele"]] = ["A", "C"]
    loci.to_csv(tmp_path / "loci.tsv", sep="\t", index=False)
    np.save(tmp_path / "same.npy", alleles + 1)
    alleles[:, :3] *= -1
    np.save(tmp_path / "turned.npy", alleles + 1)
    run_folder, same = folder / "run_plink", folder / "plink" / "loci.tsv"
    pd.testing.assert_frame_equal(
        predictions(run_folder, tmp_path / "turned.npy", tmp_path / "a.tsv", loci_file=tmp_path / "loci.tsv"),
        predictions(run_folder, tmp_path / "same.npy", tmp_path / "b.tsv", loci_file=same),
    )


def test_other_letters_are_refused(folder, tmp_path):
    for name in ("bed", "fam"):
        (tmp_path / f"new.{name}").write_bytes((folder / f"cohort.{name}").read_bytes())
    (tmp_path / "new.bim").write_text((folder / "cohort.bim").read_text().replace("C", "G"))
    output = str(tmp_path / "out.tsv")
    arguments = {"genotype_file": str(tmp_path / "new.bed"), "output_file": output}
    text = refused(lambda: predict(run=str(folder / "run_plink"), **arguments), "locus rs0", "G and A", "C and A")
    assert "(9 of 9 loci differ)" in text


def test_predictions_do_not_depend_on_who_else_is_in_the_file(folder, tmp_path):
    """One individual alone, whose missing genotypes have no mean of their own."""
    with open_bed(folder / "cohort.bed") as bed:
        dosage = bed.read()
    row = int(np.isnan(dosage).sum(axis=1).argmax())
    to_bed(tmp_path / "one.bed", dosage[[row]], properties=PROPERTIES | {"iid": [IDS[row]]})
    alone = predictions(folder / "run_plink", tmp_path / "one.bed", tmp_path / "a.tsv")
    among = predictions(folder / "run_plink", folder / "cohort.bed", tmp_path / "b.tsv")
    pd.testing.assert_frame_equal(alone, among[among["id"] == IDS[row]].reset_index(drop=True))


def test_run_of_before_means_and_letters_were_kept(folder, tmp_path):
    """Its genotypes are taken as they are, and none may be missing."""
    shutil.copytree(folder / "run_plink", tmp_path / "run")
    path = tmp_path / "run" / "preprocessing.json"
    content = json.loads(path.read_text())
    assert content.pop("alleles") == [["C", "A"]] * L
    means = np.load(folder / "plink" / "genotypes.npy").mean(axis=0, dtype=float)
    np.testing.assert_allclose(content.pop("mean_allele"), means, rtol=1e-12)
    path.write_text(json.dumps(content))
    (tmp_path / "run" / "checksums.txt").unlink()
    with open_bed(folder / "cohort.bed") as bed:
        whole = np.nan_to_num(bed.read(), nan=1)
    to_bed(tmp_path / "whole.bed", whole, properties=PROPERTIES)
    pd.testing.assert_frame_equal(
        predictions(tmp_path / "run", tmp_path / "whole.bed", tmp_path / "a.tsv"),
        predictions(folder / "run_plink", tmp_path / "whole.bed", tmp_path / "b.tsv"),
    )
    call = lambda: predictions(tmp_path / "run", folder / "cohort.bed", tmp_path / "c.tsv")  # noqa: E731
    assert "does not know the means of its loci: fit it again, or impute them" in refused(call, "genotypes are missing")
