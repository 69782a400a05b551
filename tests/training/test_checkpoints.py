import zipfile

import pytest
import torch

from gpattention.training.checkpoints import (
    DamagedCheckpoint,
    DurableCheckpointIO,
    newest_whole,
    previous,
    read_checkpoint,
)

CONTENT = {"epoch": 1, "state_dict": {"w": torch.arange(50.0)}}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "last.ckpt"
    DurableCheckpointIO().save_checkpoint(CONTENT, path)
    return path


def test_checkpoint_is_one_that_torch_reads_and_says_its_checksum(path):
    assert torch.load(path, weights_only=True)["epoch"] == 1
    assert zipfile.ZipFile(path).comment.startswith(b"sha256:")
    assert torch.equal(read_checkpoint(path)["state_dict"]["w"], torch.arange(50.0))


def test_checkpoint_that_cannot_be_written_leaves_the_one_before(path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        DurableCheckpointIO().save_checkpoint({"epoch": 2}, path)
    assert DurableCheckpointIO().load_checkpoint(path)["epoch"] == 1
    assert list(path.parent.iterdir()) == [path]


def test_any_changed_byte_is_noticed(path):
    content = path.read_bytes()
    for position in range(0, len(content), max(1, len(content) // 200)):
        path.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        with pytest.raises(DamagedCheckpoint, match="last.ckpt is cut off or changed"):
            read_checkpoint(path)


@pytest.mark.parametrize("length", [0, 1, 70, 500, -1])
def test_cut_off_checkpoint_is_named_and_the_one_before_used(path, caplog, length):
    DurableCheckpointIO().save_checkpoint({"epoch": 2}, path)
    path.write_bytes(path.read_bytes()[:length])
    assert newest_whole(path) == previous(path)
    assert read_checkpoint(previous(path))["epoch"] == 1
    assert f"{path} is cut off or changed" in caplog.text
    assert "the one before it is used" in caplog.text


def test_kill_between_the_two_renames_leaves_the_one_before(path):
    path.rename(previous(path))
    assert newest_whole(path) == previous(path)


def test_nothing_whole(path, caplog):
    path.write_bytes(b"")
    assert newest_whole(path) is None
    assert "is not used" not in caplog.text.replace("the one before it is used", "")


def test_pickled_code_is_not_read_though_its_checksum_is_right(tmp_path):
    class Hostile:
        def __reduce__(self):
            return (print, ("read",))

    path = tmp_path / "best.ckpt"
    DurableCheckpointIO().save_checkpoint({"x": Hostile()}, path)
    with pytest.raises(DamagedCheckpoint, match="best.ckpt is no checkpoint of this program"):
        read_checkpoint(path)
