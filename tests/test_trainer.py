import pytest

from gpattention.errors import InputError
from gpattention.trainer import make_trainer


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"devices": 2}, "trainer.devices=2: a run uses one device"),
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
