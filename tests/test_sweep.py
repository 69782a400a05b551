import sys

import pandas as pd
import pytest
from conftest import SMALL

from gpattention import sweep
from gpattention.blocks import Sweep
from gpattention.config import check_config, compose_config, conf_folder
from gpattention.errors import InputError


@pytest.mark.parametrize("path", sorted((conf_folder() / "sweep").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_sweep_composes(path):
    own = ["data.genotype_file=g.tsv", "data.phenotype_file=p.tsv", "data.target_environment=A"]
    content = sweep.read_sweep(path.stem)
    blocks = sweep.merge(content, own if path.stem == "transfer_table" else [])
    for label, block in blocks.items():
        for job in sweep.expand(label, block):
            assert check_config(compose_config(job.overrides))


def test_blocks_expand_to_products():
    block = ["model=attention", "seed=3", "model.embedding_dim=12,30", "data.epsilon=0,0.5"]
    assert sweep.expand("my attention", block) == [
        (
            "my attention",
            f"my_attention,model.embedding_dim={d},data.epsilon={e}",
            [*block[:2], f"model.embedding_dim={d}", f"data.epsilon={e}"],
        )
        for d in (12, 30)
        for e in (0, 0.5)
    ]
    assert sweep.expand("linear", ["model=linear", "data.environments=[A,B]"])[0] == (
        "linear",
        "linear",
        ["model=linear", "data.environments=[A,B]"],
    )


SWEEP = Sweep(
    title="t",
    folder="f",
    common=["data=simulated", "seed=0,1", "trainer.max_epochs=3"],
    blocks={"one": ["model=linear", "seed=5"], "two": ["model=attention", "model.embedding_dim=3,4"]},
)


@pytest.mark.parametrize(
    ("given", "one", "two"),
    [
        ([], ["seed=5", "trainer.max_epochs=3"], ["seed=0,1", "trainer.max_epochs=3", "model.embedding_dim=3,4"]),
        (
            ["seed=7,8"],
            ["seed=5", "trainer.max_epochs=3"],
            ["seed=7,8", "trainer.max_epochs=3", "model.embedding_dim=3,4"],
        ),
        (
            ["trainer.max_epochs=9", "data.seed=2", "model.embedding_dim=6"],
            ["seed=5", "trainer.max_epochs=9", "data.seed=2"],
            ["seed=0,1", "trainer.max_epochs=9", "model.embedding_dim=6", "data.seed=2"],
        ),
    ],
)
def test_command_line_goes_before_the_block_and_the_block_before_what_is_common(given, one, two):
    merged = sweep.merge(SWEEP, given)
    assert set(merged["one"]) == {"data=simulated", "model=linear", *one}
    assert set(merged["two"]) == {"data=simulated", "model=attention", *two}


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quickstart")
    return folder, sweep.run_sweep("quickstart", SMALL, folder)


def test_quickstart_leaves_a_table_a_figure_and_run_folders(quickstart):
    folder, _ = quickstart
    table = pd.read_csv(folder / "results.csv")
    assert table["block"].tolist() == ["linear", "pairwise", "attention", "transformer"]
    assert not table[["test/r2", "test/r2_ceiling", "n_parameters", "fit_seconds"]].isna().any(axis=None)
    assert (folder / "results.png").stat().st_size > 1000
    for block in table["block"]:
        assert (folder / block / "metrics.json").exists()
    assert pd.read_csv(folder / "summary.csv")["run"].tolist() == table["block"].tolist()


def test_finished_runs_are_not_repeated(quickstart, monkeypatch):
    folder, first = quickstart
    monkeypatch.setattr(sweep, "run", lambda *_: pytest.fail("a finished run was repeated"))
    again = sweep.run_sweep("quickstart", SMALL, folder)
    pd.testing.assert_frame_equal(first, again)


def test_finished_run_with_another_configuration_is_refused(quickstart):
    folder, _ = quickstart
    with pytest.raises(InputError, match="another configuration: set overwrite=true"):
        sweep.run_sweep("quickstart", [*SMALL, "data.epsilon=1"], folder)


def test_bad_override_is_refused_before_any_run(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "run", lambda *_: pytest.fail("a run was started"))
    with pytest.raises(InputError, match="data.epsilon=high"):
        sweep.run_sweep("quickstart", ["data.epsilon=high"], tmp_path)


def test_override_of_what_varies_is_refused(tmp_path):
    with pytest.raises(InputError, match="model=linear: the models are those of the sweep"):
        sweep.run_sweep("quickstart", ["model=linear"], tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("blocks: [", "is no YAML"),
        ("", "give a valid dictionary"),
        ("title: t\nfolder: f\nblocks: {a: [model=linear]}", "common=None: give a valid list"),
        ("title: t\nfolder: f\ncommon: []\nblocks: {a: [seed=1, 2]}", "blocks=.*: give a valid string"),
        ("title: t\nfolder: f\ncommon: []\nblok: 1", "unknown key .*blok"),
        (
            "title: t\nfolder: f\ncommon: []\nblocks: {a: [model=linear]}\nanalysis: transfr",
            "analysis=transfr: did you mean transfer",
        ),
        (
            "title: t\nfolder: f\ncommon: []\nblocks: {one: [model=linear]}\naverages: {b: [one, two]}",
            "averages.b: no block is called two: the sweep has one",
        ),
        (
            "title: t\nfolder: f\ncommon: []\nblocks: {a b: [model=linear], a_b: [model=pairwise]}",
            "a_b occurs more than once",
        ),
    ],
)
def test_bad_sweep_files_are_refused(text, words, tmp_path, monkeypatch):
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "mine.yaml").write_text(text)
    monkeypatch.setattr(sweep, "conf_folder", lambda: tmp_path)
    with pytest.raises(InputError, match=words):
        sweep.run_sweep("mine", [], tmp_path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["sweep=quickstrt"], "unknown sweep quickstrt: did you mean quickstart"), (["folder=x"], "no sweep is named")],
)
def test_command_line_refusals(arguments, words, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["sweep.py", *arguments])
    with pytest.raises(InputError, match=words):
        sweep.main()


def test_help_names_the_sweeps(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sweep.py", "--help"])
    sweep.main()
    assert "quickstart" in capsys.readouterr().out


TINY = ["data.n_segregants=500", "data.n_loci=5", "trainer.max_epochs=1", "data.batch_size=32", "logger=none"]


def test_transfer_curve_and_fine_tuning_from_the_sweeps_own_run(tmp_path):
    sweep.run_sweep("transfer_simulated", [*TINY, "data.target_values=10,80", "data.target_seed=0,1"], tmp_path)
    summary = pd.read_csv(tmp_path / "summary.csv").set_index(["block", "n_train_target"])
    blocks = sweep.read_sweep("transfer_simulated").blocks
    assert set(summary.index.get_level_values("block")) == set(blocks)
    assert (summary["n_runs"].drop("transformer others only", level="block") == 2).all()
    assert summary.loc[("linear alone", 80), "n_val_target"] == 14
    runs = pd.read_csv(tmp_path / "results.csv")
    one = runs[(runs["block"] == "linear alone") & (runs["n_train_target"] == 10)]
    assert summary.loc[("linear alone", 10), "r2"] == pytest.approx(one["test/r2_target"].mean(), rel=1e-4)
    assert summary["r2"].notna().all()


def test_unseen_environment_is_compared_with_what_the_others_say(tmp_path):
    sweep.run_sweep("unseen_temperature", [*TINY, "seed=0", "data.target_environment=29C"], tmp_path)
    summary = pd.read_csv(tmp_path / "summary.csv")
    assert len(summary) == 4 * len(sweep.read_sweep("unseen_temperature").blocks)
    assert set(summary["target"]) == {"29C"}
    assert summary["squared_correlation"].between(0, 1).all()


@pytest.mark.parametrize(
    ("name", "overrides", "words"),
    [
        ("byxrm_46", ["seed=7"], "seed=7: the blocks joint 0 and joint 1 become the same"),
        (
            "transfer_simulated",
            ["data.split_seed=0,1"],
            "starts from transformer_others_only, which is no run of this sweep",
        ),
    ],
)
def test_overrides_that_break_a_sweep_are_refused_before_any_run(name, overrides, words, tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "run", lambda *_: pytest.fail("a run was started"))
    with pytest.raises(InputError, match=words):
        sweep.run_sweep(name, overrides, tmp_path)
