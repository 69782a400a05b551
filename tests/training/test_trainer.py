import numpy as np
import pandas as pd
import pytest
import torch
from conftest import SMALL
from lightning.pytorch.callbacks import ModelCheckpoint

from gpattention.config import compose_config
from gpattention.errors import InputError
from gpattention.runs.run import run
from gpattention.training.checkpoints import read_checkpoint
from gpattention.training.trainer import Flags, make_trainer, refuse_missing_devices


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


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fast_dev_run": -1}, "trainer.fast_dev_run=-1: give a whole number from 0 on"),
        ({"accumulate_grad_batches": 0}, "trainer.accumulate_grad_batches=0: give a whole number from 1 on"),
        (
            {"limit_train_batches": 0},
            "trainer.limit_train_batches=0: give a whole number from 1 on, or a share up to 1.0",
        ),
        ({"limit_val_batches": 1.5}, "trainer.limit_val_batches=1.5: give a whole number"),
        ({"max_steps": 0}, "trainer.max_steps=0: give a whole number from 1 on, or -1"),
        ({"max_time": "12 min"}, "trainer.max_time=12 min: give days, hours, minutes and seconds, as in 00:12:00:00"),
    ],
)
def test_flags_out_of_range_are_refused(change, words):
    with pytest.raises(InputError, match=words):
        make_trainer(accelerator="cpu", devices=1, max_epochs=1, flags=Flags(**change))


def test_flags_reach_the_trainer_of_a_map_trained_by_gradients_alone(tmp_path):
    flags = Flags(accumulate_grad_batches=3, limit_train_batches=5, gradient_clip_algorithm="value", profiler="simple")
    common = {"accelerator": "cpu", "devices": 1, "max_epochs": 3, "flags": flags, "folder": tmp_path}
    trainer, solved = make_trainer(**common), make_trainer(**common, by_gradients=False)
    assert (trainer.accumulate_grad_batches, trainer.limit_train_batches) == (3, 5)
    assert trainer.gradient_clip_algorithm == "value"
    assert (solved.accumulate_grad_batches, solved.limit_train_batches) == (1, 1.0)
    assert trainer.profiler.dirpath == solved.profiler.dirpath == tmp_path
    assert make_trainer(**common | {"flags": Flags(fast_dev_run=2)}).max_epochs == 1


SMALL_NETWORK = [*SMALL, "model=transformer_linear", "model.n_layers=1", "model.embedding_dim=3", "model.n_heads=1"]


def weights(folder):
    return read_checkpoint(folder / "best.ckpt")["state_dict"]


def test_gradients_of_two_batches_make_the_step_of_one_twice_as_large(tmp_path):
    common = [*SMALL_NETWORK, "training.optimizer={_target_:torch.optim.SGD}", "training.schedule=constant"]
    common += ["trainer.max_epochs=1", "training.learning_rate=0.1"]
    run(compose_config([*common, "data.batch_size=64", "trainer.limit_train_batches=4"]), tmp_path / "one")
    run(
        compose_config(
            [*common, "data.batch_size=32", "trainer.accumulate_grad_batches=2", "trainer.limit_train_batches=8"]
        ),
        tmp_path / "two",
    )
    wanted = weights(tmp_path / "one")
    for name, values in weights(tmp_path / "two").items():
        torch.testing.assert_close(values, wanted[name], rtol=1e-5, atol=1e-6)


def test_an_epoch_of_some_batches_is_resumed_as_it_would_have_gone_on(tmp_path):
    overrides = [
        *SMALL_NETWORK,
        "trainer.limit_train_batches=2",
        "data.batch_size=32",
        "trainer.max_epochs=4",
        "resume=auto",
    ]
    run(compose_config(overrides), tmp_path / "unbroken")

    class Stopped(Exception):
        pass

    def on_third(epoch, *_):
        if epoch == 3:
            raise Stopped

    with pytest.raises(Stopped):
        run(compose_config(overrides), tmp_path / "resumed", on_third)
    metrics = run(compose_config(overrides), tmp_path / "resumed")
    assert metrics["n_epochs"] == 4
    history, wanted = (pd.read_csv(tmp_path / name / "metrics.csv") for name in ("resumed", "unbroken"))
    np.testing.assert_array_equal(history["train/loss"], wanted["train/loss"])
    np.testing.assert_array_equal(history["val/r2"], wanted["val/r2"])


def test_scores_are_of_all_individuals_whatever_the_fit_made_do_with(tmp_path):
    metrics = run(compose_config([*SMALL_NETWORK, "trainer.fast_dev_run=1", "trainer.profiler=simple"]), tmp_path)
    assert metrics["n_epochs"] == 1
    test = pd.read_csv(tmp_path / "predictions_test.tsv", sep="\t")
    assert len(test) == metrics["n_test"] == 60
    r2 = (
        1
        - ((test["measured"] - test["predicted"]) ** 2).sum()
        / ((test["measured"] - test["measured"].mean()) ** 2).sum()
    )
    assert metrics["test/r2"] == pytest.approx(r2, abs=1e-5)
    assert "optimizer_step" in (tmp_path / "fit-profile.txt").read_text()
