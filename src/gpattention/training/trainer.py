"""The Trainer's settings that a run may choose; the others follow from how the program works."""

from typing import Any, Literal

import lightning as L
import torch
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.environments import LightningEnvironment, TorchElasticEnvironment
from lightning.pytorch.strategies import DDPStrategy

from gpattention.errors import InputError
from gpattention.ranks import n_ranks
from gpattention.training.checkpoints import DurableCheckpointIO


class SharedRun(DDPStrategy):
    """Processes that hold the same map; the gradients of a network are averaged, a map without any is left alone."""

    def __init__(self) -> None:
        # No buffer is shared on the way: the processes evaluate different numbers of batches, and sums are reduced once.
        super().__init__(broadcast_buffers=False, cluster_environment=TorchElasticEnvironment())

    def configure_ddp(self) -> None:
        assert self.model is not None
        if any(parameter.requires_grad for parameter in self.model.parameters()):
            super().configure_ddp()


def make_trainer(
    *,
    accelerator: Literal["auto", "cpu", "gpu"],
    devices: int,
    max_epochs: int,
    num_nodes: int = 1,
    precision: Literal["32-true", "16-mixed", "bf16-mixed", "64-true"] = "32-true",
    gradient_clip_val: float | None = None,
    deterministic: bool = False,
    by_gradients: bool = True,
    callbacks: list[L.Callback] | None = None,
) -> L.Trainer:
    """A Trainer on one device, or for one of the processes that share a run (`ranks.join`).

    Args:
        accelerator: `auto` takes a GPU where there is one.
        devices: on each machine; a process each.
        num_nodes: machines.
        max_epochs: epochs of a map trained by gradients.
        precision: mixed precision saves memory on a GPU; 64-true is slow and exact.
        gradient_clip_val: largest norm of the gradients; None leaves them.
        deterministic: only operations that give the same numbers on a GPU every time.
        by_gradients: whether the map is trained by gradients; one that is solved takes neither precision nor clipping.
        callbacks: in the order in which they are called.

    Raises:
        InputError: a setting cannot be had on this machine.
    """
    gpu = torch.cuda.is_available()
    refuse_missing_devices(accelerator, devices, num_nodes)
    if max_epochs < 1:
        raise InputError(f"trainer.max_epochs={max_epochs}: give a whole number from 1 on")
    if precision == "16-mixed" and (accelerator == "cpu" or not gpu):
        raise InputError("trainer.precision=16-mixed needs a GPU: set trainer.precision=32-true")
    if gradient_clip_val is not None and gradient_clip_val <= 0:
        raise InputError(f"trainer.gradient_clip_val={gradient_clip_val}: give a norm above 0, or null")
    plugins: list[Any] = [DurableCheckpointIO()]
    if n_ranks() == 1:
        plugins.append(LightningEnvironment())  # whatever else the process was started in, it is alone
    settings: dict[str, Any] = {"precision": precision, "gradient_clip_val": gradient_clip_val} if by_gradients else {}
    return L.Trainer(
        accelerator=accelerator,
        devices=devices,
        num_nodes=num_nodes,
        strategy=SharedRun() if n_ranks() > 1 else "auto",
        max_epochs=max_epochs,
        deterministic=deterministic,
        callbacks=callbacks,
        # Asked for without a callback of ours, Lightning would write its own into the present folder.
        enable_checkpointing=any(isinstance(one, Checkpoint) for one in callbacks or ()),
        plugins=plugins,
        logger=False,  # set once the run folder may be written to
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        enable_progress_bar=False,  # the program shows its own
        enable_model_summary=False,
        **settings,
    )


def refuse_missing_devices(accelerator: str, devices: int, num_nodes: int) -> None:
    """Raise an InputError where this machine has fewer devices of the kind than are asked for."""
    n_gpus = torch.cuda.device_count()
    if devices < 1 or num_nodes < 1:
        raise InputError(f"trainer.devices={devices}, trainer.num_nodes={num_nodes}: give whole numbers from 1 on")
    if accelerator == "gpu" and not n_gpus:
        raise InputError("trainer=gpu: there is no GPU that torch can use here; set trainer=cpu or trainer=auto")
    if accelerator != "cpu" and 0 < n_gpus < devices:
        raise InputError(
            f"trainer.devices={devices}: this machine has {n_gpus} GPUs that torch can use; give as many or fewer, or "
            "trainer.accelerator=cpu"
        )
