"""SIGTERM, as a cluster sends it before it takes a node away: the state of training is saved, then the run ends."""

import signal
import threading
from pathlib import Path
from typing import Any

import lightning as L
import torch

from gpattention.errors import Preempted
from gpattention.ranks import max_over_ranks


class SaveOnSigterm(L.Callback):
    """Saves the state of training after the batch in which SIGTERM comes, in all processes after the same one.

    At the end of an epoch, and for a map that is not trained by gradients, the state after the epoch stands.

    Args:
        path: of the checkpoint.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.received = False

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """In the place of Lightning's handler, which saves nothing; it puts back the one before when the fit ends."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self.receive)

    def receive(self, *_: Any) -> None:
        self.received = True

    def is_due(self, module: L.LightningModule) -> bool:
        """Whether any process has received it; every process must ask."""
        received = torch.tensor(int(self.received), device=module.device)
        max_over_ranks(received)
        return bool(received)

    def on_train_epoch_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        if self.is_due(module):
            raise Preempted(self.message(f"epoch {trainer.current_epoch}"))

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        is_last = batch_idx + 1 == trainer.num_training_batches
        if not module.automatic_optimization or is_last or not self.is_due(module):
            return
        module.stop_if_not_finite()
        trainer.save_checkpoint(self.path)
        raise Preempted(self.message(f"batch {batch_idx + 1} of epoch {trainer.current_epoch + 1}"))

    def message(self, place: str) -> str:
        return f"stopped by SIGTERM after {place}; the same command with resume=auto goes on from there ({self.path.parent})"
