"""From training data to batches: arrays on the training device, gathered by rows."""

import math
from functools import cached_property
from typing import Literal

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gpattention.data.batching import Balance, Balanced, Batch, Batching, GatherLoader, InOrder, Shuffled
from gpattention.data.mapped import MappedRows
from gpattention.data.training_data import TrainingData
from gpattention.errors import InputError
from gpattention.ranks import n_ranks, rank, share_of

EVALUATION_BATCH_SIZE = 1024
SMALLEST, LARGEST, BATCHES = 16, 128, 32  # of `auto`: the sizes of a batch, and how many batches a small data set makes


class GPMapDataModule(L.LightningDataModule):
    """Serves training data to the Trainer.

    Args:
        training_data: what a map is fitted to.
        batching: `shuffled` for training by gradients, `balanced` where an individual serves one environment an epoch,
            `one_pass` for sums over all rows in order.
        batch_size: individuals in a training batch; `auto` takes a power of two near a 32nd of the training part, 16 to 128.
        drop_last: leave out the incomplete last batch of an epoch; a balanced one is always left out.
        n_per_environment: individuals for each environment in a balanced batch; None takes batch_size / E, rounded.
        balance: what a balanced batch does where an individual has no value, see `Balanced`.
        batch_seed: of the batch order.

    Raises:
        InputError: the batch size is not above 0.
    """

    def __init__(
        self,
        training_data: TrainingData,
        *,
        batching: Batching = "shuffled",
        batch_size: int | Literal["auto"] = 64,
        drop_last: bool = False,
        batch_seed: int = 0,
        n_per_environment: int | None = None,
        balance: Balance = "skip_missing",
    ) -> None:
        super().__init__()
        if batch_size == "auto":
            batch_size = batch_size_for(len(training_data.split.train))
        if batch_size < 1:
            raise InputError(f"data.batch_size is {batch_size}: give a number from 1 on, or auto")
        self.training_data = training_data
        self.batching, self.batch_size, self.drop_last, self.batch_seed = batching, batch_size, drop_last, batch_seed
        self.n_per_environment, self.balance = n_per_environment, balance

    @property
    def device(self) -> torch.device:
        return self.trainer.strategy.root_device if self.trainer else torch.device("cpu")

    @cached_property
    def train(self) -> Batch:
        return self.batch_of(*self.training_data.trained_on)

    @cached_property
    def train_weight(self) -> Tensor:
        """(N, E) weights of the training part, without its genotypes."""
        return torch.from_numpy(self.training_data.trained_on[1]).float().to(self.device)

    def batch_of(
        self, rows: NDArray[np.int64], weight: NDArray[np.float64] | None = None, with_genotype: bool = True
    ) -> Batch:
        """All of these rows as one batch on the training device; genotypes stay int8 where they are calls."""
        data = self.training_data.data
        phenotype = self.training_data.scaling.standardise(data.phenotype[rows])
        measured = ~np.isnan(phenotype)
        genotype = data.genotype[rows] if with_genotype else np.empty((0, data.n_loci), dtype=np.int8)
        return Batch(
            torch.from_numpy(np.ascontiguousarray(genotype)).to(self.device),
            torch.from_numpy(np.where(measured, phenotype, 0.0)).float().to(self.device),
            torch.from_numpy(measured if weight is None else weight).float().to(self.device),
        )

    @cached_property
    def sampler(self) -> InOrder | Shuffled | Balanced:
        """Which training rows make a batch."""
        _, weight = self.training_data.trained_on
        n, n_environments = weight.shape
        if self.batching == "one_pass":
            return InOrder(n, EVALUATION_BATCH_SIZE)
        if self.batching == "shuffled":
            return Shuffled(n, self.batch_size, self.batch_seed, self.drop_last)
        n_each = self.n_per_environment
        if n_each is None:
            n_each = max(1, round(self.batch_size / n_environments))
        return Balanced(torch.from_numpy(weight > 0), n_each, self.batch_seed, self.balance)

    @property
    def rows_per_epoch(self) -> int:
        """Training individuals that an epoch sees."""
        return min(self.sampler.n_rows, len(self.sampler) * self.sampler.batch_size)

    def train_dataloader(self) -> GatherLoader:
        environment = None
        if isinstance(self.sampler, Balanced):
            environment = self.sampler.environment.to(self.device)
        share = rank(), n_ranks()
        if not self.training_data.in_file:
            return GatherLoader(self.train, self.sampler, environment, share)
        rows, weight = self.training_data.trained_on
        mapped = MappedRows(self.training_data.data.genotype, rows, self.device)
        values = self.batch_of(rows, weight, with_genotype=False)
        return GatherLoader(values, self.sampler, environment, share, mapped)

    def val_dataloader(self) -> GatherLoader:
        return self.evaluation_loader(self.training_data.split.val)

    def test_dataloader(self) -> GatherLoader:
        return self.evaluation_loader(self.training_data.split.test)

    def evaluation_loader(self, rows: NDArray[np.int64]) -> GatherLoader:
        """Every row once, without padding: of several processes each takes its share."""
        mine = rows[share_of(len(rows))]
        in_file = self.training_data.in_file
        mapped = MappedRows(self.training_data.data.genotype, mine, self.device) if in_file else None
        values = self.batch_of(mine, with_genotype=not in_file)
        return GatherLoader(values, InOrder(len(mine), EVALUATION_BATCH_SIZE), mapped=mapped)


def batch_size_for(n: int) -> int:
    """A batch size for n individuals: small where they are few, so that an epoch has some steps."""
    return min(LARGEST, max(SMALLEST, 2 ** round(math.log2(n / BATCHES))))
