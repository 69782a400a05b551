import shutil

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL

from gpattention.config import compose_config
from gpattention.errors import InputError
from gpattention.interpret.fitted_map import open_map
from gpattention.runs.run import run


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """A regression on a table in which one of five loci does not vary, with chromosomes in a file of loci."""
    folder = tmp_path_factory.mktemp("fitted_map")
    rng = np.random.default_rng(0)
    ids = pd.Index([f"line{i}" for i in range(80)], name="id")
    genotype = pd.DataFrame(rng.integers(0, 2, (80, 5)), index=ids, columns=list("vwxyz"))
    genotype["x"] = 1
    phenotype = pd.DataFrame({"A": genotype @ [1.0, 2, 0, -1, 3] + 0.1 * rng.standard_normal(80)}, index=ids)
    genotype.to_csv(folder / "geno.tsv", sep="\t")
    phenotype.to_csv(folder / "pheno.tsv", sep="\t")
    loci = pd.DataFrame({"name": list("zyxwv"), "chromosome": [3, 2, 2, 1, 1], "position_bp": [5, 4, 3, 2, 1]})
    loci.to_csv(folder / "loci.tsv", sep="\t", index=False)
    files = ["data.genotype_file=geno.tsv", "data.phenotype_file=pheno.tsv", "data.loci_file=loci.tsv"]
    run(compose_config(["data=table", "model=linear", "trainer=cpu", f"data.root={folder}", *files]), folder / "run")
    return folder


def test_backgrounds_are_test_individuals_with_their_loci(named):
    fitted = open_map(named / "run")
    predicted = pd.read_csv(named / "run" / "predictions_test.tsv", sep="\t").set_index("id")["predicted"]
    assert list(fitted.ids) == predicted.index.tolist()
    np.testing.assert_allclose(fitted.predict(fitted.genotype)[:, 0], predicted, rtol=1e-6)
    assert fitted.loci["locus"].tolist() == list("vwyz")
    assert fitted.loci["chromosome"].tolist() == [1, 1, 2, 3]
    few = open_map(named / "run", n_backgrounds=5, seed=1)
    assert len(few.ids) == 5
    assert set(few.ids) < set(fitted.ids)
    assert few.ids != open_map(named / "run", n_backgrounds=5, seed=2).ids


def test_moved_data_are_found_by_root_and_changed_data_are_refused(named, tmp_path):
    shutil.copytree(named, tmp_path / "before")
    config = tmp_path / "before" / "run" / "config.yaml"
    config.write_text(config.read_text().replace(str(named), str(tmp_path / "before")))
    (tmp_path / "before" / "run" / "checksums.txt").unlink()
    (tmp_path / "before" / "run").rename(tmp_path / "run")
    (tmp_path / "before").rename(tmp_path / "after")
    with pytest.raises(InputError, match=r"geno.tsv, the data.genotype_file of .*, is not there: give root=FOLDER"):
        open_map(tmp_path / "run")
    assert open_map(tmp_path / "run", root=str(tmp_path / "after")).ids == open_map(named / "run").ids
    pheno = tmp_path / "after" / "pheno.tsv"
    pheno.write_text(pheno.read_text().replace("line3\t", "line3\t1"))
    with pytest.raises(InputError, match=r"pheno.tsv is not the data.phenotype_file that .* \(its SHA-256 differs\)"):
        open_map(tmp_path / "run", root=str(tmp_path / "after"))


def test_backgrounds_from_a_file_need_no_data(named, tmp_path):
    shutil.copytree(named / "run", tmp_path / "run")
    table = pd.read_csv(named / "geno.tsv", sep="\t").set_index("id")[["z", "y", "w", "v"]].iloc[:7]
    table.to_csv(tmp_path / "new.tsv", sep="\t")
    fitted = open_map(tmp_path / "run", genotype_file=str(tmp_path / "new.tsv"), root="nowhere")
    assert fitted.ids == tuple(f"line{k}" for k in range(7))
    np.testing.assert_array_equal(fitted.genotype, 2 * table[["v", "w", "y", "z"]].to_numpy() - 1)
    assert fitted.data is None
    np.save(tmp_path / "new.npy", pd.read_csv(named / "geno.tsv", sep="\t").drop(columns="id").to_numpy())
    fitted = open_map(
        tmp_path / "run", genotype_file=str(tmp_path / "new.npy"), loci_file=str(named / "loci.tsv"), n_backgrounds=3
    )
    assert "chromosome" in fitted.loci
    np.save(tmp_path / "wide.npy", np.zeros((3, 9), np.int8))
    with pytest.raises(InputError, match="have 9 columns and the run was trained on 5"):
        open_map(tmp_path / "run", genotype_file=str(tmp_path / "wide.npy"))


def test_simulated_data_are_simulated_again_and_know_their_truth(tmp_path):
    run(compose_config([*SMALL, "model=linear"]), tmp_path / "run")
    fitted = open_map(tmp_path / "run")
    noiseless = fitted.data.data.truth.noiseless[fitted.data.split.test]
    np.testing.assert_allclose(fitted.truth(fitted.genotype), noiseless, rtol=1e-12)
    with pytest.raises(InputError, match="are simulated and lie in no folder; leave it out"):
        open_map(tmp_path / "run", root=".")
    config = tmp_path / "run" / "config.yaml"
    (tmp_path / "run" / "checksums.txt").unlink()
    config.write_text(config.read_text().replace("n_segregants: 400", "n_segregants: 500"))
    with pytest.raises(InputError, match="come out otherwise than when it was fitted"):
        open_map(tmp_path / "run")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda run: (run / "metrics.json").unlink(), "is not a complete run: it has no metrics.json"),
        (lambda run: (run / "identity.json").unlink(), "identity.json cannot be read"),
        (lambda run: (run / "splits.npz").write_bytes(b"PK"), "splits.npz is not what the run wrote"),
        (lambda run: (run / "best.ckpt").write_bytes(b"x"), "best.ckpt is not what the run wrote"),
    ],
)
def test_incomplete_run_folders_are_refused(named, spoil, words, tmp_path):
    shutil.copytree(named / "run", tmp_path / "run")
    spoil(tmp_path / "run")
    with pytest.raises(InputError, match=words):
        open_map(tmp_path / "run")


def test_bad_number_of_backgrounds(named):
    with pytest.raises(InputError, match="n_backgrounds=0: give a number from 1 on"):
        open_map(named / "run", n_backgrounds=0)
