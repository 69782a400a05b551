"""Explained variance per environment, from float64 sums over whole splits."""

import torch
from torch import Tensor
from torchmetrics import Metric


class R2PerEnvironment(Metric):
    """1 - SS_res / SS_tot of each of E environments, over the values that were measured.

    SS_tot is about the mean of the values seen. Only sums are kept, in float64, so batch size and order of the rows
    do not matter and processes are added up once.
    """

    full_state_update = False
    count: Tensor
    total: Tensor
    squares: Tensor
    residual: Tensor

    def __init__(self, n_environments: int) -> None:
        super().__init__()
        for name in ("count", "total", "squares", "residual"):
            self.add_state(name, torch.zeros(n_environments, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, phenotype: Tensor, weight: Tensor) -> None:
        """(B, E) each; a value counts where its weight is above 0."""
        measured = (weight > 0).double()
        phenotype = phenotype.double()
        self.count += measured.sum(0)
        self.total += (measured * phenotype).sum(0)
        self.squares += (measured * phenotype**2).sum(0)
        self.residual += (measured * (phenotype - prediction.double()) ** 2).sum(0)

    def compute(self) -> dict[str, Tensor]:
        """`r2` (E,), `r2_pooled` over all values about their common mean, and `mse` over all values."""
        count, total = self.count.sum(), self.total.sum()
        return {
            "r2": 1 - self.residual / (self.squares - self.total**2 / self.count),
            "r2_pooled": 1 - self.residual.sum() / (self.squares.sum() - total**2 / count),
            "mse": self.residual.sum() / count,
        }
