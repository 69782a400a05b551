import pandas as pd
import pytest
from conftest import SMALL
from wandb_files import read_offline_run

from gpattention.config import compose_config
from gpattention.errors import InputError
from gpattention.runs.run import run
from gpattention.training import loggers


@pytest.fixture(autouse=True)
def no_account(monkeypatch, tmp_path):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)  # a stored login alone must change nothing
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))


def test_offline_run_holds_config_history_summary_and_figures(tmp_path):
    names = ["logger.group=crosses", "logger.name=first", "logger.tags=[yeast,small]"]
    metrics = run(compose_config([*SMALL, "model=attention", "logger=wandb", *names]), tmp_path / "run")
    history, summary, config, about, exit_code = read_offline_run(tmp_path / "run")
    epochs = [row for row in history if "val/r2" in row]
    assert [row["epoch"] for row in epochs] == [1, 2]
    assert all({"train/loss", "val/r2/30C", "learning_rate"} <= set(row) for row in epochs)
    assert summary["test/r2"] == pytest.approx(metrics["test/r2"])
    assert config["data"]["epsilon"] == 0.3
    assert (about.run_group, about.display_name, list(about.tags)) == ("crosses", "first", ["yeast", "small"])
    logged = {key.split("/")[0] for row in history for key in row}
    assert {"results", "learning_curve", "predicted_against_measured"} <= logged
    assert exit_code == 0
    assert (tmp_path / "run" / "metrics.csv").exists()


def test_jobs_of_one_process_write_into_runs_of_their_own(tmp_path):
    for epsilon in (0, 1):
        run(
            compose_config([*SMALL, "model=linear", "logger=wandb", f"data.epsilon={epsilon}"]), tmp_path / str(epsilon)
        )
    for epsilon in (0, 1):
        assert read_offline_run(tmp_path / str(epsilon))[2]["data"]["epsilon"] == epsilon


def test_failed_run_is_marked(tmp_path):
    with pytest.raises(ValueError, match="no longer finite"):
        run(compose_config([*SMALL, "model=attention", "training.learning_rate=1e30", "logger=wandb"]), tmp_path)
    assert read_offline_run(tmp_path)[4] == 1


def test_no_logger_leaves_no_history_file(tmp_path):
    run(compose_config([*SMALL, "model=linear", "logger=none"]), tmp_path)
    assert not (tmp_path / "metrics.csv").exists()
    assert (tmp_path / "metrics.json").exists()


def test_tensorboard_holds_the_history(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(compose_config([*SMALL, "model=attention", "logger=tensorboard"]), tmp_path)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    history = pd.read_csv(tmp_path / "metrics.csv")
    assert [event.step for event in events.Scalars("val/r2")] == [1, 2]
    assert [event.value for event in events.Scalars("val/r2")] == pytest.approx(history["val/r2"].tolist())


@pytest.mark.parametrize("name", ["tensorboard", "mlflow"])
def test_trackers_that_are_not_installed_are_told(name, tmp_path, monkeypatch):
    monkeypatch.setattr(loggers, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=rf"logger={name} needs a package .* 'gpattention\[{name}\]'"):
        run(compose_config([*SMALL, "model=linear", f"logger={name}"]), tmp_path / "run")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of mlflow's own database
def test_mlflow_holds_the_history(tmp_path):
    mlflow = pytest.importorskip("mlflow")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    run(compose_config([*SMALL, "model=attention", "logger=mlflow", f"logger.tracking_uri='{uri}'"]), tmp_path / "run")
    client = mlflow.MlflowClient(uri)
    (one,) = client.search_runs([client.get_experiment_by_name("gpattention").experiment_id])
    assert [metric.step for metric in client.get_metric_history(one.info.run_id, "val/r2")] == [1, 2]
