import re
from pathlib import Path

import pytest
from conftest import ROOT

from gpattention.config import check_config, compose_config, explain
from gpattention.errors import InputError
from gpattention.hydra_targets import conf_folder, options
from gpattention.output.help import command_help

FILES = ["data.genotype_file=g.npy", "data.phenotype_file=p.tsv"]


def test_checkout_uses_its_own_files():
    assert conf_folder() == ROOT / "conf"


@pytest.mark.parametrize("model", options("model"))
@pytest.mark.parametrize("profile", options("profile"))
def test_every_model_composes_with_every_profile(model, profile):
    config = check_config(compose_config([f"model={model}", f"profile={profile}"]))
    assert config["trainer"]["max_epochs"] == (200 if profile in ("notebook", "paper") else "auto")


@pytest.mark.parametrize(
    ("group", "option"),
    [(g, o) for g in ("trainer", "callbacks", "logger", "experiment") for o in options(g)],
)
def test_every_option_composes(group, option):
    needed = [*FILES, "data.target_environment=A"] if option == "transfer_table" else []
    assert check_config(compose_config([f"{group}={option}", *needed]))


@pytest.mark.parametrize(
    "data",
    [[f"data={name}", *{"table": FILES, "prepared": ["data.folder=set"]}.get(name, [])] for name in options("data")],
)
def test_every_data_set_composes(data):
    assert check_config(compose_config(data))


def test_default_profiles():
    chosen = {model: compose_config([f"model={model}"]).profile.schedule for model in ("attention", "transformer")}
    assert chosen == {"attention": "constant", "transformer": "one_cycle"}


def test_experiment_sets_epochs_for_a_cpu_and_an_override_wins():
    epochs = {
        model: compose_config(["experiment=yeast_lithium", f"model={model}"]).trainer.max_epochs
        for model in ("attention", "transformer")
    }
    assert epochs["attention"] == 12
    assert epochs["transformer"] == "auto"
    assert compose_config(["experiment=yeast_lithium", "trainer.max_epochs=200"]).trainer.max_epochs == 200


def test_environment_names_may_look_like_numbers():
    config = check_config(compose_config(["data=table", *FILES, "data.environments=[37,4NQO]"]))
    assert config["data"]["environments"] == ["37", "4NQO"]


def test_message_of_a_bad_override_names_near_misses():
    with pytest.raises(Exception, match="Could not override") as caught:
        compose_config(["data.epsilonn=1"])
    assert explain(caught.value) == "unknown key data.epsilonn: did you mean data.epsilon?"


def test_key_of_another_option_is_told_apart_from_a_misspelt_one():
    with pytest.raises(Exception, match="Could not override") as caught:
        compose_config(["model=linear", "model.embedding_dim=4"])
    assert explain(caught.value) == "model.embedding_dim is no key of the model chosen: leave it out, or choose another"


def test_help_names_every_option():
    text = command_help("config")
    for group in ("data", "model", "profile", "trainer", "callbacks", "logger", "launcher", "experiment"):
        for option in options(group):
            assert re.search(rf"^    {option} +[^ ].+", text, re.MULTILINE), f"{group}={option} is not in the help"


def test_help_of_prepare_names_every_kind_of_file():
    text = (conf_folder() / "prepare.yaml").read_text()
    for option in options("prepare"):
        assert option == "phenotypes" or f"  {option} " in text


def test_experiment_file_with_an_unknown_key_is_refused(tmp_path, monkeypatch):
    import shutil

    import gpattention.config as config

    shutil.copytree(conf_folder(), tmp_path / "conf")
    (tmp_path / "conf" / "experiment" / "mine.yaml").write_text("# @package _global_\ndata: {epsilom: 0.1}\n")
    (tmp_path / "conf" / "experiment" / "yours.yaml").write_text("# @package _global_\nmax_epochs: 3\n")
    monkeypatch.setattr(config, "conf_folder", lambda: Path(tmp_path / "conf"))
    with pytest.raises(InputError, match=r"unknown key data.epsilom: did you mean data.epsilon"):
        check_config(compose_config(["experiment=mine"]))
    with pytest.raises(InputError, match=r"unknown key max_epochs"):
        check_config(compose_config(["experiment=yours"]))
