"""Several maps, from the simplest to the largest, as one.

Letters: B batch, N individuals of the validation part, M maps, E environments.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from gpattention.checks import check_node
from gpattention.data.training_data import TrainingData
from gpattention.errors import InputError
from gpattention.regressions.stacking import stack
from gpattention.training.closed_form import ClosedFormMap
from gpattention.training.gpmap import GPMap
from gpattention.training.kinds import module_class

log = logging.getLogger(__name__)

FitRung = Callable[[str, list[str], float], GPMap]
"""Fits one rung: its name, its options, and the seconds that are left."""


class Ladder(ClosedFormMap):
    """Fits one map after another while there is time, and combines them by their predictions of the validation part, see `stack`.

    Args:
        n_loci: L.
        environment_names: E names, in the order of the phenotype columns.
        rungs: the options of each map by its name, as for the command line, from the simplest on; None leaves one out.
        max_seconds: after which no other map is begun, and a network in training is ended.

    Raises:
        InputError: a value is out of range.
    """

    weight: Tensor  # (M, E)
    intercept: Tensor  # (E,)

    def __init__(
        self,
        *,
        n_loci: int,
        environment_names: list[str],
        rungs: dict[str, list[str] | None],
        max_seconds: float = 1800,
    ) -> None:
        super().__init__(environment_names)
        self.save_hyperparameters(logger=False)
        if not any(rungs.values()) or max_seconds <= 0:
            raise InputError(
                f"model.rungs={rungs}, max_seconds={max_seconds:g}: give one map or more, and seconds above 0"
            )
        self.rungs = {name: options for name, options in rungs.items() if options}
        self.max_seconds = max_seconds
        self.members = nn.ModuleDict()
        self.how = ""
        self.seconds: dict[str, float] = {}
        n_environments = len(environment_names)
        self.register_buffer("weight", torch.zeros(0, n_environments, dtype=torch.float64))
        self.register_buffer("intercept", torch.zeros(n_environments, dtype=torch.float64))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["members"] = []
        for name, member in self.members.items():
            assert isinstance(member, GPMap)
            model = member.hparams.get("model") or {
                "_target_": f"{type(member).__module__}.{type(member).__qualname__}"
            }
            own: dict[str, Any] = {"name": name, "model": model, "hyper_parameters": dict(member.hparams)}
            own["state_dict"] = member.state_dict()
            member.on_save_checkpoint(own)
            checkpoint["members"].append(own)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        for own in checkpoint["members"]:
            settings = own["hyper_parameters"]
            kind = module_class(own["model"])
            check_node(f"members.{own['name']}", settings, kind.__init__)
            member = kind(**settings)
            member.on_load_checkpoint(own)
            self.members[own["name"]] = member
        self.weight = torch.zeros(len(self.members), len(self.environment_names), dtype=torch.float64)

    def n_fitted(self) -> int:
        """Of all maps with a weight; 0 before the fit."""
        used = self.weight.any(dim=1).tolist()
        members = [member for member in self.members.values() if isinstance(member, GPMap)]
        return sum(member.n_fitted() for member, is_used in zip(members, used, strict=True) if is_used)

    def forward(self, genotype_BL: Tensor) -> Tensor:
        """(B, L) genotypes to (B, E) standardised phenotypes."""
        predicted = self.intercept.repeat(len(genotype_BL), 1)
        for member, weight_E in zip(self.members.values(), self.weight, strict=True):
            if weight_E.any():
                predicted = predicted + weight_E * member(genotype_BL)
        return predicted

    def climb(self, fit_rung: FitRung) -> None:
        """Fit the maps; called before the fit, which only combines them."""
        start = time.perf_counter()
        for number, (name, options) in enumerate(self.rungs.items(), start=1):
            left = self.max_seconds - (began := time.perf_counter()) + start
            if left <= 0:
                log.info("%s is left out: model.max_seconds=%g are over", name, self.max_seconds)
                continue
            log.info("map %d of %d: %s", number, len(self.rungs), name)
            try:
                self.members[name] = fit_rung(name, options, left)
            except InputError as error:
                log.info("%s is left out: %s", name, error)
                continue
            self.seconds[name] = time.perf_counter() - began
        self.seconds_before_fit = time.perf_counter() - start
        self.train()  # loaded maps are in evaluation mode, which a Trainer wonders about
        if not self.members:
            raise InputError("none of model.rungs could be fitted: see the reasons above")

    def solve(self) -> None:
        datamodule = self.trainer.datamodule  # type: ignore[attr-defined]
        batches = list(datamodule.val_dataloader())
        predicted = torch.stack(
            [torch.cat([member(one.genotype) for one in batches]).double() for member in self.members.values()]
        )
        measured = torch.cat([torch.where(one.weight > 0, one.phenotype.double(), torch.nan) for one in batches])
        weight, intercept, self.how = stack(predicted.numpy(force=True), measured.numpy(force=True))
        self.weight = torch.from_numpy(weight).to(self.device)
        self.intercept = torch.from_numpy(intercept).to(self.device)

    def predict_candidates(self, genotype_BL: Tensor) -> Tensor:
        return self(genotype_BL)[:, None]

    def keep(self, best_E: Tensor) -> None:
        parts = [
            f"{name} {weight:.2f}"
            for name, weight in zip(self.members, self.weight.mean(1).tolist(), strict=True)
            if weight
        ]
        log.info("the map is %s: %s", self.how, ", ".join(parts))

    def tables(self, data: TrainingData) -> dict[str, pd.DataFrame]:
        """`ladder`: a row per map and environment with its weight, and the seconds that the map took."""
        names = self.environment_names
        table = pd.DataFrame(
            {
                "map": np.repeat([*self.members], len(names)),
                "environment": names * len(self.members),
                "weight": self.weight.numpy(force=True).ravel(),
                "seconds": np.repeat([self.seconds[name] for name in self.members], len(names)),
            }
        )
        return {"ladder": table}
