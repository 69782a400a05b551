"""Maps that are trained by gradients."""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gpattention.checks import name_some
from gpattention.data.batching import Batch, Batching
from gpattention.errors import InputError
from gpattention.hydra_targets import find_target
from gpattention.models.ensemble import Ensemble
from gpattention.ranks import is_first, n_ranks, sum_over_ranks
from gpattention.training.gpmap import MAPS, GPMap
from gpattention.training.non_finite import FiniteSteps
from gpattention.training.optimizers import build_optimizer, build_schedule, check_optimizer

FEW = 1700  # training individuals, up to which the weight decay `auto` is 1
STEPS_BETWEEN_LOOKS = 50  # for a loss that is not finite, which makes the device wait


def weighted_mean(squared_error: Tensor, weight: Tensor) -> Tensor:
    """sum(weight squared_error) / sum(weight), summed over networks that are fitted side by side; 0 where nothing was measured.

    Where processes share a batch, the sum of weights is that of the whole batch, and the errors are multiplied by the
    number of processes: the mean over these, which the gradients are, is then what one process would have.
    """
    total = weight.sum()
    sum_over_ranks(total)
    return n_ranks() * (weight * squared_error).sum() / above_zero(total)


def equal_environments(batch: Batch, n_environments: int) -> Tensor:
    """Weights of a batch by which every environment measured in it counts the same (Eq. 47)."""
    total = sum_by_environment(batch.weight, batch.environment, n_environments)
    sum_over_ranks(total)
    return batch.weight / (above_zero(total) if batch.environment is None else above_zero(total)[batch.environment])


def sum_by_environment(values: Tensor, environment_B: Tensor | None, n_environments: int) -> Tensor:
    """(E,) sums of (B, E) values, or of (B,) values that belong to the environments given."""
    if environment_B is None:
        return values.sum(0)
    return values.new_zeros(n_environments).index_add_(0, environment_B, values)


def decay_for(n: int) -> float:
    """A weight decay for n training individuals: strong where they are few, next to nothing beyond ten thousand."""
    return min(1.0, (FEW / n) ** 1.5)


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
        interaction_sets: of `model.interactions_from`, for the network that takes them.
        loss: `pooled` averages over all measured values of a batch, `per_environment` over its environments (Eq. 47).
        freeze: parts of the network that stay as they are, by the start of their parameters' names.
        n_members: networks that are fitted side by side, from other initial weights; the map is their mean.
        optimizer: `adam`, `adamw`, or another one by its `_target_`, see `build_optimizer`.
        learning_rate: constant, or the peak of the one-cycle schedule.
        weight_decay: of the optimizer; `auto`, of adamw, falls with the number of training individuals, see `decay_for`; it is 0 for
            other optimizers.
        schedule: `constant`, `one_cycle` over all steps of the run, or another one by its `_target_`, see `build_schedule`.
        warmup_fraction: share of the steps in which the one-cycle schedule rises.
        on_non_finite: where the loss or its gradients are not finite, `stop` the run or `skip` the step.
    """

    loss_sum: Tensor
    values_seen: Tensor
    n_skipped: Tensor
    last_batch: tuple[int, Tensor]  # its number, and its errors by environment

    def __init__(
        self,
        *,
        model: dict[str, Any],
        n_loci: int,
        environment_names: list[str],
        environment_covariates: list[list[float]] | None = None,
        interaction_sets: list[list[int]] | None = None,
        loss: Literal["pooled", "per_environment"] = "pooled",
        freeze: list[str] | None = None,
        n_members: int = 1,
        optimizer: Literal["adam", "adamw"] | dict[str, Any] = "adam",
        learning_rate: float = 1e-3,
        weight_decay: float | Literal["auto"] = 0.0,
        schedule: Literal["constant", "one_cycle"] | dict[str, Any] = "constant",
        warmup_fraction: float = 0.3,
        on_non_finite: Literal["stop", "skip"] = "stop",
    ) -> None:
        super().__init__(environment_names)
        fixed_decay = 0.0 if weight_decay == "auto" else weight_decay
        if learning_rate <= 0 or fixed_decay < 0 or not 0 < warmup_fraction < 1:
            raise InputError(
                f"training.learning_rate={learning_rate}, weight_decay={weight_decay}, warmup_fraction={warmup_fraction}: "
                "give a rate above 0, a decay from 0 on and a fraction between 0 and 1"
            )
        check_optimizer(optimizer, schedule, learning_rate, fixed_decay, warmup_fraction)
        self.save_hyperparameters(logger=False)
        make = partial(
            find_target(MAPS, model),
            n_loci=n_loci,
            n_environments=len(environment_names),
            environment_covariates=environment_covariates,
            **({} if interaction_sets is None else {"interaction_sets": interaction_sets}),
            **{key: value for key, value in model.items() if key != "_target_"},
        )
        if n_members < 1:
            raise InputError(f"training.n_members={n_members}: give a number from 1 on")
        self.network = make() if n_members == 1 else Ensemble(make, n_members)
        for network in self.networks:
            freeze_parameters(network, freeze or [])
        self.by_token = self.batching(model) == "balanced"
        self.register_buffer("loss_sum", torch.zeros(()), persistent=False)
        self.register_buffer("values_seen", torch.zeros((), dtype=torch.int64), persistent=False)
        self.register_buffer("n_skipped", torch.zeros((), dtype=torch.int64), persistent=False)
        self.finite = FiniteSteps(len(environment_names))
        self.decaying: list[Any] = [part for part in self.network.modules() if hasattr(part, "decay")]
        self.is_empty_step = True  # whether nobody was measured in the batches since the last step

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

    @property
    def networks(self) -> list[nn.Module]:
        """The network, or all those that the map is the mean of."""
        return [*self.network.members] if isinstance(self.network, Ensemble) else [self.network]

    def each(self, batch: Batch) -> Tensor:
        """Predictions of a training batch by every network, (M, B, E) or (M, B)."""
        inputs = (batch.genotype,) if batch.environment is None else (batch.genotype, batch.environment)
        return torch.stack([network(*inputs) for network in self.networks])

    def on_train_epoch_start(self) -> None:
        self.loss_sum.zero_()

    def training_step(self, batch: Batch, index: int) -> Tensor:
        n_environments = len(self.environment_names)
        squared_error = (self.each(batch) - batch.phenotype) ** 2
        per_environment = self.hparams["loss"] == "per_environment"
        weight = equal_environments(batch, n_environments) if per_environment else batch.weight
        loss = weighted_mean(squared_error, weight)

        n_values = (batch.weight > 0).sum()
        self.values_seen += n_values
        self.loss_sum += loss.detach().nan_to_num(0, 0, 0) / len(squared_error)
        errors = sum_by_environment(weight * squared_error.detach().mean(0), batch.environment, n_environments)
        if self.by_token:
            sum_over_ranks(n_values)
        self.last_batch = (index, errors)
        self.is_empty_step = self.is_empty_step and self.by_token and not n_values
        return loss

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """No step where nobody in its batches was measured, nor where it is not finite and is to be skipped."""
        index, errors = self.last_batch
        is_empty, self.is_empty_step = self.is_empty_step, True
        gradients = [parameter.grad for parameter in self.network.parameters() if parameter.grad is not None]
        # In float16 the scaler of gradients looks after those that overflow.
        norm = torch.zeros(()) if self.trainer.precision == "16-mixed" else torch.nn.utils.get_total_norm(gradients)
        self.finite.note(index, errors, norm.to(errors))
        skip = self.hparams["on_non_finite"] == "skip" and self.finite.found() is not None
        self.n_skipped += skip
        if is_empty or skip:
            optimizer.zero_grad(set_to_none=True)
            return
        for part in self.decaying:
            part.decay(optimizer.param_groups[0]["lr"])

    def on_train_batch_end(self, _outputs: Any, _batch: Batch, index: int) -> None:
        if index % STEPS_BETWEEN_LOOKS == 0:
            self.stop_if_not_finite()

    def stop_if_not_finite(self) -> None:
        """Raise an InputError if a step since the last look was not finite."""
        if (found := self.finite.found()) is not None:
            names = [self.environment_names[position] for position in found.environment_index]
            where = f"errors of {name_some(names)}" if names else "gradients"
            raise InputError(
                f"the {where} are no longer finite at epoch {self.current_epoch + 1}, batch {found.batch + 1}, with learning rate "
                f"{self.optimizers().param_groups[0]['lr']:.3g}: lower training.learning_rate or model.init_std, or set "  # type: ignore[union-attr]
                "trainer.gradient_clip_val=1 or training.on_non_finite=skip; the best map so far is kept in the run folder"
            )

    def on_validation_epoch_start(self) -> None:
        if self.trainer.state.fn == "fit":
            self.stop_if_not_finite()

    def on_validation_epoch_end(self) -> None:
        if self.trainer.state.fn == "fit":
            loss_sum, values_seen = self.loss_sum.clone(), self.values_seen.clone()
            sum_over_ranks(loss_sum, values_seen)
            n_losses = self.trainer.num_training_batches * n_ranks()
            self.scores["train/loss"] = (loss_sum / n_losses).item()
            self.scores["train/passes"] = values_seen.item() / self.trainer.datamodule.training_data.n_values  # type: ignore[attr-defined]
            if n_skipped := self.n_skipped.item():
                self.scores["train/skipped_steps"] = n_skipped
        super().on_validation_epoch_end()
        if not math.isfinite(self.scores["val/mse"]):
            raise InputError(
                f"the predictions are no longer finite after epoch {self.current_epoch + 1}: lower training.learning_rate "
                f"({self.hparams['learning_rate']:g}) or model.init_std"
            )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Counts of all processes, so that a run can go on with another number of them."""
        loss_sum, values_seen = self.loss_sum / n_ranks(), self.values_seen.clone()
        sum_over_ranks(loss_sum, values_seen)
        checkpoint["counts"] = {
            "loss_sum": loss_sum.item(),
            "values_seen": values_seen.item(),
            "n_skipped": self.n_skipped.item(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        counts = checkpoint["counts"]
        self.loss_sum.fill_(counts["loss_sum"])
        self.n_skipped.fill_(counts["n_skipped"])
        self.values_seen.fill_(counts["values_seen"] if is_first() else 0)

    def configure_optimizers(self) -> Any:
        settings = self.hparams
        rate, warmup_fraction = settings["learning_rate"], settings["warmup_fraction"]
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        decay = settings["weight_decay"]
        if decay == "auto":
            rows, _ = self.trainer.datamodule.training_data.trained_on  # type: ignore[attr-defined]
            decay = decay_for(len(rows)) if settings["optimizer"] == "adamw" else 0.0
        optimizer = build_optimizer(settings["optimizer"], trained, rate, decay)
        if settings["schedule"] == "constant":
            return optimizer
        n_steps = int(self.trainer.estimated_stepping_batches)
        schedule = build_schedule(settings["schedule"], optimizer, rate, warmup_fraction, n_steps)
        return {"optimizer": optimizer, "lr_scheduler": schedule}
