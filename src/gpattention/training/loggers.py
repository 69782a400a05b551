"""Where the history of a run goes beside its folder. Weights & Biases stays offline unless asked for."""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, cast

import pandas as pd
from filelock import FileLock
from lightning.pytorch.loggers import CSVLogger, Logger, WandbLogger

from gpattention.errors import InputError


def no_loggers(*, folder: str) -> list[Logger]:
    """None at all; the run folder then has no metrics.csv."""
    return []


def csv_loggers(*, folder: str) -> list[Logger]:
    """`metrics.csv` in the run folder, one row an epoch."""
    return [CSVLogger(folder, name="", version="")]


def wandb_loggers(
    *,
    folder: str,
    project: str = "gpattention",
    mode: Literal["offline", "online"] = "offline",
    entity: str | None = None,
    group: str | None = None,
    name: str | None = None,
    tags: list[str] | None = None,
) -> list[Logger]:
    """`metrics.csv`, and a W&B run in the run folder.

    Args:
        mode: `online` sends the run to the server; so does WANDB_MODE=online. A stored login alone changes nothing.
        project, entity, group, name, tags: as in W&B.
    """
    run = start_wandb(folder, project=project, mode=mode, entity=entity, group=group, name=name, tags=tags)
    run.define_metric("epoch")
    run.define_metric("*", step_metric="epoch")
    return [*csv_loggers(folder=folder), WandbLogger(experiment=run)]


def start_wandb(folder: str, *, mode: Literal["offline", "online"], **settings: Any) -> Any:
    """A W&B run that writes into a folder."""
    import wandb  # a second of start-up, only where it is used

    asked = os.environ.get("WANDB_MODE", "")
    try:
        return wandb.init(
            **settings,
            dir=folder,
            mode=cast(Any, asked) if asked in ("online", "disabled") else mode,
            settings=wandb.Settings(console="off", silent=True),
            reinit="finish_previous",
        )
    except (wandb.Error, ValueError) as error:
        raise InputError(f"logger=wandb: {' '.join(str(error).split())}; mend it, or set logger=csv") from error


def tensorboard_loggers(*, folder: str) -> list[Logger]:
    """`metrics.csv`, and an event file for TensorBoard in the run folder."""
    refuse_missing("tensorboard")
    from lightning.pytorch.loggers import TensorBoardLogger

    return [*csv_loggers(folder=folder), TensorBoardLogger(folder, name="", version="tensorboard")]


def mlflow_loggers(
    *,
    folder: str,
    experiment_name: str = "gpattention",
    tracking_uri: str | None = None,
    run_name: str | None = None,
) -> list[Logger]:
    """`metrics.csv`, and an MLflow run.

    Args:
        tracking_uri: of the server or database; None takes MLFLOW_TRACKING_URI, else a database in the working folder.
    """
    refuse_missing("mlflow")
    from lightning.pytorch.loggers import MLFlowLogger

    uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    logger = MLFlowLogger(experiment_name, run_name, tracking_uri=uri)
    lock = Path(tempfile.gettempdir()) / f"gpattention-mlflow-{hashlib.sha256(uri.encode()).hexdigest()[:10]}.lock"
    with FileLock(lock):  # runs side by side must not make the database at the same time
        _ = logger.experiment
    return [*csv_loggers(folder=folder), logger]


def refuse_missing(package: str) -> None:
    if find_spec(package) is None:
        raise InputError(
            f"logger={package} needs a package that is not installed: pip install 'gpattention[{package}]'"
        )


def run_names(logger: Mapping[str, Any], sweep: str, run: str) -> dict[str, str]:
    """The group and the name that a run of a sweep takes where it is tracked and none are given."""
    given = {"group": sweep, "name": run, "run_name": run}
    return {key: value for key, value in given.items() if key in logger and logger[key] is None}


def log_sweep(logger: Mapping[str, Any], name: str, results: pd.DataFrame, folder: Path, figure: Path) -> None:
    """The collected table and the figure of a sweep as a W&B run of its own, where its runs are tracked there."""
    if not str(logger["_target_"]).endswith(wandb_loggers.__name__):
        return
    import wandb

    settings = {key: value for key, value in logger.items() if key not in ("_target_", "name")}
    run = start_wandb(str(folder), name=f"{name} (sweep)", **settings)
    text = results.astype({column: str for column in results if results[column].dtype == object})
    run.log({"results": wandb.Table(dataframe=text), "figure": wandb.Image(str(figure))})
    run.summary["n_runs"] = len(results)
    run.finish()


@contextmanager
def logged(loggers: list[Logger], config: Mapping[str, Any]) -> Iterator[None]:
    """Record the configuration; at the end close the W&B run, marked as failed after an error.

    Left open, the next job of this process would write into it.
    """
    failed = True
    try:
        for run in wandb_runs(loggers):
            run.config.update(dict(config))
        yield
        failed = False
    finally:
        for run in wandb_runs(loggers):
            run.finish(exit_code=int(failed))


def log_results(loggers: list[Logger], metrics: Mapping[str, Any], figures: list[Path]) -> None:
    """The final scores as summary and as a table, and the figures."""
    for run in wandb_runs(loggers):
        import wandb

        run.summary.update(dict(metrics))
        table = pd.DataFrame({"quantity": list(metrics), "value": [str(value) for value in metrics.values()]})
        run.log({"results": wandb.Table(dataframe=table)} | {path.stem: wandb.Image(str(path)) for path in figures})


def wandb_runs(loggers: list[Logger]) -> list[Any]:
    return [logger.experiment for logger in loggers if isinstance(logger, WandbLogger)]
