"""Valid files with bytes changed at random: a reader gives a result or the project's own error, soon, and nothing else."""

import gzip
import io
import shutil
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from bed_reader import to_bed
from conftest import SMALL
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tiny_sweeps import make_sweep

from gpattention.config import compose_config
from gpattention.data.causal_loci import read_causal_loci
from gpattention.data.formats import read_covariates, read_genotypes, read_loci, read_table
from gpattention.data.prepared import read_prepared
from gpattention.data.splits import read_stored_split
from gpattention.errors import InputError
from gpattention.prepare.phenotypes import read_phenotypes
from gpattention.prepare.pipeline import prepare
from gpattention.prepare.plink import open_plink
from gpattention.prepare.table import open_table
from gpattention.prepare.vcf import open_vcf
from gpattention.prepare.yeast_bbq import open_yeast_bbq
from gpattention.prepare.yeast_split import open_yeast_split
from gpattention.report.of_run import read_record
from gpattention.report.of_sweep import name_runs
from gpattention.run_folder import files, loading
from gpattention.run_folder.predictions import read_predictions
from gpattention.runs.run import run
from gpattention.runs.verify import read_run
from gpattention.sweeps.sweep_file import read_sweep
from gpattention.sweeps.sweep_folder import DIFFERENCES, RESULTS, SUMMARY, read_sweep_folder, read_table_of
from gpattention.training.checkpoints import DamagedCheckpoint, read_checkpoint, sealed

SECONDS = 10
PLINK = ("bed", "bim", "fam")
TABLE = b"id\tA\tB\n" + b"".join(b"x%d\t%d\t%d\n" % (k, k % 2, k // 2 % 2) for k in range(12))
SET = ("genotypes.npy", "phenotypes.tsv", "loci.tsv", "manifest.json")
ERRORS = b"id\tA\tB\n" + b"".join(b"x%d\t1\t2\n" % k for k in range(12))
VCF = (
    b"##fileformat=VCFv4.2\n##contig=<ID=1>\n"
    b'##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tx0\tx1\tx2\n"
    + b"".join(b"1\t%d\trs%d\tA\tC\t.\tPASS\t.\tGT\t0/1\t1/1\t0/0\n" % (k + 1, k) for k in range(6))
)


def saved(save, **arrays):
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def numbers(folder):
    return {
        "genotypes.tsv": (TABLE, lambda path: read_genotypes(path, None)),
        "genotypes.csv": (TABLE.replace(b"\t", b","), lambda path: read_genotypes(path, None)),
        "genotypes.tsv.gz": (gzip.compress(TABLE), lambda path: read_genotypes(path, None)),
        "genotypes.npy": (saved(np.save, arr=np.eye(12, 5, dtype=np.int8)), lambda path: read_genotypes(path, None)),
        "phenotypes.tsv": (TABLE, lambda path: read_beside_good(path, "phenotype_file")),
        "errors.tsv": (ERRORS, lambda path: read_beside_good(path, "standard_error_file")),
        "split.tsv": (
            b"id\tsplit\nx0\ttrain\nx1\tval\nx2\ttest\n",
            lambda path: read_stored_split(str(path), "split"),
        ),
        "covariates.tsv": (
            b"environment\ttemperature\nA\t20\nB\t30\n",
            lambda path: read_covariates(path, ("A", "B"), None),
        ),
        "loci.tsv": (
            b"locus\tchromosome\tposition\nA\t1\t10\nB\t1\t20\n",
            lambda path: read_loci(path, None, read_genotypes(folder / "good.tsv", None)),
        ),
    }


def read_beside_good(path, key):
    """A phenotype or error table that goes with good files."""
    files = {"genotype_file": "good.tsv", "phenotype_file": "good.tsv", "standard_error_file": None} | {key: path.name}
    return read_table(root=str(path.parent), **files)


def of_run(folder):
    """Files of a finished run, each put into a copy of the folder, with checksums that say nothing."""
    place = folder / "run"
    (place / files.CHECKSUMS).unlink(missing_ok=True)
    load = lambda _: loading.load_run(place)  # noqa: E731
    reads = {
        files.CONFIG: load,
        files.PREPROCESSING: load,
        files.CHECKPOINT: load,
        files.METRICS: lambda _: files.read_metrics(place),
        files.IDENTITY: load,
        files.TRUTH: lambda _: files.read_arrays_of(place, files.TRUTH),
        files.SPLITS: lambda _: files.read_arrays_of(place, files.SPLITS),
        files.PREDICTIONS: lambda _: (read_predictions(place), read_run(place)),
        files.HISTORY: lambda _: read_record(place),
    }
    return {f"run/{name}": ((place / name).read_bytes(), read) for name, read in reads.items()}


def of_set(folder):
    """Files of a prepared data set."""
    read = lambda path: read_prepared(folder=str(path.parent))  # noqa: E731
    return {f"set/{name}": ((folder / "set" / name).read_bytes(), read) for name in SET}


def raw(folder):
    """Files that `gpattention prepare` reads."""

    def drain(opened):
        source = opened.genotypes
        for _ in source.blocks():
            pass
        return source.individual_ids(), source.loci()

    (folder / "traits.tsv").write_bytes(b"id\tA\nx0\t1\nx1\t2\nx2\t3\n")
    properties = {"iid": ["x0", "x1", "x2"], "sid": [f"rs{k}" for k in range(9)]}
    to_bed(folder / "good.bed", np.tile([0.0, 1.0, 2.0], (9, 1)).T, properties=properties)
    traits = {"root": str(folder), "phenotype_file": "traits.tsv", "standard_error_file": None, "environments": None}
    plink = partial(open_plink, bed_file="good.bed", bim_file=None, fam_file=None, **traits)
    vcf = partial(open_vcf, vcf_file="calls.vcf", field="GT", **traits)
    np.save(folder / "geno_test.npy", np.eye(3, 4))
    for part in ("train", "val"):
        np.save(folder / f"geno_{part}.npy", np.eye(3, 4))
    for part in ("train", "val", "test"):
        np.save(folder / f"pheno_{part}.npy", np.eye(3, 2) + 0.5)
    split = partial(open_yeast_split, root=str(folder), environments=["A", "B"])
    np.save(folder / "array.npy", np.eye(3, 4))
    (folder / "array.tsv").write_bytes(b"id\tm0\tm1\nx0\t0\t1\nx1\t1\tNA\nx2\t1\t0\n")
    table = partial(open_table, root=str(folder), phenotype_file="traits.tsv")
    segregants = np.arange(3)[:, None]
    np.save(folder / "merged_geno_data.npy", np.hstack([segregants, np.eye(3, 4)]))
    np.savetxt(folder / "geno_data_1.txt", np.hstack([segregants, np.eye(3, 4)]), "%d", delimiter="\t")
    (folder / "pheno_data_A.txt").write_bytes(b"Number\tFitness\tStd Error\n0\t1\t.1\n1\tnan\tnan\n2\t3\t.1\n")
    yeast = partial(open_yeast_bbq, root=str(folder), environments=["A"])
    merged, parts = partial(yeast, genotype_files=["merged_geno_data.npy"]), partial(yeast, n_parts=1)
    return {
        "calls.vcf": (VCF, lambda _: drain(vcf())),
        "geno_test.npy": ((folder / "geno_test.npy").read_bytes(), lambda _: drain(split())),
        "pheno_test.npy": ((folder / "pheno_test.npy").read_bytes(), lambda _: drain(split())),
        "array.npy": ((folder / "array.npy").read_bytes(), lambda _: drain(table(genotype_file="array.npy"))),
        "array.tsv": ((folder / "array.tsv").read_bytes(), lambda _: drain(table(genotype_file="array.tsv"))),
        "merged_geno_data.npy": ((folder / "merged_geno_data.npy").read_bytes(), lambda _: drain(merged())),
        "geno_data_1.txt": ((folder / "geno_data_1.txt").read_bytes(), lambda _: drain(parts())),
        "pheno_data_A.txt": ((folder / "pheno_data_A.txt").read_bytes(), lambda _: drain(parts())),
        "traits.txt": (
            b"FID IID A B\n0 x0 1 2\n0 x1 2 NA\n0 x2 3 1\n",
            lambda path: read_phenotypes(folder, path.name, None, None),
        ),
        "qtls.tsv": (b"environment\tlocus\teffect\nA\tm0\t1\nA\tm1\t2\n", read_causal_loci),
        **{f"good.{kind}": ((folder / f"good.{kind}").read_bytes(), lambda _: drain(plink())) for kind in PLINK},
    }


def of_sweep(folder):
    """Files of a finished sweep."""
    place = folder / "sweep"
    reads = {
        RESULTS: lambda _: name_runs(read_sweep_folder(place).results),
        SUMMARY: lambda _: read_table_of(read_sweep_folder(place), SUMMARY),
        DIFFERENCES: lambda _: read_table_of(read_sweep_folder(place), DIFFERENCES),
    }
    return {f"sweep/{name}": ((place / name).read_bytes(), read) for name, read in reads.items()}


def sweeps():
    """A sweep of one's own."""
    text = b"title: mine\nfolder: out\ncommon: [data.n_loci=6]\nblocks:\n  linear: [model=linear]\n  other: [model=pairwise]\n"
    return {"mine.yaml": (text, lambda path: read_sweep(str(path)))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("fuzz"))


def make_folder(folder):
    """A good table, a finished run, a prepared data set and a finished sweep."""
    make_sweep(folder / "sweep", {"linear": ["model=linear"], "pairwise": ["model=pairwise"]})
    (folder / "good.tsv").write_bytes(TABLE)
    small = ["model.embedding_dim=2", "model.n_layers=1", "model.n_heads=1", "trainer.max_epochs=1"]
    run(compose_config([*SMALL, "model=transformer", *small]), folder / "run")
    table = {"root": str(folder), "genotype_file": "good.tsv", "phenotype_file": "good.tsv"}
    prepare(prepare={"_target_": "gpattention.prepare.open_table", **table}, folder=str(folder / "set"))
    return folder


def files_in(folder):
    """The content of a good file and what reads it, by the file's name."""
    return {**numbers(folder), **of_run(folder), **of_set(folder), **of_sweep(folder), **raw(folder), **sweeps()}


def changed(content, position, kind, amount, byte):
    """The bytes of a file with one change."""
    at = int(position * len(content))
    until = min(len(content), at + amount)
    match kind:
        case "flip":
            return content[:at] + bytes(b ^ (byte or 1) for b in content[at:until]) + content[until:]
        case "write":
            return content[:at] + bytes([byte]) * (until - at) + content[until:]
        case "insert":
            return content[:at] + bytes([byte]) * amount + content[at:]
        case "cut":
            return content[:at] + content[until:]
        case "end":
            return content[:at]
        case "repeat":
            return content[:at] + content[at:until] * 20 + content[until:]
        case "swap":
            return content[until:] + content[at:until] + content[:at]


CHANGES = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.sampled_from(["flip", "write", "insert", "cut", "end", "repeat", "swap"]),
        st.sampled_from([1, 1, 2, 8, 64]),
        st.sampled_from([0, 1, 9, 10, 32, 34, 44, 45, 46, 48, 57, 101, 128, 255]),
    ),
    min_size=1,
    max_size=3,
)
NAMES = [
    *("genotypes.tsv", "genotypes.csv", "genotypes.tsv.gz", "genotypes.npy", "phenotypes.tsv", "errors.tsv"),
    *("split.tsv", "covariates.tsv", "loci.tsv", "calls.vcf", "good.bed", "good.bim", "good.fam"),
    *("run/config.yaml", "run/preprocessing.json", "run/best.ckpt", "run/metrics.json", "run/splits.npz"),
    *("run/predictions_test.tsv", "run/identity.json", "run/truth.npz", "mine.yaml", "traits.txt", "qtls.tsv"),
    *("geno_test.npy", "pheno_test.npy", *(f"set/{name}" for name in SET), "array.npy", "array.tsv"),
    *("run/metrics.csv", "sweep/results.csv", "sweep/summary.csv", "sweep/differences.csv"),
    *("merged_geno_data.npy", "geno_data_1.txt", "pheno_data_A.txt"),
]
N_IN_STRESS = 20_000 // len(NAMES) + 1


@pytest.mark.parametrize("n", [2_000 // len(NAMES) + 1, pytest.param(N_IN_STRESS, marks=pytest.mark.stress)])
@pytest.mark.parametrize("name", NAMES)
def test_readers_give_a_result_or_an_error_of_ours(name, n, folder, tmp_path):
    copy = tmp_path / "files"
    shutil.copytree(folder, copy)
    content, read = files_in(copy)[name]
    path = copy / name
    path.write_bytes(content)
    read(path)  # the file as it is

    @settings(
        max_examples=n,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(changes=CHANGES, reseal=st.booleans())
    def fuzz(changes, reseal):
        given_bytes = content
        for change in changes:
            given_bytes = changed(given_bytes, *change)
        if name.endswith(".ckpt") and reseal:  # as a stranger would, whose file has a checksum that fits
            given_bytes = with_seal(given_bytes)
        path.write_bytes(given_bytes)
        start = time.process_time()
        with suppress(InputError, DamagedCheckpoint):
            read(path)
        assert time.process_time() - start < SECONDS

    fuzz()


def with_seal(content):
    end = len(content) - len(b"sha256:") - 66
    return sealed(content[: max(0, end)] + b"\0\0")


def test_a_sealed_checkpoint_is_read(folder):
    path = Path(folder / "run" / files.CHECKPOINT)
    assert with_seal(path.read_bytes()) == path.read_bytes()
    read_checkpoint(path)
