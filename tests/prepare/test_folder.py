"""A prepared data set is there whole or not at all."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from preparing import genotypes, prepared

from gpattention.errors import InputError
from gpattention.prepare.folder import new_folder


@pytest.fixture
def options(tmp_path):
    ids = pd.Index([f"s{i}" for i in range(20)], name="id")
    rng = np.random.default_rng(0)
    pd.DataFrame(rng.integers(0, 2, (20, 3)), index=ids).to_csv(tmp_path / "g.tsv", sep="\t")
    pd.DataFrame({"A": rng.random(20)}, index=ids).to_csv(tmp_path / "p.tsv", sep="\t")
    return ["prepare=table", "prepare.genotype_file=g.tsv", "prepare.phenotype_file=p.tsv"]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_data_set_is_replaced_only_when_asked_for(tmp_path, options):
    folder = prepared(tmp_path, *options)
    assert names(folder) == ["genotypes.npy", "loci.tsv", "manifest.json", "phenotypes.tsv"]
    first = genotypes(folder).copy()
    with pytest.raises(InputError, match="overwrite=true"):
        prepared(tmp_path, *options)
    (tmp_path / "g.tsv").write_text((tmp_path / "g.tsv").read_text().replace("\t0", "\t1").replace("\t1", "\t0", 1))
    (tmp_path / "p.tsv").write_text("id\tA\nnobody\t1\n")
    with pytest.raises(InputError, match="no id is in both"):
        prepared(tmp_path, *options, "overwrite=true")
    np.testing.assert_array_equal(genotypes(folder), first)
    assert names(tmp_path) == ["g.tsv", "p.tsv", "set"]


def test_other_folders_are_left_alone(tmp_path, options):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "thesis.txt").write_text("words")
    with pytest.raises(InputError, match="holds something else"):
        prepared(tmp_path, *options, "overwrite=true")
    assert (tmp_path / "set" / "thesis.txt").read_text() == "words"


@pytest.mark.parametrize("fault", [KeyboardInterrupt, ValueError])
def test_interrupted_attempt_leaves_nothing(tmp_path, fault):
    with pytest.raises(fault), new_folder(tmp_path / "set", False) as partial:
        (partial / "genotypes.npy").write_bytes(b"half")
        raise fault
    assert names(tmp_path) == []


def test_killed_attempt_is_begun_anew(tmp_path, options):
    """A process killed in the middle leaves a folder that no one takes for a data set, and the next attempt clears it."""
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom gpattention.prepare.folder import new_folder\n"
        "with new_folder(Path(sys.argv[1]), False) as partial:\n"
        "    (partial / 'manifest.json').write_text('{}')\n    print('ready', flush=True)\n    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "set")], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    with pytest.raises(InputError, match="another process is preparing"):
        prepared(tmp_path, *options)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not (tmp_path / "set").exists()
    assert len(genotypes(prepared(tmp_path, *options))) == 20
    assert names(tmp_path) == ["g.tsv", "p.tsv", "set"]


def test_replaced_data_set_comes_back_after_a_kill(tmp_path, options):
    folder = prepared(tmp_path, *options)
    folder.rename(tmp_path / "set.replaced")  # killed before the new one had its name
    with pytest.raises(InputError, match="overwrite=true"):
        prepared(tmp_path, *options)
    assert len(genotypes(folder)) == 20


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting a small disk needs root")
def test_full_disk_is_said_and_leaves_nothing(tmp_path, options):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        np.save(tmp_path / "g.npy", np.random.default_rng(0).random((20, 20000)).astype(np.float32))
        with pytest.raises(InputError, match=r"the disk of .* is full"):
            prepared(tmp_path, *options, "prepare.genotype_file=g.npy", f"folder={disk / 'set'}")
        assert names(disk) == []
    finally:
        time.sleep(0.1)
        subprocess.run(["umount", str(disk)], check=True)
