"""Maps that are trained by gradients."""

import math
from typing import Any, Literal

import torch
from hydra.utils import get_class
from torch import Tensor

from gpattention.data.batching import Batch
from gpattention.errors import InputError
from gpattention.gpmap import GPMap


def weighted_squared_error(prediction: Tensor, phenotype: Tensor, weight: Tensor) -> Tensor:
    """sum(weight (prediction - phenotype)^2) / sum(weight); 0 where nothing was measured."""
    total = weight.sum()
    return (weight * (prediction - phenotype) ** 2).sum() / total.clamp_min(torch.finfo(total.dtype).tiny)


class GPMapModule(GPMap):
    """A network trained on the squared error of standardised phenotypes (Eqs. 9, 37).

    Args:
        model: the network as plain values: `_target_` and the arguments of its constructor.
        n_loci: L.
        environment_names: E names, in the order of the phenotype columns.
        optimizer: `adam` or `adamw`.
        learning_rate: constant, or the peak of the one-cycle schedule.
        weight_decay: of the optimizer.
        schedule: `constant`, or `one_cycle` over all steps of the run.
        warmup_fraction: share of the steps in which the one-cycle schedule rises.
    """

    loss_sum: Tensor

    def __init__(
        self,
        *,
        model: dict[str, Any],
        n_loci: int,
        environment_names: list[str],
        optimizer: Literal["adam", "adamw"] = "adam",
        learning_rate: float = 1e-3,
        weight_decay: float = 0.0,
        schedule: Literal["constant", "one_cycle"] = "constant",
        warmup_fraction: float = 0.3,
    ) -> None:
        super().__init__(environment_names)
        if learning_rate <= 0 or weight_decay < 0 or not 0 < warmup_fraction < 1:
            raise InputError(
                f"training.learning_rate={learning_rate}, weight_decay={weight_decay}, warmup_fraction={warmup_fraction}: "
                "give a rate above 0, a decay from 0 on and a fraction between 0 and 1"
            )
        self.save_hyperparameters(logger=False)
        arguments = {key: value for key, value in model.items() if key != "_target_"}
        network = get_class(model["_target_"])
        self.network = network(n_loci=n_loci, n_environments=len(environment_names), **arguments)
        self.register_buffer("loss_sum", torch.zeros(()), persistent=False)

    def forward(self, genotype_BL: Tensor) -> Tensor:
        """(B, L) genotypes to (B, E) standardised phenotypes."""
        return self.network(genotype_BL)

    def on_train_epoch_start(self) -> None:
        self.loss_sum.zero_()

    def training_step(self, batch: Batch, _index: int) -> Tensor:
        loss = weighted_squared_error(self(batch.genotype), batch.phenotype, batch.weight)
        self.loss_sum += loss.detach()
        return loss

    def on_validation_epoch_end(self) -> None:
        if self.trainer.state.fn == "fit":
            self.scores["train/loss"] = (self.loss_sum / self.trainer.num_training_batches).item()
        super().on_validation_epoch_end()
        if not math.isfinite(self.scores["val/mse"]):
            raise InputError(
                f"the predictions are no longer finite after epoch {self.current_epoch}: lower training.learning_rate "
                f"({self.hparams['learning_rate']:g}) or model.init_std"
            )

    def configure_optimizers(self) -> Any:
        settings = self.hparams
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings["optimizer"]]
        optimizer = kind(
            self.parameters(), lr=settings["learning_rate"], weight_decay=settings["weight_decay"], fused=True
        )
        if settings["schedule"] == "constant":
            return optimizer
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=settings["learning_rate"],
            total_steps=int(self.trainer.estimated_stepping_batches),
            pct_start=settings["warmup_fraction"],
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
