"""New genotypes in the files that the run was prepared from."""

import numpy as np
import pandas as pd
import pytest
from bed_reader import to_bed
from conftest import SMALL
from preparing import prepared
from refusals import refused

from gpattention.config import compose_config
from gpattention.predict import predict
from gpattention.run import run

N, L = 300, 9
IDS = [f"line{i}" for i in range(N)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The same diploid calls, some missing, as cohort.bed and calls.vcf, and a run from each."""
    folder = tmp_path_factory.mktemp("raw")
    rng = np.random.default_rng(0)
    dosage = rng.binomial(2, 0.4, (N, L)).astype(float)
    height = dosage @ rng.standard_normal(L) + 0.1 * rng.standard_normal(N)
    dosage[rng.random((N, L)) < 0.05] = np.nan
    pd.DataFrame({"height": height}, index=pd.Index(IDS, name="id")).to_csv(folder / "p.csv")
    properties = {"iid": IDS, "sid": [f"rs{k}" for k in range(L)], "chromosome": ["1"] * L}
    to_bed(folder / "cohort.bed", dosage, properties=properties)
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


@pytest.mark.parametrize(("kind", "file"), [("plink", "cohort.bed"), ("vcf", "calls.vcf"), ("vcf", "cohort.bed")])
def test_predictions_are_those_of_the_run(folder, tmp_path, kind, file, caplog):
    caplog.set_level("INFO")
    output = tmp_path / "out.tsv"
    predict(run=str(folder / f"run_{kind}"), genotype_file=str(folder / file), output_file=str(output))
    given = pd.read_csv(output, sep="\t").set_index("id")["predicted"]
    known = pd.read_csv(folder / f"run_{kind}" / "predictions_test.tsv", sep="\t").set_index("id")["predicted"]
    np.testing.assert_allclose(given[known.index], known, rtol=1e-5)
    assert list(given.index) == IDS
    assert "missing genotypes take the mean of their locus in this file" in caplog.text


def test_haploid_run_and_diploid_file_are_refused(folder, tmp_path):
    run(compose_config([*SMALL, "model=linear"]), tmp_path / "run")
    arguments = {"genotype_file": str(folder / "cohort.bed"), "output_file": str(tmp_path / "out.tsv")}
    text = refused(lambda: predict(run=str(tmp_path / "run"), **arguments), "cohort.bed")
    assert "diploid calls and the run was fitted to genotypes coded as signed" in text
