"""What every map from genotype to phenotype shares, however it is fitted: how it is scored."""

from collections.abc import Mapping
from typing import Any

import lightning as L
import torch
from torch import Tensor

from gpattention.data.batching import Batch, Batching
from gpattention.metrics import R2PerEnvironment
from gpattention.ranks import share_of, sum_over_ranks


class GPMap(L.LightningModule):
    """Predicts the standardised phenotypes of E environments from genotypes; subclasses say how it is fitted.

    Attributes:
        scores: float64 results by name (`val/r2`, `test/r2/30C`, ...), of the last validation and test.
        target_environment: name of the environment whose scores are also given as `r2_target`; None for none.
        test_predictions: (N, E) of the last test, in the order of its rows.
    """

    def __init__(self, environment_names: list[str]) -> None:
        super().__init__()
        self.environment_names = environment_names
        self.target_environment: str | None = None
        self.accuracy = R2PerEnvironment(len(environment_names))
        self.scores: dict[str, float] = {}
        self.test_predictions = torch.empty(0)
        self._test_batches: list[Tensor] = []

    @classmethod
    def batching(cls, model: Mapping[str, Any]) -> Batching:
        """The training batches that a model's configuration asks of the DataModule."""
        raise NotImplementedError

    def n_fitted(self) -> int:
        """Number of fitted parameters."""
        return sum(parameter.numel() for parameter in self.parameters())

    def validation_step(self, batch: Batch, _index: int) -> None:
        self.accuracy.update(self(batch.genotype), batch.phenotype, batch.weight)

    def on_validation_epoch_end(self) -> None:
        self.log_scores("val")

    def test_step(self, batch: Batch, _index: int) -> None:
        prediction = self(batch.genotype)
        self.accuracy.update(prediction, batch.phenotype, batch.weight)
        self._test_batches.append(prediction.cpu())

    def on_test_epoch_end(self) -> None:
        self.test_predictions = of_all_ranks(torch.cat(self._test_batches), len(self.trainer.datamodule.split.test))  # type: ignore[attr-defined]
        self._test_batches = []
        self.log_scores("test")

    def log_scores(self, split: str) -> None:
        """Compute the scores of one split, keep them in float64 and hand them to the Trainer."""
        result = self.accuracy.compute()
        measured = [name for name, n in zip(self.environment_names, result["count"].reshape(-1), strict=True) if n]
        self.accuracy.reset()
        scores = {f"{split}/{quantity}": result[quantity].item() for quantity in ("r2_pooled", "mse")}
        for quantity in ("r2", "correlation"):
            values = result[quantity].reshape(-1).tolist()  # torchmetrics makes a number of a single one
            by_name = dict(zip(self.environment_names, values, strict=True))
            scores |= {f"{split}/{quantity}/{name}": by_name[name] for name in measured}
            mean = scores[f"{split}/{quantity}"] = sum(by_name[name] for name in measured) / len(measured)
            if (target := self.target_environment) is not None:  # the others speak for one without values in this split
                scores[f"{split}/{quantity}_target"] = by_name[target] if target in measured else mean
        self.scores |= scores
        self.log_dict(scores, logger=False)


def of_all_ranks(mine: Tensor, n_rows: int) -> Tensor:
    """(N, E) rows of all processes from the share of each."""
    rows = mine.new_zeros(n_rows, mine.shape[1])
    rows[share_of(n_rows)] = mine
    sum_over_ranks(rows)  # all others have 0 there
    return rows
