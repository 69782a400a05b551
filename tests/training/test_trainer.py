import pytest
from lightning.pytorch.callbacks import ModelCheckpoint

from gpattention.errors import InputError
from gpattention.training.trainer import make_trainer, refuse_missing_devices


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"devices": 0}, "trainer.devices=0, trainer.num_nodes=1: give whole numbers from 1 on"),
        ({"max_epochs": 0}, "trainer.max_epochs=0"),
        ({"gradient_clip_val": 0.0}, "trainer.gradient_clip_val=0.0"),
        ({"precision": "16-mixed"}, "needs a GPU"),
    ],
)
def test_refusals(change, words):
    with pytest.raises(InputError, match=words):
        make_trainer(**({"accelerator": "cpu", "devices": 1, "max_epochs": 3} | change))


def test_settings_reach_the_trainer():
    trainer = make_trainer(accelerator="cpu", devices=1, max_epochs=3, gradient_clip_val=2.0, precision="bf16-mixed")
    assert (trainer.max_epochs, trainer.gradient_clip_val, trainer.precision) == (3, 2.0, "bf16-mixed")
    solved = make_trainer(
        accelerator="cpu", devices=1, max_epochs=3, gradient_clip_val=2.0, precision="bf16-mixed", by_gradients=False
    )
    assert (solved.gradient_clip_val, solved.precision) == (None, "32-true")


def test_nothing_is_written_where_no_folder_was_given(tmp_path):
    assert make_trainer(accelerator="cpu", devices=1, max_epochs=1).checkpoint_callbacks == []
    own = ModelCheckpoint(tmp_path)
    assert make_trainer(accelerator="cpu", devices=1, max_epochs=1, callbacks=[own]).checkpoint_callbacks == [own]


def test_more_gpus_than_there_are_are_refused(monkeypatch):
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    with pytest.raises(InputError, match=r"trainer.devices=4: this machine has 2 GPUs"):
        refuse_missing_devices("auto", 4, 1)
    refuse_missing_devices("cpu", 4, 1)
    refuse_missing_devices("gpu", 2, 1)
