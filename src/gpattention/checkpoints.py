"""Checkpoints that are whole or not there, and what training needs to go on from one."""

import os
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO

PATHS = ("best_model_path", "kth_best_model_path", "last_model_path")


class DurableCheckpointIO(TorchCheckpointIO):
    """Writes under another name, then renames, so that a full disk or a kill leaves the checkpoint before."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".tmp")
        try:
            with temporary.open("wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        temporary.replace(path)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = True) -> dict[str, Any]:
        return torch.load(path, map_location=map_location or "cpu", weights_only=True)


class FolderCheckpoint(ModelCheckpoint):
    """A ModelCheckpoint that knows what it kept when the run's folder has been moved."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        def here(path: str) -> str:
            return str(Path(self.dirpath or "") / Path(path).name) if path else path

        moved: dict[str, Any] = {"dirpath": self.dirpath}
        moved |= {name: here(state_dict[name]) for name in PATHS}
        moved["best_k_models"] = {here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict(state_dict | moved)


class RandomState(L.Callback):
    """Keeps the state of random numbers, and whether training had been stopped early, in the checkpoint."""

    def __init__(self) -> None:
        self.restored: dict[str, Any] = {}

    def on_save_checkpoint(self, trainer: L.Trainer, module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        checkpoint["random"] = {"cpu": torch.get_rng_state(), "cuda": cuda, "stopped": trainer.should_stop}

    def on_load_checkpoint(self, trainer: L.Trainer, module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        self.restored = checkpoint["random"]

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        if self.restored:
            torch.set_rng_state(self.restored["cpu"])
            if len(self.restored["cuda"]) == torch.cuda.device_count():
                torch.cuda.set_rng_state_all(self.restored["cuda"])
            trainer.should_stop = self.restored["stopped"]
