import json

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL
from preparing import prepared

from gpattention.config import compose_config
from gpattention.data.prepared import read_prepared
from gpattention.errors import InputError
from gpattention.runs.run import run

N, L = 400, 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data set of probabilities with standard errors; A is additive, B has noise alone."""
    folder = tmp_path_factory.mktemp("prepared")
    rng = np.random.default_rng(0)
    ids = pd.Index([f"s{i}" for i in range(N)], name="id")
    genotype = rng.beta(0.2, 0.2, (N, L)).round(4)
    phenotype = np.stack([genotype @ rng.standard_normal(L), rng.standard_normal(N)], axis=1)
    phenotype[::7, 0] = np.nan
    pd.DataFrame(genotype, index=ids, columns=[f"m{k}" for k in range(L)]).to_csv(folder / "g.tsv", sep="\t")
    pd.DataFrame(phenotype, index=ids, columns=["A", "B"]).to_csv(folder / "p.tsv", sep="\t")
    pd.DataFrame(0.1, index=ids, columns=["A", "B"]).to_csv(folder / "e.tsv", sep="\t")
    files = ["prepare.genotype_file=g.tsv", "prepare.phenotype_file=p.tsv", "prepare.standard_error_file=e.tsv"]
    return prepared(folder, "prepare=table", *files)


def test_data_set_is_what_was_prepared(folder):
    data = read_prepared(folder=str(folder))
    raw = pd.read_csv(folder.parent / "g.tsv", sep="\t", index_col=0)
    assert isinstance(data.genotype, np.memmap)
    assert data.genotype.dtype == np.float16
    np.testing.assert_allclose(data.genotype, 2 * raw - 1, atol=5e-4)
    phenotype = pd.read_csv(folder.parent / "p.tsv", sep="\t", index_col=0)
    np.testing.assert_array_equal(data.phenotype, phenotype)
    np.testing.assert_array_equal(data.standard_error, np.full((N, 2), 0.1))
    assert data.individual_ids == tuple(raw.index)
    assert data.locus_names == tuple(raw.columns)
    assert data.coding == "probability"


@pytest.mark.parametrize("model", ["linear", "pairwise", "attention"])
def test_run_from_it_is_the_run_from_its_tables(folder, tmp_path, model):
    common = [*SMALL[:1], f"model={model}", "trainer.max_epochs=2", "data.environments=[A]"]
    tables = [f"data.root={folder.parent}", "data.genotype_file=g.tsv", "data.phenotype_file=p.tsv"]
    scores = []
    for name, data in (("prepared", [f"data.folder={folder}"]), ("table", tables)):
        config = compose_config([*common, f"data={name}", *data])
        scores.append(run(config, tmp_path / name)["test/r2"])
    assert scores[0] == pytest.approx(scores[1], abs=2e-3)  # of half precision


@pytest.mark.parametrize(
    ("model", "max_correlation"),
    [
        (["model=linear"], "null"),
        (["model=kronecker"], "0.05"),
        (["model=transformer", "model.environment=joint"], "0.05"),
        (["model=multi_environment_attention"], "null"),
    ],
)
def test_run_from_a_file_is_the_run_from_memory(folder, tmp_path, model, max_correlation):
    common = ["data=prepared", f"data.folder={folder}", *model, "trainer=cpu", "trainer.max_epochs=2"]
    common += [f"data.max_correlation={max_correlation}"]
    metrics = {}
    for place in ("memory", "file"):
        config = compose_config([*common, f"data.genotypes_in={place}"])
        metrics[place] = run(config, tmp_path / place)
    assert metrics["file"]["n_loci"] == (8 if max_correlation == "null" else metrics["memory"]["n_loci"])
    assert metrics["memory"]["n_loci"] < 8 or max_correlation == "null"
    for name in ("test/r2", "val/r2", "test/mse"):
        assert metrics["file"][name] == metrics["memory"][name]


def test_identity_of_a_run_follows_the_manifest_and_not_the_place(folder, tmp_path):
    import shutil

    from gpattention.config import check_config
    from gpattention.run_folder.identity import identify

    def digest(place):
        return identify(check_config(compose_config(["data=prepared", f"data.folder={place}"]))).digest

    moved = tmp_path / "moved"
    shutil.copytree(folder, moved)
    assert digest(moved) == digest(folder)
    manifest = json.loads((moved / "manifest.json").read_text())
    (moved / "manifest.json").write_text(json.dumps(manifest | {"n_missing_genotypes": 3}))
    assert digest(moved) != digest(folder)


def test_causal_loci_of_the_data_set(folder, tmp_path):
    (tmp_path / "list.tsv").write_text("environment\tlocus\nA\tm5\nA\tm2\n")
    data = read_prepared(
        folder=str(folder), loci="causal", causal_loci_file=str(tmp_path / "list.tsv"), environments=["A"]
    )
    assert data.locus_names == ("m2", "m5")
    np.testing.assert_array_equal(data.genotype, read_prepared(folder=str(folder)).genotype[:, [2, 5]])
    with pytest.raises(InputError, match=r"no causal_loci.tsv: give data.causal_loci_file"):
        read_prepared(folder=str(folder), loci="causal")


def edit(path, change):
    path.write_text(change(path.read_text()))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "manifest.json").unlink(), "holds no prepared data set"),
        (lambda f: edit(f / "manifest.json", lambda text: text[:40]), "manifest.json cannot be read"),
        (lambda f: edit(f / "manifest.json", lambda text: text.replace('"format": 2', '"format": 9')), "format 9"),
        (lambda f: (f / "genotypes.npy").unlink(), "genotypes.npy cannot be read"),
        (lambda f: (f / "genotypes.npy").write_bytes((f / "genotypes.npy").read_bytes()[:500]), "cannot be read"),
        (lambda f: np.save(f / "genotypes.npy", np.zeros((3, 3))), "its manifest says float16"),
        (lambda f: edit(f / "phenotypes.tsv", lambda text: text.rsplit("\n", 2)[0] + "\n"), "ids are not in both"),
        (lambda f: edit(f / "loci.tsv", lambda text: text.rsplit("\n", 2)[0] + "\n"), "do not belong together"),
        (lambda f: (f / "phenotypes.tsv").unlink(), "phenotypes.tsv is not there"),
        (
            lambda f: edit(f / "phenotypes.tsv", lambda text: text[:-2] + str(9 - int(text[-2])) + "\n"),
            "phenotypes.tsv is not what was prep",
        ),
        (
            lambda f: np.save(f / "genotypes.npy", np.load(f / "genotypes.npy")[::-1]),
            "genotypes.npy is not what was prep",
        ),
        (
            lambda f: edit(f / "manifest.json", lambda text: text.replace('"loci.tsv": "', '"loci.tsv": "0')),
            "loci.tsv is n",
        ),
    ],
)
def test_damaged_data_sets_are_refused(folder, tmp_path, damage, words):
    import shutil

    shutil.copytree(folder, tmp_path / "set")
    damage(tmp_path / "set")
    with pytest.raises(InputError, match=words):
        read_prepared(folder=str(tmp_path / "set"))
