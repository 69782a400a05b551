"""Batches as index gathers from arrays that already lie on the training device."""

from collections.abc import Iterator
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor

Batching = Literal["shuffled", "one_pass"]


class Batch(NamedTuple):
    """B individuals, L loci, E environments; a phenotype that was not measured is 0 with weight 0."""

    genotype: Tensor  # (B, L) in [-1, 1]
    phenotype: Tensor  # (B, E), standardised
    weight: Tensor  # (B, E)


class RowSampler(Protocol):
    """Yields the row positions of one batch after another."""

    def __iter__(self) -> Iterator[Tensor]: ...

    def __len__(self) -> int: ...


class InOrder:
    """Every row once, in order; the last batch may be shorter."""

    def __init__(self, n_rows: int, batch_size: int) -> None:
        self.n_rows, self.batch_size = n_rows, batch_size

    def __iter__(self) -> Iterator[Tensor]:
        return iter(torch.arange(self.n_rows).split(self.batch_size))

    def __len__(self) -> int:
        return -(-self.n_rows // self.batch_size)


class Shuffled:
    """Every row once an epoch, in an order drawn from the seed and the epoch's number.

    With `drop_last` the rows left over after the last full batch sit out that epoch.
    """

    def __init__(self, n_rows: int, batch_size: int, seed: int, drop_last: bool) -> None:
        self.n_rows, self.batch_size, self.seed = n_rows, batch_size, seed
        self.drop_last = drop_last and n_rows >= batch_size
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the Trainer before each epoch."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[Tensor]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(self.n_rows, generator=generator)
        return iter(order[: len(self) * self.batch_size].split(self.batch_size))

    def __len__(self) -> int:
        full, rest = divmod(self.n_rows, self.batch_size)
        return full + (rest > 0 and not self.drop_last)


class GatherLoader:
    """Batches of resident arrays, by the rows that a sampler names; takes the place of a torch DataLoader."""

    def __init__(self, data: Batch, sampler: RowSampler) -> None:
        self.data = data
        self.sampler = self.batch_sampler = sampler  # the Trainer calls `set_epoch` of what it finds here

    def __iter__(self) -> Iterator[Batch]:
        device = self.data.genotype.device
        for rows in self.sampler:
            rows = rows.to(device, non_blocking=True)
            yield Batch(self.data.genotype[rows].float(), self.data.phenotype[rows], self.data.weight[rows])

    def __len__(self) -> int:
        return len(self.sampler)
