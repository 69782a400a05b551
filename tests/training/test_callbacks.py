import logging

import pytest
from conftest import SMALL

from gpattention.config import compose_config
from gpattention.runs.run import run


@pytest.mark.parametrize(("epochs", "lines"), [(3, 3), (25, 13)])
def test_progress_is_some_ten_lines_of_log(epochs, lines, tmp_path, caplog):
    with caplog.at_level(logging.INFO, logger="gpattention"):
        run(
            compose_config([*SMALL, "model=attention", "model.embedding_dim=2", f"trainer.max_epochs={epochs}"]),
            tmp_path,
        )
    told = [record.message for record in caplog.records if "epoch " in record.message]
    assert len(told) == lines
    assert f"epoch {epochs}/{epochs}" in told[-1]


def test_nothing_but_the_programs_own_lines_reaches_the_terminal(tmp_path, capfd, recwarn):
    run(compose_config([*SMALL, "model=transformer"]), tmp_path)
    run(compose_config([*SMALL, "model=linear", "overwrite=true"]), tmp_path)
    printed = capfd.readouterr()
    assert (printed.out, printed.err) == ("", "")
    assert [str(warning.message) for warning in recwarn] == []


def test_early_stopping_ends_the_run(tmp_path):
    overrides = [
        "callbacks=early_stopping",
        "callbacks.early_stopping.patience=1",
        "trainer.max_epochs=50",
        "data.epsilon=1",
    ]
    metrics = run(compose_config([*SMALL, "model=attention", "training.learning_rate=0.05", *overrides]), tmp_path)
    assert metrics["n_epochs"] < 50
    assert metrics["n_epochs"] >= metrics["best_epoch"] + 1
