import pytest
import torch

from gpattention.checkpoints import DurableCheckpointIO


def test_checkpoint_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    path = tmp_path / "last.ckpt"
    DurableCheckpointIO().save_checkpoint({"epoch": 1}, path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        DurableCheckpointIO().save_checkpoint({"epoch": 2}, path)
    assert DurableCheckpointIO().load_checkpoint(path) == {"epoch": 1}
    assert list(tmp_path.iterdir()) == [path]
