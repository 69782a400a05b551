import sys

import pandas as pd
import pytest
import yaml
from conftest import SMALL

from gpattention import sweep
from gpattention.config import check_config, compose_config, conf_folder
from gpattention.errors import InputError


@pytest.mark.parametrize("path", sorted((conf_folder() / "sweep").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_sweep_composes(path):
    content = yaml.safe_load(path.read_text())
    for block in content["blocks"]:
        for job in sweep.expand(block):
            assert check_config(compose_config([*content["common"], *job.overrides]))


def test_blocks_expand_to_products():
    block = ["model=attention", "seed=3", "model.embedding_dim=12,30", "data.epsilon=0,0.5"]
    assert sweep.expand(block) == [
        (
            f"attention,model.embedding_dim={d},data.epsilon={e}",
            [*block[:2], f"model.embedding_dim={d}", f"data.epsilon={e}"],
        )
        for d in (12, 30)
        for e in (0, 0.5)
    ]
    assert sweep.expand(["model=linear", "data.environments=[A,B]"])[0] == (
        "linear",
        ["model=linear", "data.environments=[A,B]"],
    )


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quickstart")
    return folder, sweep.run_sweep("quickstart", SMALL, folder)


def test_quickstart_leaves_a_table_a_figure_and_run_folders(quickstart):
    folder, _ = quickstart
    table = pd.read_csv(folder / "results.csv")
    assert table["model"].tolist() == ["linear", "pairwise", "attention", "transformer"]
    assert not table[["test/r2", "test/r2_ceiling", "n_parameters", "fit_seconds"]].isna().any(axis=None)
    assert (folder / "results.png").stat().st_size > 1000
    for model in table["model"]:
        assert (folder / model / "metrics.json").exists()


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
    with pytest.raises(InputError, match="model=linear: the sweep quickstart varies this itself"):
        sweep.run_sweep("quickstart", ["model=linear"], tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("blocks: [", "is no YAML"),
        ("", "give a valid dictionary"),
        ("title: t\nfolder: f\nblocks: [[model=linear]]", "common=None: give a valid list"),
        ("title: t\nfolder: f\ncommon: []\nblocks: [[seed=1]]", "a block has no model=NAME"),
        ("title: t\nfolder: f\ncommon: []\nblok: 1", "unknown key .*blok"),
        (
            "title: t\nfolder: f\ncommon: []\nblocks: [[model=linear], [model=linear, seed=1]]",
            "linear occurs more than once",
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
