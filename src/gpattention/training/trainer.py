"""The Trainer's settings that a run may choose; the others follow from how the program works."""

import logging
import re
from pathlib import Path
from typing import Any, Literal, NamedTuple

import lightning as L
import torch
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.plugins.environments import LightningEnvironment, TorchElasticEnvironment
from lightning.pytorch.profilers import AdvancedProfiler, SimpleProfiler
from lightning.pytorch.strategies import DDPStrategy

from gpattention.errors import InputError
from gpattention.ranks import n_ranks
from gpattention.training.checkpoints import DurableCheckpointIO

log = logging.getLogger(__name__)

FEWEST_EPOCHS, ENOUGH_STEPS = 30, 3000  # of `auto`
TOO_FEW_STEPS = 500


class SharedRun(DDPStrategy):
    """Processes that hold the same map; the gradients of a network are averaged, a map without any is left alone."""

    def __init__(self) -> None:
        # No buffer is shared on the way: the processes evaluate different numbers of batches, and sums are reduced once.
        super().__init__(broadcast_buffers=False, cluster_environment=TorchElasticEnvironment())

    def configure_ddp(self) -> None:
        assert self.model is not None
        if any(parameter.requires_grad for parameter in self.model.parameters()):
            super().configure_ddp()


class Flags(NamedTuple):
    """Flags of Lightning's Trainer that are passed on, by its names; docs/training.md says what each costs.

    Attributes:
        fast_dev_run: batches of a single epoch, to see whether all of it runs; 0 for a whole fit.
        limit_train_batches: of every epoch, a number or a share of them.
        limit_val_batches: the same of the validation between epochs; the scores at the end are of all.
        accumulate_grad_batches: batches whose gradients make one step.
        gradient_clip_algorithm: what `gradient_clip_val` is of: the `norm` of all gradients, or each `value`.
        max_steps: steps after which the fit ends; -1 for no bound.
        max_time: of the fit, as DD:HH:MM:SS.
        detect_anomaly: find the operation whose gradient is not finite; slow.
        benchmark: let cuDNN choose its fastest algorithms.
        profiler: writes where the time goes into the run folder.
    """

    fast_dev_run: bool | int = 0
    limit_train_batches: int | float | None = None
    limit_val_batches: int | float | None = None
    accumulate_grad_batches: int = 1
    gradient_clip_algorithm: Literal["norm", "value"] | None = None
    max_steps: int = -1
    max_time: str | None = None
    detect_anomaly: bool = False
    benchmark: bool | None = None
    profiler: Literal["simple", "advanced"] | None = None

    def check(self) -> None:
        """Raise an InputError where a flag is out of range."""
        for name, value, least in (
            ("fast_dev_run", self.fast_dev_run, 0),
            ("accumulate_grad_batches", self.accumulate_grad_batches, 1),
            ("limit_train_batches", self.limit_train_batches, None),
            ("limit_val_batches", self.limit_val_batches, None),
        ):
            if least is not None and value is not None and value < least:
                raise InputError(f"trainer.{name}={value}: give a whole number from {least} on")
            if least is None and value is not None and not (value > 0 and (isinstance(value, int) or value <= 1)):
                raise InputError(f"trainer.{name}={value}: give a whole number from 1 on, or a share up to 1.0")
        if self.max_steps < 1 and self.max_steps != -1:
            raise InputError(f"trainer.max_steps={self.max_steps}: give a whole number from 1 on, or -1 for no bound")
        if self.max_time is not None and not re.fullmatch(r"\d+:\d\d:\d\d:\d\d", self.max_time):
            raise InputError(
                f"trainer.max_time={self.max_time}: give days, hours, minutes and seconds, as in 00:12:00:00"
            )

    def settings(self, folder: Path) -> dict[str, Any]:
        """The arguments of the Trainer; a profile goes into the folder."""
        chosen = {name: value for name, value in self._asdict().items() if name not in ("fast_dev_run", "profiler")}
        if self.fast_dev_run:  # Lightning's own writes no checkpoint, and the end of a run needs one
            chosen |= dict.fromkeys(("limit_train_batches", "limit_val_batches"), int(self.fast_dev_run))
        if self.profiler is not None:
            profiler = {"simple": SimpleProfiler, "advanced": AdvancedProfiler}[self.profiler]
            chosen["profiler"] = profiler(folder, "profile")
        return chosen


def make_trainer(
    *,
    accelerator: Literal["auto", "cpu", "gpu"],
    devices: int,
    max_epochs: int | Literal["auto"],
    steps_per_epoch: int = 1,
    num_nodes: int = 1,
    precision: Literal["32-true", "16-mixed", "bf16-mixed", "64-true"] = "32-true",
    gradient_clip_val: float | None = None,
    deterministic: bool = False,
    by_gradients: bool = True,
    callbacks: list[L.Callback] | None = None,
    flags: Flags = Flags(),  # noqa: B008
    folder: Path = Path(),
) -> L.Trainer:
    """A Trainer on one device, or for one of the processes that share a run (`ranks.join`).

    Args:
        accelerator: `auto` takes a GPU where there is one.
        devices: on each machine; a process each.
        num_nodes: machines.
        max_epochs: epochs of a map trained by gradients; `auto` takes 30, or more where these make fewer than 3,000 steps.
        steps_per_epoch: that the data make.
        precision: mixed precision saves memory on a GPU; 64-true is slow and exact.
        gradient_clip_val: largest norm of the gradients; None leaves them.
        deterministic: only operations that give the same numbers on a GPU every time.
        by_gradients: whether the map is trained by gradients; one that is solved takes neither precision nor clipping.
        callbacks: in the order in which they are called.
        flags: more of the Trainer's own; one that is solved takes none but the profiler.
        folder: of the run, where a profile goes.

    Raises:
        InputError: a setting cannot be had on this machine.
    """
    gpu = torch.cuda.is_available()
    refuse_missing_devices(accelerator, devices, num_nodes)
    if max_epochs != "auto":
        n_epochs = max_epochs
    else:
        n_epochs = max(FEWEST_EPOCHS, -(-ENOUGH_STEPS * flags.accumulate_grad_batches // max(1, steps_per_epoch)))
    if n_epochs < 1:
        raise InputError(f"trainer.max_epochs={max_epochs}: give a whole number from 1 on, or auto")
    if precision == "16-mixed" and (accelerator == "cpu" or not gpu):
        raise InputError("trainer.precision=16-mixed needs a GPU: set trainer.precision=32-true")
    if gradient_clip_val is not None and gradient_clip_val <= 0:
        raise InputError(f"trainer.gradient_clip_val={gradient_clip_val}: give a norm above 0, or null")
    flags.check()
    if flags.fast_dev_run:
        log.info(
            "trainer.fast_dev_run=%d: one epoch of as many batches, to see that all of it runs; its scores say nothing",
            flags.fast_dev_run,
        )
    n_steps = n_epochs * steps_per_epoch // flags.accumulate_grad_batches
    if by_gradients and n_steps < TOO_FEW_STEPS and not flags.fast_dev_run:
        log.warning(
            "this fit makes %d steps, and a network is seldom trained by fewer than %d: raise trainer.max_epochs or lower "
            "data.batch_size, or set both to auto",
            n_steps,
            TOO_FEW_STEPS,
        )
    plugins: list[Any] = [DurableCheckpointIO()]
    if n_ranks() == 1:
        plugins.append(LightningEnvironment())  # whatever else the process was started in, it is alone
    if by_gradients:
        settings = {"precision": precision, "gradient_clip_val": gradient_clip_val} | flags.settings(folder)
    else:
        settings = Flags(profiler=flags.profiler).settings(folder)
    return L.Trainer(
        accelerator=accelerator,
        devices=devices,
        num_nodes=num_nodes,
        strategy=SharedRun() if n_ranks() > 1 else "auto",
        max_epochs=1 if flags.fast_dev_run else n_epochs,
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
