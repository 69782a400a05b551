"""What happens beside the training: the history of the run, and its progress for a person to see."""

import logging
import time
from collections.abc import Callable
from typing import Any

import lightning as L

from gpattention.output.progress import progress_bar

log = logging.getLogger(__name__)


class EpochHistory(L.Callback):
    """Keeps one row an epoch and hands it to the loggers, with the epoch as its step.

    Attributes:
        rows: epoch (from 1), seconds since the start of the fit, learning rate, training loss and validation scores.
        seconds_before: of these, before the run was interrupted.
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []
        self.seconds_before = 0.0
        self.start = time.perf_counter()

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "seconds": time.perf_counter() - self.start}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows, self.seconds_before = state_dict["rows"], state_dict["seconds"]

    def on_fit_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """The clock, and for a run that goes on the epochs before, which the loggers have not seen."""
        self.start = time.perf_counter() - self.seconds_before
        for row in self.rows:
            for logger in trainer.loggers:
                logger.log_metrics(row, step=int(row["epoch"]))

    def on_validation_end(self, trainer: L.Trainer, module: Any) -> None:
        if trainer.state.fn != "fit" or trainer.sanity_checking:
            return
        row = {"epoch": trainer.current_epoch + 1, "seconds": round(time.perf_counter() - self.start, 3)}
        for group in (group for optimizer in trainer.optimizers[:1] for group in optimizer.param_groups[:1]):
            if "lr" in group:  # a solver has none
                row["learning_rate"] = group["lr"]
        self.rows.append(row | module.scores)
        for logger in trainer.loggers:
            logger.log_metrics(self.rows[-1], step=trainer.current_epoch + 1)


OnEpoch = Callable[[int, int, float], None]
"""Called after every epoch with its number, how many there will be, and the score that the best is chosen by."""


class FitProgress(L.Callback):
    """A bar over all batches of the fit on a terminal, and some ten lines of log over all epochs.

    Args:
        name: what is being fitted.
        monitor: score shown beside the epoch.
        on_epoch: told of every epoch; what it raises ends the fit.
    """

    def __init__(self, name: str, monitor: str, on_epoch: OnEpoch | None = None) -> None:
        self.name, self.monitor, self.on_epoch = name, monitor, on_epoch
        self.bar = progress_bar()

    def on_fit_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        self.bar.start()
        self.task = self.bar.add_task(self.name, total=None, note="")

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx % 16 == 0:
            total = trainer.num_training_batches * (trainer.max_epochs or 1)
            self.bar.update(
                self.task, total=total, completed=trainer.current_epoch * trainer.num_training_batches + batch_idx
            )

    def on_validation_end(self, trainer: L.Trainer, module: Any) -> None:
        if trainer.state.fn != "fit" or trainer.sanity_checking or module.max_epochs == 1:
            return
        epoch, epochs = trainer.current_epoch + 1, trainer.max_epochs or 0
        text = f"epoch {epoch}/{epochs}, {self.monitor} {module.scores[self.monitor]:.4f}"
        self.bar.update(self.task, note=text)
        if epoch == epochs or epoch % max(1, epochs // 10) == 0:
            log.info("%s: %s", self.name, text)

    def on_train_epoch_end(self, trainer: L.Trainer, module: Any) -> None:
        if self.on_epoch is not None and module.max_epochs != 1:
            self.on_epoch(trainer.current_epoch + 1, trainer.max_epochs or 0, module.scores[self.monitor])

    def on_fit_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        self.bar.stop()

    def on_exception(self, trainer: L.Trainer, module: L.LightningModule, exception: BaseException) -> None:
        self.bar.stop()
