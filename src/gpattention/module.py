"""Maps that are trained by gradients."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import torch
from hydra.utils import get_class
from torch import Tensor, nn

from gpattention.data.batching import Batch, Batching
from gpattention.errors import InputError
from gpattention.gpmap import GPMap


def weighted_squared_error(prediction: Tensor, phenotype: Tensor, weight: Tensor) -> Tensor:
    """sum(weight (prediction - phenotype)^2) / sum(weight); 0 where nothing was measured."""
    return (weight * (prediction - phenotype) ** 2).sum() / above_zero(weight.sum())


def equal_environments(batch: Batch, n_environments: int) -> Tensor:
    """Weights of a batch by which every environment measured in it counts the same (Eq. 47)."""
    if batch.environment is None:
        return batch.weight / above_zero(batch.weight.sum(0))
    total = batch.weight.new_zeros(n_environments).index_add_(0, batch.environment, batch.weight)
    return batch.weight / above_zero(total)[batch.environment]


def above_zero(total: Tensor) -> Tensor:
    return total.clamp_min(torch.finfo(total.dtype).tiny)


def freeze_parameters(network: nn.Module, names: list[str]) -> None:
    """Leave out of training what starts with one of the names, whole words of a dotted name."""
    known = [name for name, _ in network.named_parameters()]
    for start in names:
        if not any(f"{name}.".startswith(f"{start}.") for name in known):
            parts = ", ".join(dict.fromkeys(name.partition(".")[0] for name in known))
            raise InputError(f"training.freeze: the network has no {start}: it has {parts}")
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(not any(f"{name}.".startswith(f"{start}.") for start in names))
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise InputError(f"training.freeze={names} leaves nothing to train: take a part out of the list")


class GPMapModule(GPMap):
    """A network trained on the squared error of standardised phenotypes (Eqs. 9, 37).

    Args:
        model: the network as plain values: `_target_` and the arguments of its constructor.
        n_loci: L.
        environment_names: E names, in the order of the phenotype columns.
        environment_covariates: `covariates` of the DataModule, for networks that take them.
        loss: `pooled` averages over all measured values of a batch, `per_environment` over its environments (Eq. 47).
        freeze: parts of the network that stay as they are, by the start of their parameters' names.
        optimizer: `adam` or `adamw`.
        learning_rate: constant, or the peak of the one-cycle schedule.
        weight_decay: of the optimizer.
        schedule: `constant`, or `one_cycle` over all steps of the run.
        warmup_fraction: share of the steps in which the one-cycle schedule rises.
    """

    loss_sum: Tensor
    values_seen: Tensor

    def __init__(
        self,
        *,
        model: dict[str, Any],
        n_loci: int,
        environment_names: list[str],
        environment_covariates: list[list[float]] | None = None,
        loss: Literal["pooled", "per_environment"] = "pooled",
        freeze: list[str] | None = None,
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
        self.network = get_class(model["_target_"])(
            n_loci=n_loci,
            n_environments=len(environment_names),
            environment_covariates=environment_covariates,
            **arguments,
        )
        freeze_parameters(self.network, freeze or [])
        self.by_token = self.batching(model) == "balanced"
        self.register_buffer("loss_sum", torch.zeros(()), persistent=False)
        self.register_buffer("values_seen", torch.zeros((), dtype=torch.int64), persistent=False)

    @classmethod
    def batching(cls, model: Mapping[str, Any]) -> Batching:
        return "balanced" if model.get("environment") == "token" else "shuffled"

    def forward(self, genotype_BL: Tensor) -> Tensor:
        """(B, L) genotypes to (B, E) standardised phenotypes."""
        if not self.by_token:
            return self.network(genotype_BL)
        each = torch.arange(len(self.environment_names), device=genotype_BL.device)
        columns = [self.network(genotype_BL, environment.expand(len(genotype_BL))) for environment in each]
        return torch.stack(columns, dim=1)

    def on_train_epoch_start(self) -> None:
        self.loss_sum.zero_()

    def training_step(self, batch: Batch, _index: int) -> Tensor | None:
        if batch.environment is None:
            prediction = self.network(batch.genotype)
        elif batch.weight.any():
            prediction = self.network(batch.genotype, batch.environment)
        else:
            return None  # nobody in it was measured where it serves: no step
        per_environment = self.hparams["loss"] == "per_environment"
        weight = equal_environments(batch, len(self.environment_names)) if per_environment else batch.weight
        loss = weighted_squared_error(prediction, batch.phenotype, weight)
        self.loss_sum += loss.detach()
        self.values_seen += (batch.weight > 0).sum()
        return loss

    def on_validation_epoch_end(self) -> None:
        if self.trainer.state.fn == "fit":
            self.scores["train/loss"] = (self.loss_sum / self.trainer.num_training_batches).item()
            self.scores["train/passes"] = self.values_seen.item() / self.trainer.datamodule.n_values  # type: ignore[attr-defined]
        super().on_validation_epoch_end()
        if not math.isfinite(self.scores["val/mse"]):
            raise InputError(
                f"the predictions are no longer finite after epoch {self.current_epoch}: lower training.learning_rate "
                f"({self.hparams['learning_rate']:g}) or model.init_std"
            )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["values_seen"] = self.values_seen.item()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.values_seen.fill_(checkpoint["values_seen"])

    def configure_optimizers(self) -> Any:
        settings = self.hparams
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings["optimizer"]]
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        optimizer = kind(trained, lr=settings["learning_rate"], weight_decay=settings["weight_decay"], fused=True)
        if settings["schedule"] == "constant":
            return optimizer
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=settings["learning_rate"],
            total_steps=int(self.trainer.estimated_stepping_batches),
            pct_start=settings["warmup_fraction"],
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
