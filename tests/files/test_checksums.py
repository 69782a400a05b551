import shutil
import subprocess

import pytest

from gpattention.errors import InputError
from gpattention.files.checksums import list_checksums, refuse_changed


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "b.bin").write_bytes(bytes(range(256)))
    text = list_checksums(tmp_path, ("a.txt", "b.bin", "not_there"), {"late.json": "{}\n"})
    (tmp_path / "checksums.txt").write_text(text)
    (tmp_path / "late.json").write_text("{}\n")
    return tmp_path


def test_unchanged_files_pass_and_changed_ones_are_named(folder):
    refuse_changed(folder, "a.txt", "b.bin", "late.json")
    for name in ("a.txt", "b.bin", "late.json"):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(InputError, match=f"{name} is not what the run wrote"):
            refuse_changed(folder, "a.txt", "b.bin", "late.json")
        (folder / name).write_bytes(content)


def test_a_file_that_the_run_did_not_write_is_refused(folder):
    (folder / "new").touch()
    with pytest.raises(InputError, match="new is not what the run wrote"):
        refuse_changed(folder, "new")


def test_folder_without_checksums_is_not_checked(folder):
    (folder / "checksums.txt").unlink()
    refuse_changed(folder, "a.txt")


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum here")
def test_checksums_are_those_of_sha256sum(folder):
    subprocess.run(["sha256sum", "--check", "--strict", "checksums.txt"], cwd=folder, check=True, capture_output=True)
