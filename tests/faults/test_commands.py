"""Malformed files, configurations and checkpoints through the commands: one message, status 2, nothing left behind."""

import pickle
import resource
import shutil
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT, SMALL
from refusals import CURE

from gpattention.config import compose_config
from gpattention.runs.run import run

TRAIN, SWEEP = [str(ROOT / "train.py")], [str(ROOT / "sweep.py")]
GPATTENTION = ["-c", "from gpattention.cli import main; main()"]
SECONDS = 10 + 20  # of the processor, of which up to 20 load the program


class Planted:
    """What runs when a pickle of it is loaded."""

    def __reduce__(self):
        return open, ("planted", "w")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished run and two good tables, and beside each some that are not."""
    folder = tmp_path_factory.mktemp("commands")
    run(compose_config([*SMALL, "model=linear"]), folder / "run")
    for name in ("cut", "planted", "unread"):
        shutil.copytree(folder / "run", folder / name)
    checkpoint = folder / "cut" / "best.ckpt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    (folder / "planted" / "best.ckpt").write_bytes(pickle.dumps(Planted()))
    (folder / "planted" / "checksums.txt").unlink()
    (folder / "unread" / "metrics.json").write_text('{"test/r2":')
    ids = [f"line{i}" for i in range(40)]
    rng = np.random.default_rng(0)
    (folder / "geno.tsv").write_text(
        "id\ta\tb\n" + "".join(f"{name}\t{rng.integers(2)}\t{rng.integers(2)}\n" for name in ids)
    )
    (folder / "pheno.csv").write_text("id,A\n" + "".join(f"{name},{rng.standard_normal():.3f}\n" for name in ids))
    (folder / "ragged.tsv").write_text((folder / "geno.tsv").read_text() + "line40\t1\n")
    (folder / "words.csv").write_text((folder / "pheno.csv").read_text() + "line40,tall\n")
    np.save(folder / "objects.npy", np.array([Planted()], dtype=object), allow_pickle=True)
    (folder / "noise.vcf.gz").write_bytes(rng.bytes(1000))
    (folder / "short.bed").write_bytes(bytes([0x6C, 0x1B, 0x01, 0xFF]))
    (folder / "short.bim").write_text("1\ta\t0\t1\tA\tC\n1\tb\t0\t2\tA\tC\n")
    (folder / "short.fam").write_text("".join(f"0 {name} 0 0 0 -9\n" for name in ids))
    (folder / "mine.yaml").write_text("title: mine\nblocks: [\n")
    return folder


TABLE = [*TRAIN, "data=table", "data.environments=[A]"]


def seconds_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ([*TABLE, "data.genotype_file=ragged.tsv", "data.phenotype_file=pheno.csv"], "ragged.tsv"),
        ([*TABLE, "data.genotype_file=geno.tsv", "data.phenotype_file=words.csv"], "words.csv"),
        ([*TABLE, "data.genotype_file=objects.npy", "data.phenotype_file=pheno.csv"], "objects.npy"),
        ([*TRAIN, "model._target_=os.system"], "os.system"),
        ([*TRAIN, "data.val_fraction=-0.1"], "data.val_fraction"),
        ([*SWEEP, "sweep=mine.yaml"], "mine.yaml"),
        ([*GPATTENTION, "predict", "run=cut", "genotype_file=geno.tsv"], "cut/best.ckpt"),
        ([*GPATTENTION, "read", "run=planted"], "planted/best.ckpt"),
        ([*GPATTENTION, "report", "run=unread"], "unread/metrics.json"),
        ([*GPATTENTION, "prepare", "prepare=vcf", "prepare.vcf_file=noise.vcf.gz"], "noise.vcf.gz"),
        ([*GPATTENTION, "prepare", "prepare=plink", "prepare.bed_file=short.bed"], "short.bed"),
    ],
    ids=lambda value: None if isinstance(value, list) else value,
)
def test_malformed_input_is_refused(arguments, place, folder):
    if "prepare" in arguments:
        arguments = [*arguments, "prepare.phenotype_file=pheno.csv", "folder=set"]
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    start = seconds_of_children()
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=600)
    assert seconds_of_children() - start < SECONDS
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert place in done.stderr
    assert CURE.search(done.stderr), done.stderr
    assert "Traceback" not in done.stdout
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before
