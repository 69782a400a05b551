"""Where the history of a run goes beside its folder. Weights & Biases stays offline unless asked for."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, cast

import pandas as pd
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
    import wandb  # a second of start-up, only where it is used

    asked = os.environ.get("WANDB_MODE", "")
    try:
        run = wandb.init(
            project=project,
            entity=entity,
            group=group,
            name=name,
            tags=tags,
            dir=folder,
            mode=cast(Any, asked) if asked in ("online", "disabled") else mode,
            settings=wandb.Settings(console="off", silent=True),
            reinit="finish_previous",
        )
    except (wandb.Error, ValueError) as error:
        raise InputError(f"logger=wandb: {' '.join(str(error).split())}; mend it, or set logger=csv") from error
    run.define_metric("epoch")
    run.define_metric("*", step_metric="epoch")
    return [*csv_loggers(folder=folder), WandbLogger(experiment=run)]


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
