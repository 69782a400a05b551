"""Maps that are solved rather than trained: several candidates at once, of which validation chooses.

Letters: B batch, L loci, E environments, C candidates.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gpattention.data.batching import Batch, Batching
from gpattention.scores.metrics import R2PerEnvironment
from gpattention.training.gpmap import GPMap, of_all_ranks


class ClosedFormMap(GPMap):
    """Solves for all candidates after a pass over the training part; validation chooses one for each environment.

    An environment without a value in the validation part takes the candidate with the highest mean R2 of the others.

    Subclasses give `solve`, `predict_candidates` and `keep`.

    Attributes:
        one_map: one candidate for all environments, that with the highest mean R2.
        refit: whether `keep` solves once more with the validation part; scores and predictions of it are from before.
    """

    one_map = False
    refit = False
    max_epochs = 1

    def __init__(self, environment_names: list[str]) -> None:
        super().__init__(environment_names)
        self.automatic_optimization = False
        self.candidate_accuracy: R2PerEnvironment | None = None

    @classmethod
    def batching(cls, model: Mapping[str, Any]) -> Batching:
        return "one_pass"

    def solve(self) -> None:
        """Solve for every candidate; called after the pass, at the start of the validation."""
        raise NotImplementedError

    def predict_candidates(self, genotype_BL: Tensor) -> Tensor:
        """(B, C, E) float64 predictions of every candidate."""
        raise NotImplementedError

    def keep(self, best_E: Tensor) -> None:
        """Keep one candidate for each environment and forget the others."""
        raise NotImplementedError

    def configure_optimizers(self) -> None:
        return None

    def training_step(self, batch: Batch, _index: int) -> None:
        return None

    def on_train_epoch_end(self) -> None:
        self.trainer.should_stop = True  # one pass is all there is, whatever the Trainer was told

    @property
    def choosing(self) -> bool:
        return self.trainer.state.fn == "fit" and not self.trainer.sanity_checking

    def on_validation_start(self) -> None:
        if self.choosing:
            self.scores["train/passes"] = 1.0
            self.solve()
            self.candidate_accuracy = None

    def validation_step(self, batch: Batch, index: int) -> None:
        if not self.choosing:
            super().validation_step(batch, index)
            return
        prediction_BCE = self.predict_candidates(batch.genotype)
        n_candidates = prediction_BCE.shape[1]
        if self.candidate_accuracy is None:
            columns = n_candidates * len(self.environment_names)
            self.candidate_accuracy = R2PerEnvironment(columns).to(self.device)
        phenotype, weight = (part.repeat(1, n_candidates) for part in (batch.phenotype, batch.weight))
        self.candidate_accuracy.update(prediction_BCE.flatten(1), phenotype, weight)
        self.accuracy.update(prediction_BCE[:, 0], batch.phenotype, batch.weight)  # replaced by the chosen ones' sums

    def on_validation_epoch_end(self) -> None:
        if self.choosing:
            self.choose()
        if self.choosing or not self.refit:
            super().on_validation_epoch_end()
        else:
            self.accuracy.reset()
            self._batches = []

    def batch_to_refit(self) -> Batch:
        """Training and validation part as one batch, once the map from before has predicted the validation part."""
        datamodule = self.trainer.datamodule  # type: ignore[attr-defined]
        data = datamodule.training_data
        mine = torch.cat([self(batch.genotype).cpu() for batch in datamodule.val_dataloader()])
        self.predictions["val"] = of_all_ranks(mine, len(data.split.val))
        return datamodule.batch_of(*data.weigh(np.concatenate([data.split.train, data.split.val])))

    def choose(self) -> None:
        """Keep, for each environment, the candidate with the highest R2 on the validation part."""
        assert self.candidate_accuracy is not None
        n_environments = len(self.environment_names)
        columns = self.candidate_accuracy
        r2_CE = columns.compute()["r2"].reshape(-1, n_environments)
        best_E = self.choose_from(r2_CE)
        self.keep(best_E)
        chosen = best_E * n_environments + torch.arange(n_environments, device=best_E.device)
        for state in columns._defaults:
            setattr(self.accuracy, state, getattr(columns, state)[chosen])
        self.candidate_accuracy = None

    def choose_from(self, r2_CE: Tensor) -> Tensor:
        """(E,) the candidate of each environment, by their R2 on the validation part."""
        mean_C1 = torch.where(r2_CE.isfinite(), r2_CE, torch.nan).nanmean(dim=1, keepdim=True)
        # The others choose for an environment without validation values, and all together where they share one map.
        for_itself = r2_CE.isfinite() & (not self.one_map)
        return torch.where(for_itself, r2_CE, mean_C1).argmax(dim=0)
