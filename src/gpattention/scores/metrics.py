"""Explained variance and correlation per environment, from float64 sums over whole splits."""

import torch
from torch import Tensor
from torchmetrics import Metric


class R2PerEnvironment(Metric):
    """1 - SS_res / SS_tot of each of E environments, and Pearson's correlation, over the values that were measured.

    SS_tot is about the mean of the values seen. Only sums are kept, in float64, so batch size and order of the rows
    do not matter and processes are added up once.
    """

    full_state_update = False
    count: Tensor
    total: Tensor
    squares: Tensor
    residual: Tensor
    predicted: Tensor
    predicted_squares: Tensor
    products: Tensor

    def __init__(self, n_environments: int) -> None:
        super().__init__()
        for name in ("count", "total", "squares", "residual", "predicted", "predicted_squares", "products"):
            self.add_state(name, torch.zeros(n_environments, dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, prediction: Tensor, phenotype: Tensor, weight: Tensor) -> None:
        """(B, E) each; a value counts where its weight is above 0."""
        measured = (weight > 0).double()
        phenotype, prediction = phenotype.double(), prediction.double()
        self.count += measured.sum(0)
        self.total += (measured * phenotype).sum(0)
        self.squares += (measured * phenotype**2).sum(0)
        self.residual += (measured * (phenotype - prediction) ** 2).sum(0)
        self.predicted += (measured * prediction).sum(0)
        self.predicted_squares += (measured * prediction**2).sum(0)
        self.products += (measured * phenotype * prediction).sum(0)

    def compute(self) -> dict[str, Tensor]:
        """`count`, `r2` and `correlation` (E,), `r2_pooled` over all values about their common mean, and `mse` over all values.

        An environment without a measured value has NaN; constant predictions have correlation 0.
        """
        count, total = self.count.sum(), self.total.sum()
        variation = self.squares - self.total**2 / self.count
        predicted_variation = self.predicted_squares - self.predicted**2 / self.count
        constant = predicted_variation <= 1e-14 * self.predicted_squares  # of no more than rounding
        covariation = torch.where(constant, 0, self.products - self.total * self.predicted / self.count)
        return {
            "count": self.count.clone(),
            "r2": 1 - self.residual / variation,
            "correlation": covariation / (variation * torch.where(constant, 1, predicted_variation)).sqrt(),
            "r2_pooled": 1 - self.residual.sum() / (self.squares.sum() - total**2 / count),
            "mse": self.residual.sum() / count,
        }
