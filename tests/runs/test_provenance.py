"""What a run was made with."""

import re
import subprocess

import numpy as np
import pytest
import torch
from conftest import SMALL

from gpattention.config import check_config, compose_config
from gpattention.runs import provenance
from gpattention.runs.build import build_data, build_module
from gpattention.runs.provenance import commit, data_checksum, made_with
from gpattention.training.kinds import module_class


def built(*overrides):
    config = check_config(compose_config([*SMALL, "model=linear", *overrides]))
    kind = module_class(config["model"])
    data = build_data(config)
    return config, data, build_module(config, kind, data)


def test_commit_versions_seeds_device_and_data_are_recorded():
    record = made_with(*built("seed=3", "data.seed=4", "data.split_seed=5"))
    assert record["versions"]["torch"] == torch.__version__
    assert record["versions"].keys() >= {"python", "gpattention", "lightning", "hydra-core", "numpy"}
    assert record["seeds"] == {"seed": 3, "data.seed": 4, "data.split_seed": 5}
    assert record["device"].startswith("cpu")
    assert record["processes"] == 1
    assert re.fullmatch("[0-9a-f]{64}", record["data_sha256"])


def test_the_checksum_is_of_the_data_as_they_were_used():
    same, again = (data_checksum(built()[1]) for _ in range(2))
    assert same == again
    others = {data_checksum(built(text)[1]) for text in ("data.seed=9", "data.split_seed=9", "data.n_loci=5")}
    assert len(others | {same}) == 4
    _, data, _ = built()
    data.data.phenotype[0, 0] = np.nan
    assert data_checksum(data) != same


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository that holds a copy of the file that asks."""
    file = tmp_path / "runs" / "provenance.py"
    file.parent.mkdir()
    file.write_text("1\n")
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "one"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True)
    monkeypatch.setattr(provenance, "__file__", str(file))
    return file


def test_a_commit_is_marked_where_files_were_changed_since(checkout):
    clean = commit()
    assert re.fullmatch("[0-9a-f]{40}", clean)
    (checkout.parents[1] / "other.py").write_text("2\n")  # of another folder of the program
    assert commit() == clean + "+"


def test_an_installed_program_has_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "runs" / "provenance.py"))
    assert commit() is None
