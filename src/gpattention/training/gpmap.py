"""What every map from genotype to phenotype shares, however it is fitted: how it is scored."""

from collections.abc import Mapping
from inspect import isclass, signature
from typing import Any, Literal

import lightning as L
import pandas as pd
import torch
from torch import Tensor, nn

from gpattention.data.batching import Batch, Batching
from gpattention.data.training_data import TrainingData
from gpattention.hydra_targets import OURS, Kind
from gpattention.ranks import share_of, sum_over_ranks
from gpattention.scores.metrics import R2PerEnvironment


class GPMap(L.LightningModule):
    """Predicts the standardised phenotypes of E environments from genotypes; subclasses say how it is fitted.

    Attributes:
        scores: float64 results by name (`val/r2`, `test/r2/30C`, ...), of the last validation and test.
        target_environment: name of the environment whose scores are also given as `r2_target`; None for none.
        predictions: (N, E) of the last validation after the fit (`val`) and of the last test (`test`), in the order of
            their rows.
        seconds_before_fit: that the map has taken before the Trainer's fit, such as for others that it is made of.
        max_epochs: of the fit, where that is the map's own matter; None leaves it to the Trainer's settings.
    """

    max_epochs: int | None = None
    seconds_before_fit: float = 0.0

    def __init__(self, environment_names: list[str]) -> None:
        super().__init__()
        self.environment_names = environment_names
        self.target_environment: str | None = None
        self.accuracy = R2PerEnvironment(len(environment_names))
        self.scores: dict[str, float] = {}
        self.predictions: dict[str, Tensor] = {}
        self._batches: list[Tensor] = []

    @classmethod
    def batching(cls, model: Mapping[str, Any]) -> Batching:
        """The training batches that a model's configuration asks of the DataModule."""
        raise NotImplementedError

    def n_fitted(self) -> int:
        """Number of fitted parameters."""
        return sum(parameter.numel() for parameter in self.parameters())

    def tables(self, data: TrainingData) -> dict[str, pd.DataFrame]:
        """What the fitted map has to say of itself, by the names of the run folder's files without `.tsv`."""
        return {}

    def validation_step(self, batch: Batch, _index: int) -> None:
        self.score(batch)

    def on_validation_epoch_end(self) -> None:
        self.gather_predictions("val")
        self.log_scores("val")

    def test_step(self, batch: Batch, _index: int) -> None:
        self.score(batch)

    def on_test_epoch_end(self) -> None:
        self.gather_predictions("test")
        self.log_scores("test")

    def score(self, batch: Batch) -> None:
        prediction = self(batch.genotype)
        self.accuracy.update(prediction, batch.phenotype, batch.weight)
        if self.trainer.state.fn != "fit":
            self._batches.append(prediction.cpu())

    def gather_predictions(self, split: Literal["val", "test"]) -> None:
        """Keep what was predicted for one split after the fit."""
        if self._batches:
            n_rows = len(getattr(self.trainer.datamodule.training_data.split, split))  # type: ignore[attr-defined]
            self.predictions[split] = of_all_ranks(torch.cat(self._batches), n_rows)
            self._batches = []

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


def is_map(found: Any) -> bool:
    """A network or a regression, by the arguments that all have; what trains networks takes a model as well."""
    return (
        isclass(found)
        and issubclass(found, nn.Module)
        and {"n_loci", "model"} & {*signature(found).parameters} == {"n_loci"}
    )


MAPS = Kind("model", "a class of maps", (OURS,), is_map)
"""What `model` may name."""
