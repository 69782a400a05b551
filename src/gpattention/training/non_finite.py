"""Training steps whose loss or gradients are not finite: noticed without making the device wait.

Letters: E environments.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from gpattention.ranks import max_over_ranks


class Unsound(NamedTuple):
    """The first such step of an epoch: its batch, and positions of the environments whose errors are not finite."""

    batch: int
    environment_index: list[int]


class FiniteSteps(nn.Module):
    """Keeps the first unsound step of an epoch on the device, to be asked for now and then."""

    first: Tensor
    unsound: Tensor

    def __init__(self, n_environments: int) -> None:
        super().__init__()
        # The last place of `unsound` is for the gradients.
        self.register_buffer("first", torch.tensor(-1), persistent=False)
        self.register_buffer("unsound", torch.zeros(n_environments + 1, dtype=torch.bool), persistent=False)

    def note(self, batch: int, error_E: Tensor, gradient_norm: Tensor) -> None:
        """Take down a step by the sums of its squared errors and the norm of its gradients."""
        unsound = ~torch.cat([error_E, gradient_norm.reshape(1)]).isfinite()
        is_first = unsound.any() & (self.first < 0)
        self.first = torch.where(is_first, batch, self.first)
        self.unsound = torch.where(is_first, unsound, self.unsound)

    def found(self) -> Unsound | None:
        """The first unsound step since this was last asked; every process must ask."""
        first, unsound = self.first.clone(), self.unsound.to(torch.int32)
        max_over_ranks(first, unsound)
        self.first.fill_(-1)
        return Unsound(int(first), torch.nonzero(unsound[:-1])[:, 0].tolist()) if first >= 0 else None
