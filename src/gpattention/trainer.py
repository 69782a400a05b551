"""The Trainer's settings that a run may choose; the others follow from how the program works."""

from typing import Any, Literal

import lightning as L
import torch

from gpattention.checkpoints import DurableCheckpointIO
from gpattention.errors import InputError


def make_trainer(
    *,
    accelerator: Literal["auto", "cpu", "gpu"],
    devices: int,
    max_epochs: int,
    precision: Literal["32-true", "16-mixed", "bf16-mixed"] = "32-true",
    gradient_clip_val: float | None = None,
    deterministic: bool = False,
    by_gradients: bool = True,
    callbacks: list[L.Callback] | None = None,
) -> L.Trainer:
    """A Trainer on one device.

    Args:
        accelerator: `auto` takes a GPU where there is one.
        devices: 1.
        max_epochs: epochs of a map trained by gradients.
        precision: mixed precision saves memory on a GPU.
        gradient_clip_val: largest norm of the gradients; None leaves them.
        deterministic: only operations that give the same numbers on a GPU every time.
        by_gradients: whether the map is trained by gradients; one that is solved takes neither precision nor clipping.
        callbacks: in the order in which they are called.

    Raises:
        InputError: a setting cannot be had on this machine.
    """
    gpu = torch.cuda.is_available()
    if devices != 1:
        raise InputError(f"trainer.devices={devices}: a run uses one device; set trainer.devices=1")
    if max_epochs < 1:
        raise InputError(f"trainer.max_epochs={max_epochs}: give a whole number from 1 on")
    if accelerator == "gpu" and not gpu:
        raise InputError("trainer=gpu: there is no GPU that torch can use here; set trainer=cpu or trainer=auto")
    if precision == "16-mixed" and (accelerator == "cpu" or not gpu):
        raise InputError("trainer.precision=16-mixed needs a GPU: set trainer.precision=32-true")
    if gradient_clip_val is not None and gradient_clip_val <= 0:
        raise InputError(f"trainer.gradient_clip_val={gradient_clip_val}: give a norm above 0, or null")
    settings: dict[str, Any] = {"precision": precision, "gradient_clip_val": gradient_clip_val} if by_gradients else {}
    return L.Trainer(
        accelerator=accelerator,
        devices=devices,
        max_epochs=max_epochs,
        deterministic=deterministic,
        callbacks=callbacks,
        plugins=[DurableCheckpointIO()],
        logger=False,  # set once the run folder may be written to
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        enable_progress_bar=False,  # the program shows its own
        enable_model_summary=False,
        **settings,
    )
