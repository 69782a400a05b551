"""Several networks of the same kind as one map.

Letters: M members, B batch, E environments.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class Ensemble(nn.Module):
    """The mean of M networks, each from other initial weights and trained on its own error.

    Args:
        make: makes one member.
        n_members: M.
    """

    def __init__(self, make: Callable[[], nn.Module], n_members: int) -> None:
        super().__init__()
        self.members = nn.ModuleList(make() for _ in range(n_members))

    def forward(self, *inputs: Tensor) -> Tensor:
        """(B, E) standardised phenotypes of genotypes, or (B,) where environments are given too."""
        return torch.stack([member(*inputs) for member in self.members]).mean(0)
