"""What every map from genotype to phenotype shares, however it is fitted: how it is scored."""

import lightning as L
import torch
from torch import Tensor

from gpattention.data.batching import Batch, Batching
from gpattention.metrics import R2PerEnvironment


class GPMap(L.LightningModule):
    """Predicts the standardised phenotypes of E environments from genotypes; subclasses say how it is fitted.

    Attributes:
        batching: the training batches that the map asks of the DataModule.
        scores: float64 results by name (`val/r2`, `test/r2/30C`, ...), of the last validation and test.
        test_predictions: (N, E) of the last test, in the order of its rows.
    """

    batching: Batching = "shuffled"

    def __init__(self, environment_names: list[str]) -> None:
        super().__init__()
        self.environment_names = environment_names
        self.accuracy = R2PerEnvironment(len(environment_names))
        self.scores: dict[str, float] = {}
        self.test_predictions = torch.empty(0)
        self._test_batches: list[Tensor] = []

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
        self.test_predictions = torch.cat(self._test_batches)
        self._test_batches = []
        self.log_scores("test")

    def log_scores(self, split: str) -> None:
        """Compute the scores of one split, keep them in float64 and hand them to the Trainer."""
        result = self.accuracy.compute()
        self.accuracy.reset()
        r2 = result["r2"].reshape(-1).tolist()  # torchmetrics makes a number of a single one
        scores = {f"{split}/r2/{name}": value for name, value in zip(self.environment_names, r2, strict=True)}
        scores |= {
            f"{split}/r2": result["r2"].mean().item(),
            f"{split}/r2_pooled": result["r2_pooled"].item(),
            f"{split}/mse": result["mse"].item(),
        }
        self.scores |= scores
        self.log_dict(scores, logger=False)
