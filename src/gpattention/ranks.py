"""The processes that share a run, a device each: which of them this is, what they agree on, sums over all.

They are started by this program (`runs/several_devices.py`), by torchrun, or by SLURM's srun; a run on one device has none of this.
"""

import atexit
import gc
import logging
import os
from collections.abc import Iterable, Mapping
from typing import Any

import torch
import torch.distributed as dist
from lightning.pytorch.plugins.environments import SLURMEnvironment
from torch import Tensor

from gpattention.errors import InputError


def n_started() -> int:
    """Processes that torchrun or srun have started for this run; 1 where they have not."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        return int(os.environ["WORLD_SIZE"])
    return int(os.environ.get("SLURM_STEP_NUM_TASKS", "1"))


def join(trainer: Mapping[str, Any]) -> None:
    """Enter the group of the processes that were started for this run.

    Args:
        trainer: the node of the configuration.

    Raises:
        InputError: more or fewer processes were started than the configuration has devices.
    """
    n, devices, n_nodes = n_started(), trainer["devices"], trainer["num_nodes"]
    if n != devices * n_nodes:
        raise InputError(
            f"trainer.devices={devices} on trainer.num_nodes={n_nodes} make {devices * n_nodes} processes, and {n} were "
            "started: give torchrun or srun and the configuration the same numbers"
        )
    if n == 1 or dist.is_initialized():
        return
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        take_from_slurm(devices)
    # NCCL for what lies on GPUs, gloo for what does not.
    on_gpu = trainer["accelerator"] != "cpu" and torch.cuda.is_available()
    if on_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo")
    atexit.register(leave)
    if not is_first():
        logging.disable(logging.WARNING)


def leave() -> None:
    """End the group and its threads while Python still lives: one that lets go of a tensor later aborts the process."""
    gc.collect()  # a map under DDP, once dropped, holds the group no more
    if dist.is_initialized():
        dist.destroy_process_group()


def take_from_slurm(devices: int) -> None:
    """Name the processes of an srun as torchrun names its own."""
    try:
        slurm = SLURMEnvironment(auto_requeue=False)
    except RuntimeError as error:
        raise InputError(str(error)) from error
    os.environ |= {
        "RANK": str(slurm.global_rank()),
        "LOCAL_RANK": str(slurm.local_rank()),
        "WORLD_SIZE": str(slurm.world_size()),
        "LOCAL_WORLD_SIZE": str(devices),
        "GROUP_RANK": str(slurm.node_rank()),
        "MASTER_ADDR": slurm.main_address,
        "MASTER_PORT": str(slurm.main_port),
    }


def n_ranks() -> int:
    """Processes that share this run; 1 outside of a group."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """The number of this process, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def is_first() -> bool:
    """Whether this process is the one that writes and logs."""
    return rank() == 0


def from_first(value: Any) -> Any:
    """What the first process has, in all of them; all must call it, and none goes on before the first has."""
    if n_ranks() == 1:
        return value
    holder = [value]
    dist.broadcast_object_list(holder)
    return holder[0]


def from_all(value: Any) -> list[Any]:
    """What each process has, by its number; all must call it."""
    if n_ranks() == 1:
        return [value]
    holders = [None] * n_ranks()
    dist.all_gather_object(holders, value)
    return holders


def sum_over_ranks(*tensors: Tensor) -> None:
    """Replace tensors, in place, by their sums over all processes; every process must call it in the same order."""
    reduce_over_ranks(tensors, dist.ReduceOp.SUM)


def max_over_ranks(*tensors: Tensor) -> None:
    """The same for the largest values."""
    reduce_over_ranks(tensors, dist.ReduceOp.MAX)


def reduce_over_ranks(tensors: Iterable[Tensor], operation: dist.ReduceOp.RedOpType) -> None:
    if n_ranks() > 1:
        with torch.no_grad():
            for tensor in tensors:
                dist.all_reduce(tensor, operation)


def share_of(n: int) -> slice:
    """Which of n rows this process evaluates: shares that lie side by side, every row in one."""
    return slice(n * rank() // n_ranks(), n * (rank() + 1) // n_ranks())
