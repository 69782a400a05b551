import numpy as np
import pandas as pd
import pytest
from conftest import SHARED_DATA

from gpattention.data.causal_loci import select_causal_loci
from gpattention.data.formats import read_table
from gpattention.data.genotype_phenotype import GenotypePhenotypeData
from gpattention.errors import InputError

LIST = "environment\tsnp\teffect\nA\tm3\t1\nA\tm0\t2\nB\tm4\t1\nB\tm3\t1\nC\tm1\t1\n"


@pytest.fixture
def read(own_files, tmp_path):
    """The test data set, loci m0 to m4 and environments A and B, with a list of causal loci."""
    genotype_file, phenotype_file = own_files
    (tmp_path / "qtls.tsv").write_text(LIST)

    def read(**changes):
        files = {"genotype_file": str(genotype_file), "phenotype_file": str(phenotype_file)}
        return read_table(root=str(tmp_path), **files, **changes)

    return read


@pytest.mark.parametrize(
    ("environments", "names"), [(["A"], ("m0", "m3")), (["B"], ("m3", "m4")), (["A", "B"], ("m0", "m3", "m4"))]
)
def test_loci_of_the_environments_taken(read, environments, names):
    data = read(loci="causal", causal_loci_file="qtls.tsv", environments=environments)
    assert data.locus_names == names
    whole = read(environments=environments)
    np.testing.assert_array_equal(data.genotype, whole.genotype[:, [int(name[1]) for name in names]])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LIST.replace("A\tm0", "A\tm9"), "1 causal loci are not among those of the genotypes: m9"),
        (LIST.replace("A\t", "D\t"), "no causal locus for environment A: it has B, C, D"),
        (LIST.replace("environment", "condition"), "has a column environment"),
        (LIST.replace("snp", "marker"), "a column locus or snp"),
        (LIST + "A\n", "qtls.tsv, line 7: 1 columns where the header has 3"),
        ("", "qtls.tsv is empty"),
    ],
)
def test_lists_that_do_not_fit_are_refused(read, tmp_path, text, words):
    (tmp_path / "qtls.tsv").write_text(text)
    with pytest.raises(InputError, match=words):
        select_causal_loci(read(), tmp_path / "qtls.tsv")


def test_list_and_names_are_needed(read, tmp_path):
    with pytest.raises(InputError, match=r"needs data.causal_loci_file"):
        read(loci="causal")
    with pytest.raises(InputError, match="no names: give data.loci_file"):
        np.save(tmp_path / "g.npy", pd.DataFrame(np.eye(60, 5, dtype=int)))
        files = {"genotype_file": "g.npy", "phenotype_file": "pheno.csv"}
        read_table(root=str(tmp_path), **files, loci="causal", causal_loci_file="qtls.tsv")


@pytest.mark.skipif(not (SHARED_DATA / "bbq_li83").is_dir(), reason="bbq_li83 is not in ../shared/data")
def test_published_yeast_qtls_are_found_among_the_published_snps():
    """By name, where chromosome and position agree too, in each of the 18 environments."""
    folder = SHARED_DATA / "bbq_li83"
    snps = pd.read_csv(folder / "snp_list.tsv", sep="\t")
    qtls = pd.read_csv(folder / "qtls_18_environments.tsv", sep="\t")
    place = ["snp", "chromosome", "position_bp"]
    assert len(qtls[place].merge(snps[place])) == len(qtls) == 2599
    environments = tuple(qtls["environment"].unique())
    data = GenotypePhenotypeData(
        genotype=np.array([[-1], [1], [1]], dtype=np.int8).repeat(len(snps), axis=1),
        phenotype=np.arange(3.0)[:, None].repeat(len(environments), axis=1),
        individual_ids=("a", "b", "c"),
        environment_names=environments,
        coding="signed",
        locus_names=tuple(snps["snp"]),
    )
    assert len(environments) == 18
    chosen = select_causal_loci(data, folder / "qtls_18_environments.tsv")
    assert set(chosen.locus_names) == set(qtls["snp"])
