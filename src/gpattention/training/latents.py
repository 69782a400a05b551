"""Latent traits trained by gradients, with many settings side by side, of which validation chooses one.

Letters: B batch, N individuals of the validation part, E environments, M members, S settings, L loci.
"""

import pandas as pd
import torch
from torch import Tensor

from gpattention.data.batching import Batch
from gpattention.data.training_data import TrainingData
from gpattention.models.latent_traits import LatentTraits, Setting
from gpattention.ranks import share_of
from gpattention.scores.losses import shares_of_loss
from gpattention.training.by_gradients import GPMapModule
from gpattention.training.gpmap import of_all_ranks


class LatentModule(GPMapModule):
    """Trains every member of `LatentTraits` on its own error; takes the arguments of `GPMapModule`.

    After every epoch validation chooses the settings that the map is the mean of, those with the highest R2, and the one whose traits
    are read: of each number of traits the best decays, and of the numbers of traits the smallest whose R2 is within one standard error
    of the best, that of the difference between two maps of the same individuals.
    """

    network: LatentTraits
    by_setting: list[Tensor]  # (B, S, E) predictions of the validation part, the mean over the starts of each setting

    def each(self, batch: Batch) -> Tensor:
        return self.network.each(batch.genotype)

    def n_fitted(self) -> int:
        return self.network.n_fitted()

    def on_validation_epoch_start(self) -> None:
        super().on_validation_epoch_start()
        self.by_setting = []

    def validation_step(self, batch: Batch, index: int) -> None:
        if self.trainer.state.fn != "fit":
            super().validation_step(batch, index)
            return
        each_MBE = self.network.each(batch.genotype)
        self.by_setting.append(each_MBE.unflatten(0, (-1, self.network.n_starts)).mean(1).transpose(0, 1))

    def on_validation_epoch_end(self) -> None:
        if self.by_setting:
            self.choose(torch.cat(self.by_setting))
        super().on_validation_epoch_end()

    def choose(self, mine_NSE: Tensor) -> None:
        """Choose among the settings by what they predict for the validation part, of which this process has its share."""
        datamodule = self.trainer.datamodule  # type: ignore[attr-defined]
        val = datamodule.batch_of(datamodule.training_data.split.val, with_genotype=False)
        n_rows = len(val.phenotype)
        predicted_NSE = of_all_ranks(mine_NSE.flatten(1), n_rows).unflatten(1, mine_NSE.shape[1:])
        measured_NE = torch.where(val.weight > 0, val.phenotype.double(), torch.nan)
        arrays = (part.numpy(force=True) for part in (predicted_NSE.transpose(0, 1), measured_NE))
        loss_SN = torch.from_numpy(shares_of_loss(*arrays))
        r2_S, best = 1 - loss_SN.sum(1), int(loss_SN.sum(1).argmin())
        error_S = (loss_SN - loss_SN[best]).std(1) * n_rows**0.5
        self.network.scores.copy_(torch.stack([r2_S, error_S], dim=1))
        self.network.chosen.fill_(fewest_near_best(self.network.settings, r2_S.tolist(), error_S.tolist()))
        averaged = self.network.averaged.copy_(r2_S.argsort(descending=True, stable=True)[: len(self.network.averaged)])
        mine = share_of(n_rows)
        self.accuracy.update(mine_NSE[:, averaged].mean(1), val.phenotype[mine], val.weight[mine])

    def tables(self, data: TrainingData) -> dict[str, pd.DataFrame]:
        """`candidates`: the settings with their R2 on the validation part, which of them the map is the mean of, and which is read."""
        table = candidates_of(self.network)
        table["averaged"] = table.index.isin(self.network.averaged.tolist())
        return {"candidates": table.assign(read=table.index == int(self.network.chosen))}


def candidates_of(network: LatentTraits) -> pd.DataFrame:
    """The settings of a fitted network, their R2 on the validation part, and the standard error of its distance from the best."""
    r2_S, error_S = network.scores.numpy(force=True).T
    return pd.DataFrame(network.settings).assign(**{"val/r2": r2_S, "standard_error": error_S})


def fewest_near_best(settings: list[Setting], r2_S: list[float], error_S: list[float]) -> int:
    """Of the best setting of each number of traits, the one with the fewest traits that is within a standard error of the best of all."""
    order = sorted(range(len(settings)), key=lambda number: -r2_S[number])
    of_each_number = {settings[number].n_latents: number for number in reversed(order)}
    near = [number for number in of_each_number.values() if r2_S[number] + error_S[number] >= r2_S[order[0]]]
    return min(near, key=lambda number: settings[number].n_latents)
