"""The processes that share a run: which of them this is, and sums over all."""

import torch
import torch.distributed as dist
from torch import Tensor


def n_ranks() -> int:
    """Processes that share this run; 1 outside of a group."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """The number of this process, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def is_first() -> bool:
    """Whether this process is the one that writes and logs."""
    return rank() == 0


def sum_over_ranks(*tensors: Tensor) -> None:
    """Replace tensors, in place, by their sums over all processes; every process must call it in the same order."""
    if n_ranks() > 1:
        with torch.no_grad():
            for tensor in tensors:
                dist.all_reduce(tensor)
