"""The commands as a person types them; each starts a process, so there are few."""

import subprocess
import sys

import pandas as pd
import pytest
from conftest import ROOT, SMALL

TRAIN, SWEEP = str(ROOT / "train.py"), str(ROOT / "sweep.py")
GPATTENTION = ["-c", "from gpattention.cli import main; main()"]


def command(arguments, folder):
    return subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=300)


def test_own_files_then_new_genotypes(own_files, tmp_path):
    genotype_file, phenotype_file = own_files
    arguments = [
        "data=table",
        f"data.genotype_file={genotype_file}",
        f"data.phenotype_file={phenotype_file}",
        "trainer.max_epochs=3",
    ]
    done = command([TRAIN, *arguments, "data.environments=[A]", "trainer=cpu", "hydra.run.dir=mine"], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "0/1 alleles (detected)" in done.stdout
    assert "test R2" in done.stdout
    done = command([*GPATTENTION, "predict", "run=mine", f"genotype_file={genotype_file}"], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(pd.read_csv(tmp_path / "predictions.tsv", sep="\t")) == 60
    before = {path.name: path.read_bytes() for path in (tmp_path / "mine").iterdir()}
    done = command([TRAIN, *arguments, "data.environments=[A]", "hydra.run.dir=mine"], tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert "overwrite=true" in done.stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "mine").iterdir()} == before


def test_multirun(tmp_path):
    arguments = [TRAIN, "-m", *SMALL, "model.embedding_dim=2,3", "model=attention", "hydra.sweep.dir=many"]
    done = command(arguments, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [(tmp_path / "many" / str(job) / "metrics.json").exists() for job in (0, 1)] == [True, True]


def test_refusal_within_a_multirun_leaves_the_other_jobs(tmp_path):
    done = command([TRAIN, "-m", *SMALL, "model=linear", "data.epsilon=0.5,7", "hydra.sweep.dir=many"], tmp_path)
    assert done.returncode == 2
    assert "data.epsilon is 7" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "many" / "0" / "metrics.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([TRAIN, "data.epsilonn=1"], "unknown key data.epsilonn: did you mean data.epsilon?"),
        ([TRAIN, "modle=linear"], "unknown key modle: did you mean model?"),
        ([TRAIN, "model=liner"], "unknown option model=liner: did you mean linear?"),
        ([TRAIN, "logger=null"], "as in logger=csv"),
        ([TRAIN, "hydra.run.dir=/proc/nowhere"], "/proc/nowhere"),
        ([*GPATTENTION, "predict", "run=x", "genotype_fil=g.npy"], "did you mean genotype_file"),
        ([*GPATTENTION, "predict", "run=x"], "genotype_file is not given"),
        ([TRAIN, "experiment=yeast_lithium", "data.root=nowhere"], "nowhere/bbq_li83"),
        ([SWEEP, "sweep=quickstrat"], "did you mean quickstart?"),
        ([*GPATTENTION, "predict", "run=nowhere", "genotype_file=g.npy"], "nowhere is not a folder"),
        ([*GPATTENTION, "parameters", "n_loci=0"], "n_loci=0: give a whole number from 1 on"),
        ([*GPATTENTION, "prepare", "folder=set"], "prepare.phenotype_file is not given"),
        ([*GPATTENTION, "prepare", "prepare=plink", "folder=set", "prepare.bed=x"], "prepare has bed_file, bim_file"),
        ([*GPATTENTION, "figure", "name=3", "sweep=nowhere"], "nowhere is not a folder"),
        ([*GPATTENTION, "report", "sweep=nowhere"], "nowhere is not a folder"),
        ([*GPATTENTION, "prodict"], "unknown command prodict"),
    ],
)
def test_bad_commands_end_in_one_message_and_status_2(arguments, words, tmp_path):
    done = command(arguments, tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stdout
    assert list(tmp_path.rglob("*-*-*/*")) == []


@pytest.mark.parametrize(
    "arguments", [[TRAIN, "--help"], [*GPATTENTION, "predict", "--help"], [*GPATTENTION, "--help"]]
)
def test_help(arguments, tmp_path):
    done = command(arguments, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage" in done.stdout or "gpattention train" in done.stdout


COMMANDS = ("prepare", "predict", "read", "verify", "compare", "figure", "report", "parameters", "train", "sweep")
HEAVY = {"torch", "lightning", "pandas", "matplotlib", "numpy", "hydra"}


@pytest.mark.parametrize("words", [[], ["--help"], *([name, "--help"] for name in COMMANDS)], ids=" ".join)
def test_help_is_there_at_once_and_needs_nothing_heavy(words, tmp_path):
    code = (
        f"import sys; sys.argv = ['gpattention', *{words}]; from gpattention.cli import main; main(); "
        f"loaded = {HEAVY} & {{*sys.modules}}; assert not loaded, loaded"
    )
    done = command(["-c", code], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "gpattention" in done.stdout or "python " in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 150
    assert "${" not in done.stdout
    assert not list(tmp_path.iterdir())


def test_import_of_the_package_loads_nothing_heavy(tmp_path):
    code = f"import sys, gpattention; loaded = {HEAVY} & {{*sys.modules}}; assert not loaded, loaded"
    done = command(["-c", code], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
