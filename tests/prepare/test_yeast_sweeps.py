"""The paper's figures of the yeast cross, from simulated raw files to the summary; small, and one epoch where they take thousands."""

import numpy as np
import pytest
from preparing import load_writer, prepared

from gpattention.sweeps.sweep import Options, run_sweep

ONE = "data.environments=[li]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    raw = tmp_path_factory.mktemp("raw")
    load_writer()(raw, 900, 150, 5, 10)
    lists = ["prepare.snp_file=snp_list.tsv", "prepare.causal_loci_file=qtls_18_environments.tsv"]
    return prepared(tmp_path_factory.mktemp("made"), "prepare=yeast_bbq", f"prepare.root={raw}", *lists)


SWEEPS = {
    "fig3": ([ONE], {"linear", "pairwise", "attention"}),
    "fig4b": (
        [ONE],
        {"linear", "pairwise", "attention", "attention token", "transformer joint"},
    ),
    "fig5c": (
        ["data.target_values=100", "data.target_seed=0"],
        {"linear alone", "pairwise alone", "kronecker linear", "attention token", "transformer joint"},
    ),
    "figA6": ([ONE], {"embedding", "one-hot"}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SWEEPS)
def test_figure_is_made_from_the_files(folder, tmp_path, name):
    overrides, blocks = SWEEPS[name]
    small = [f"data.folder={folder}", "trainer=cpu", "trainer.max_epochs=1", "logger=none"]
    results, failed = run_sweep(name, [*small, *overrides], tmp_path / name, Options(workers=1))
    assert failed == []
    assert set(results["block"]) == blocks
    assert np.isfinite(results["test/r2"]).all()
    assert {path.name for path in (tmp_path / name).glob("*.*")} >= {"results.csv", "summary.csv", "results.png"}
    causal = results[results["block"].str.startswith("pairwise")]
    assert (causal["n_loci"] <= 10).all()
    assert name != "fig3" or causal["test/r2"].min() > 0  # few segregants, and most of it is epistasis
