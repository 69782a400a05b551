"""Optimizers and schedules of the learning rate: the two that profiles name, or any of torch and of known libraries."""

from collections.abc import Callable, Iterable, Mapping
from inspect import isclass, signature
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from gpattention.checks import refuse_unknown
from gpattention.errors import InputError
from gpattention.hydra_targets import Kind, find_target, refuse_inner_targets

LIBRARIES = ("bitsandbytes.optim.", "heavyball.", "lion_pytorch.", "prodigyopt.", "pytorch_optimizer.", "timm.optim.")
BUILT_IN = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
STEPPED = {"interval", "frequency", "monitor"}  # keys of a schedule that are the Trainer's, not the schedule's own
MONITOR = "val/r2"  # of a schedule that looks at a score
TRIED_STEPS = 10


def subclass_of(kind: type) -> Callable[[Any], bool]:
    return lambda found: isclass(found) and issubclass(found, kind) and found is not kind


OPTIMIZERS = Kind("training", "a class of optimizers", ("torch.optim.", *LIBRARIES), subclass_of(Optimizer))
SCHEDULES = Kind("training", "a class of schedules", ("torch.optim.", *LIBRARIES), subclass_of(LRScheduler))


def check_optimizer(
    optimizer: str | Mapping[str, Any],
    schedule: str | Mapping[str, Any],
    learning_rate: float,
    weight_decay: float,
    warmup_fraction: float,
) -> None:
    """Raise an InputError where the two cannot be made: they are tried on a parameter of their own, before any training.

    The arguments are those of `build_optimizer` and `build_schedule`.
    """
    one = nn.Parameter(torch.zeros(1, device="cpu"))
    tried = build_optimizer(optimizer, [one], learning_rate, weight_decay)
    if schedule != "constant":
        build_schedule(schedule, tried, learning_rate, warmup_fraction, TRIED_STEPS)


def own_arguments(node: Mapping[str, Any], kind: Kind, place: str, given: set[str], apart: set[str]) -> dict[str, Any]:
    """The arguments of a node, checked: those that the constructor takes, none that the program gives."""
    known = {*signature(find_target(kind, node, place)).parameters} - given
    refuse_unknown(place, node, known | apart | {"_target_"})
    arguments = {key: value for key, value in node.items() if key not in apart | {"_target_"}}
    refuse_inner_targets(place, arguments)
    return arguments


def build_optimizer(
    node: str | Mapping[str, Any], parameters: Iterable[nn.Parameter], learning_rate: float, weight_decay: float
) -> Optimizer:
    """The optimizer of these parameters.

    Args:
        node: `adam`, `adamw`, or `_target_` and the arguments of another one, but for the two that follow.

    Raises:
        InputError: the optimizer has no weight decay and one is asked for, or it refuses its arguments.
    """
    if isinstance(node, str):
        return BUILT_IN[node](parameters, lr=learning_rate, weight_decay=weight_decay, fused=True)
    place = "training.optimizer"
    kind = find_target(OPTIMIZERS, node, place)
    arguments = {"lr": learning_rate, **own_arguments(node, OPTIMIZERS, place, {"params", "lr", "weight_decay"}, set())}
    if "weight_decay" in signature(kind).parameters:
        arguments["weight_decay"] = weight_decay
    elif weight_decay:
        raise InputError(f"training.weight_decay={weight_decay}: {kind.__name__} takes none; set it to 0")
    return made(kind, place, parameters, arguments)


def build_schedule(
    node: str | Mapping[str, Any], optimizer: Optimizer, learning_rate: float, warmup_fraction: float, n_steps: int
) -> dict[str, Any]:
    """The schedule as Lightning takes it.

    Args:
        node: `one_cycle`, or `_target_` and the arguments of another one; with `interval` (`step`, or `epoch`, the
            default), `frequency` and, for one that looks at a score, `monitor`.
        learning_rate: the peak of `one_cycle`.
        warmup_fraction: share of the steps in which it rises.
        n_steps: of the whole fit; also the `total_steps` of a schedule that has them and is given none.
    """
    place = "training.schedule"
    if isinstance(node, str):
        arguments = {"max_lr": learning_rate, "total_steps": n_steps, "pct_start": warmup_fraction}
        return {"scheduler": made(OneCycleLR, place, optimizer, arguments), "interval": "step"}
    kind = find_target(SCHEDULES, node, place)
    arguments = own_arguments(node, SCHEDULES, place, {"optimizer", "last_epoch"}, STEPPED)
    counted = "total_steps" in signature(kind).parameters
    if counted and not {"total_steps", "epochs"} & {*arguments}:
        arguments["total_steps"] = n_steps
    how = {"interval": "step" if counted else "epoch", "monitor": MONITOR}
    how |= {key: node[key] for key in STEPPED if key in node}
    return {"scheduler": made(kind, place, optimizer, arguments), **how}


def made(kind: Callable, place: str, first: Any, arguments: Mapping[str, Any]) -> Any:
    """An optimizer or a schedule; what its constructor says against the arguments is the user's to mend."""
    try:
        return kind(first, **arguments)
    except (TypeError, ValueError) as error:
        raise InputError(f"{place}: {kind.__name__} refuses its arguments ({error}): mend {place}") from error
