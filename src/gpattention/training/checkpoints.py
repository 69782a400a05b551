"""Checkpoints that are whole or not there, and what training needs to go on from one."""

import hashlib
import logging
import os
import pickle
import warnings
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO

from gpattention.files.untrusted import UNREADABLE
from gpattention.ranks import from_all, rank

log = logging.getLogger(__name__)

SEAL = b"sha256:"
NO_COMMENT = b"\0\0"  # the length of a zip file's comment, its last two bytes where there is none
PATHS = ("best_model_path", "kth_best_model_path", "last_model_path")


class DamagedCheckpoint(ValueError):
    """A checkpoint that cannot be trusted, with its file and what is wrong with it."""


class DurableCheckpointIO(TorchCheckpointIO):
    """Checkpoints with a checksum, written under another name, then renamed; the one before stays beside the new one.

    A full disk or a kill at any moment leaves one that is whole.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(path.name + ".tmp")
        content = BytesIO()
        torch.save(checkpoint, content)
        try:
            with temporary.open("wb") as file:
                file.write(sealed(content.getvalue()))
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if path.is_file():
            path.replace(previous(path))
        temporary.replace(path)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = True) -> dict[str, Any]:
        return read_checkpoint(path, map_location or "cpu")


def previous(path: Path) -> Path:
    """Where the checkpoint goes that another has replaced."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def sealed(content: bytes) -> bytes:
    """A zip file, as torch.save writes it, with the SHA-256 of all its bytes as its comment."""
    assert content[-2:] == NO_COMMENT
    seal = SEAL + hashlib.sha256(content).hexdigest().encode()
    return content[:-2] + len(seal).to_bytes(2, "little") + seal


def read_checkpoint(path: Path | str, map_location: Any = "cpu") -> dict[str, Any]:
    """The content of a checkpoint that is whole.

    Raises:
        DamagedCheckpoint: it is cut off or changed, or holds more than weights and plain values.
    """
    content = Path(path).read_bytes()
    length = len(SEAL) + 64
    unsealed = content[: -length - 2] + NO_COMMENT
    if content[-length:] != SEAL + hashlib.sha256(unsealed).hexdigest().encode():
        raise DamagedCheckpoint(f"{path} is cut off or changed: its checksum is not that of its content")
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise RuntimeError("it is packed, and may come to any size")  # torch stores values as they are
        with warnings.catch_warnings():
            warnings.filterwarnings("error", "Detected pickle protocol")  # that torch.save does not write
            return torch.load(BytesIO(content), map_location=map_location, weights_only=True)
    except (pickle.UnpicklingError, UserWarning, *UNREADABLE) as error:
        hostile = isinstance(error, pickle.UnpicklingError)
        reason = "it holds more than weights and plain values" if hostile else str(error).partition("\n")[0]
        raise DamagedCheckpoint(f"{path} is no checkpoint of this program: {reason}") from error


def newest_whole(path: Path) -> Path | None:
    """The checkpoint, or the one before it where it is missing or damaged; None where neither can be read."""
    for candidate in (path, previous(path)):
        try:
            read_checkpoint(candidate)
            return candidate
        except FileNotFoundError:
            continue
        except DamagedCheckpoint as error:
            log.warning("%s; %s", error, "the one before it is used" if candidate == path else "it is not used")
    return None


class FolderCheckpoint(ModelCheckpoint):
    """A ModelCheckpoint that knows what it kept when the run's folder has been moved."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        def here(path: str) -> str:
            return str(Path(self.dirpath or "") / Path(path).name) if path else path

        moved: dict[str, Any] = {"dirpath": self.dirpath}
        moved |= {name: here(state_dict[name]) for name in PATHS}
        moved["best_k_models"] = {here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict(state_dict | moved)


class TrainingPosition(L.Callback):
    """Keeps what training needs beside weights and optimizer: random numbers, the batch, whether it was stopped early.

    Processes draw numbers of their own for dropout; one that was not there when the checkpoint was written goes on with
    those of its seed. The Trainer itself forgets the batch where the schedule has asked for the loader before.
    """

    def __init__(self) -> None:
        self.restored: dict[str, Any] = {}

    def on_save_checkpoint(self, trainer: L.Trainer, module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        on_gpu = module.device.type == "cuda"
        own = {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state(module.device) if on_gpu else None}
        loader: Any = trainer.train_dataloader
        checkpoint["position"] = {
            "random": from_all(own),
            "loader": loader.state_dict(trainer.num_training_batches) if loader else None,
            "stopped": trainer.should_stop,
        }

    def on_load_checkpoint(self, trainer: L.Trainer, module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        self.restored = checkpoint["position"]

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        if rank():
            torch.manual_seed(torch.initial_seed() + rank())
        if self.restored:
            loader: Any = trainer.train_dataloader
            loader.load_state_dict(self.restored["loader"])
            trainer.should_stop = self.restored["stopped"]
            for own in self.restored["random"][rank() : rank() + 1]:
                torch.set_rng_state(own["cpu"])
                if own["cuda"] is not None and module.device.type == "cuda":
                    torch.cuda.set_rng_state(own["cuda"], module.device)
