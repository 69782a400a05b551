import os
import subprocess
import sys

import pandas as pd
import pytest
from conftest import ROOT, SMALL
from slurm_here import needs_slurm

from gpattention import checks
from gpattention.errors import InputError
from gpattention.sweeps import clusters

SECONDS = 240


def start(*arguments, folder):
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False
    )


@needs_slurm
@pytest.mark.slow
def test_sweep_on_slurm_and_again(tmp_path):
    command = [ROOT / "sweep.py", "sweep=quickstart", "folder=here", "launcher=slurm", *SMALL]
    settings = ["hydra.launcher.cpus_per_task=1", "hydra.launcher.timeout_min=3"]
    done = start(*command, *settings, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    results = pd.read_csv(tmp_path / "here" / "results.csv")
    assert results["block"].tolist() == ["linear", "pairwise", "attention", "transformer", "interactions"]
    again = start(*command, *settings, folder=tmp_path)
    assert "5 of 5 runs are finished already" in again.stdout
    assert again.returncode == 0


@needs_slurm
@pytest.mark.slow
def test_failing_run_on_slurm_is_told(tmp_path):
    command = [ROOT / "sweep.py", "sweep=quickstart", "folder=here", "launcher=slurm", *SMALL]
    done = start(*command, "hydra.launcher.cpus_per_task=1", "training.learning_rate=1e30", folder=tmp_path)
    assert done.returncode == 1
    assert "failed: attention-" in done.stdout
    assert "no longer finite" in done.stdout
    assert pd.read_csv(tmp_path / "here" / "results.csv")["block"].tolist() == ["linear", "pairwise", "interactions"]


@pytest.mark.slow
@pytest.mark.skipif(not checks.is_installed(clusters.PLUGINS["joblib"]), reason="hydra-joblib-launcher is not here")
def test_multirun_by_joblib(tmp_path):
    arguments = ["-m", "launcher=joblib", *SMALL, "model=linear,pairwise", f"hydra.sweep.dir={tmp_path}"]
    done = start(ROOT / "train.py", *arguments, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all((tmp_path / number / "metrics.json").is_file() for number in "01")


def test_no_cluster_is_told(monkeypatch):
    monkeypatch.setattr(clusters, "is_installed", lambda _: True)
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(
        InputError, match="sbatch is not on this machine: start the sweep on a login node, or take workers"
    ):
        clusters.check("slurm")


@pytest.mark.parametrize("launcher", ["slurm", "joblib"])
def test_package_that_is_not_installed_is_told(launcher, monkeypatch):
    monkeypatch.setattr(clusters, "is_installed", lambda _: False)
    with pytest.raises(InputError, match=rf"launcher={launcher} needs a package .* 'gpattention\[{launcher}\]'"):
        clusters.check(launcher)
