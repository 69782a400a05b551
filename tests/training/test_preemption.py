import json
import os
import signal

import lightning as L
import pandas as pd
import pytest
from conftest import SMALL

from gpattention.config import compose_config
from gpattention.errors import InputError, Preempted
from gpattention.run_folder.files import LAST, METRICS, PREDICTIONS
from gpattention.run_folder.loading import load_run
from gpattention.runs.folder import SET_ASIDE
from gpattention.runs.run import run
from gpattention.training.callbacks import EpochHistory

RUN = [*SMALL, "data.batch_size=64", "trainer.max_epochs=4", "model=transformer", "model.dropout=0.2"]
CHANGING = {"fit_seconds", "segregants_per_second", "peak_memory_mib", "made_with"}


def config(*overrides):
    return compose_config([*RUN, *overrides])


def terminate_at(monkeypatch, hook, epoch, batch=None):
    """SIGTERM comes at one moment of the training."""

    def hooked(self, trainer, module, *batch_and_index):
        if trainer.state.fn == "fit" and trainer.current_epoch == epoch and batch in (None, *batch_and_index[1:]):
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(EpochHistory, hook, hooked)


# 289 training individuals make 4 full batches.
@pytest.mark.parametrize(
    ("hook", "epoch", "batch", "place"),
    [
        ("on_train_batch_start", 0, 2, "batch 3 of epoch 1"),
        ("on_train_batch_start", 2, 0, "batch 1 of epoch 3"),
        ("on_train_batch_start", 2, 2, "batch 3 of epoch 3"),
        ("on_train_batch_start", 1, 3, "epoch 2"),  # the last batch: validation first
        ("on_validation_epoch_start", 1, None, "epoch 2"),
    ],
)
def test_terminated_run_goes_on_as_if_nothing_had_been(tmp_path, hook, epoch, batch, place):
    wanted = run(config(), tmp_path / "undisturbed")
    before = signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patched:
        terminate_at(patched, hook, epoch, batch)
        with pytest.raises(Preempted, match=f"stopped by SIGTERM after {place}; .*resume=auto") as stopped:
            run(config(), tmp_path / "stopped")
    assert stopped.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before
    assert (tmp_path / "stopped" / LAST).is_file()
    assert not (tmp_path / "stopped" / METRICS).exists()
    given = run(config("resume=auto"), tmp_path / "stopped")
    for name in wanted.keys() - CHANGING:
        assert given[name] == pytest.approx(wanted[name], abs=1e-6), name
    tables = [pd.read_csv(tmp_path / name / PREDICTIONS, sep="\t") for name in ("undisturbed", "stopped")]
    pd.testing.assert_frame_equal(*tables, rtol=1e-6)
    history = [
        pd.read_csv(tmp_path / name / "metrics.csv").drop(columns="seconds") for name in ("undisturbed", "stopped")
    ]
    pd.testing.assert_frame_equal(*history, rtol=1e-6)
    assert not list((tmp_path / "stopped").glob("*.ckpt.tmp"))
    assert sorted(path.name for path in (tmp_path / "stopped").glob("*.ckpt")) == ["best.ckpt"]


def test_terminated_replacement_of_a_complete_run_goes_on_and_any_other_command_puts_the_old_one_back(tmp_path, caplog):
    wanted = run(config("seed=5"), tmp_path / "undisturbed")
    folder = tmp_path / "run"
    old = run(config(), folder)

    def replace():
        with pytest.MonkeyPatch.context() as patched:
            terminate_at(patched, "on_train_batch_start", 2, 1)
            with pytest.raises(Preempted):
                run(config("seed=5", "overwrite=true"), folder)
        assert "is kept in" in caplog.text
        assert not (folder / METRICS).exists()

    replace()
    with pytest.raises(InputError, match="holds a complete run"):
        run(config(), folder)
    assert json.loads((folder / METRICS).read_text()) == old
    load_run(folder)
    replace()
    caplog.clear()
    caplog.set_level("INFO")
    given = run(config("seed=5", "overwrite=true", "resume=auto"), folder)
    assert "going on from" in caplog.text
    assert "epoch 2/4" not in caplog.text
    assert given["val/r2"] == pytest.approx(wanted["val/r2"], abs=1e-6)
    assert not (folder / SET_ASIDE).exists()
    load_run(folder)


def test_regression_has_no_state_to_save(tmp_path, monkeypatch):
    """It is done before the signal is looked at."""
    start = L.Trainer.fit

    def fit(self, *arguments, **options):
        self.callbacks.append(Terminate())
        start(self, *arguments, **options)

    class Terminate(L.Callback):
        def on_train_start(self, trainer, module):
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(L.Trainer, "fit", fit)
    with pytest.raises(Preempted, match="after epoch 0"):
        run(compose_config([*SMALL, "model=linear"]), tmp_path)
    monkeypatch.undo()
    assert json.loads(json.dumps(run(compose_config([*SMALL, "model=linear", "resume=auto"]), tmp_path)))["test/r2"]
