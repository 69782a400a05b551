"""Batches as index gathers from arrays that already lie on the training device, or from a file larger than memory."""

from collections.abc import Iterator
from itertools import islice
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from gpattention.data.mapped import MappedRows
from gpattention.data.prefetch import ahead
from gpattention.errors import InputError

Batching = Literal["shuffled", "balanced", "one_pass"]
Balance = Literal["skip_missing", "resample"]


class Batch(NamedTuple):
    """B individuals, L loci, E environments; a phenotype that was not measured is 0 with weight 0."""

    genotype: Tensor  # (B, L) in [-1, 1]
    phenotype: Tensor  # (B, E), standardised; (B,) where each individual serves one environment
    weight: Tensor  # as the phenotype
    environment: Tensor | None = None  # (B,) positions of the environments served


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


class Balanced:
    """n individuals for each of E environments in every batch; an individual serves one environment an epoch.

    The rows of a batch are ordered by environment: n for the first, n for the second, and so on. Those left over
    after the last batch, N mod (n E), sit out the epoch; seed and epoch decide who serves where (Eq. 46).

    Args:
        measured: (N, E), whether an individual has a value in an environment.
        n_per_environment: n.
        balance: `skip_missing` leaves an individual where it has no value, so that it carries no weight; `resample`
            puts one that was measured there in its place, still no individual twice in a batch. A place for which
            none is found (an environment with hardly more than n values) is left as it is.

    Raises:
        InputError: there are fewer individuals than one batch takes.
    """

    ATTEMPTS = 20

    def __init__(self, measured: Tensor, n_per_environment: int, seed: int, balance: Balance = "skip_missing") -> None:
        self.measured, self.seed, self.balance = measured.cpu(), seed, balance
        self.n_rows, n_environments = measured.shape
        self.shape = (n_environments, n_per_environment)
        self.batch_size = n_environments * n_per_environment
        self.epoch = 0
        if n_per_environment < 1 or self.batch_size > self.n_rows:
            raise InputError(
                f"a balanced batch takes {n_per_environment} individuals for each of {n_environments} environments "
                f"({self.batch_size}) and the training part has {self.n_rows}: lower data.n_per_environment or "
                "data.batch_size, or choose fewer data.environments"
            )

    @property
    def environment(self) -> Tensor:
        """(n E,) position of the environment that each row of a batch serves."""
        return torch.arange(self.shape[0]).repeat_interleave(self.shape[1])

    def set_epoch(self, epoch: int) -> None:
        """Called by the Trainer before each epoch."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[Tensor]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(self.n_rows, generator=generator)[: len(self) * self.batch_size]
        rows = order.reshape(len(self), *self.shape)
        if self.balance == "resample":
            rows = self.replace_unmeasured(rows, generator)
        return iter(rows.flatten(1))

    def __len__(self) -> int:
        return self.n_rows // self.batch_size

    def replace_unmeasured(self, rows: Tensor, generator: torch.Generator) -> Tensor:
        """(batches, E, n) rows with measured individuals wherever there is one that the batch does not hold yet."""
        environment = self.environment.reshape(self.shape).expand_as(rows)
        # Environment after environment, the individuals measured there, so that one draw serves all places at once.
        candidates = self.measured.T.nonzero()[:, 1]
        n_candidates = self.measured.sum(0)
        first = n_candidates.cumsum(0) - n_candidates
        original, replaced = rows, ~self.measured[rows, environment] & (n_candidates[environment] > 0)
        wrong = replaced
        for _ in range(self.ATTEMPTS):
            drawn = torch.rand(int(wrong.sum()), generator=generator, dtype=torch.float64)
            place = environment[wrong]
            rows = rows.clone()
            rows[wrong] = candidates[first[place] + (drawn * n_candidates[place]).long()]
            wrong = repeated_in_batch(rows, replaced)
            if not wrong.any():
                return rows
        while wrong.any():  # ends at the latest when all are back, because these differ from one another
            rows = torch.where(wrong, original, rows)
            replaced = replaced & ~wrong
            wrong = repeated_in_batch(rows, replaced)
        return rows


def repeated_in_batch(rows: Tensor, replaced: Tensor) -> Tensor:
    """Which replaced places hold an individual that their batch has elsewhere; of several replaced, all but one."""
    key, order = (2 * rows + replaced).flatten(1).sort(dim=1, stable=True)
    repeated = torch.zeros_like(key, dtype=torch.bool)
    repeated[:, 1:] = key[:, 1:] // 2 == key[:, :-1] // 2
    return torch.zeros_like(repeated).scatter_(1, order, repeated).reshape(rows.shape)


class GatherLoader:
    """Batches of arrays by the rows that a sampler names; takes the place of a torch DataLoader.

    Of several processes each takes its share of every batch. The Trainer keeps how many batches an interrupted epoch has
    given, so that it goes on with the next.

    Args:
        environment: (B,) positions that the rows of every batch serve; a batch then holds one value for each row.
        share: the number of this process, and how many share each batch.
        mapped: genotypes that stay in their file, in place of those of `data`; batches are then read ahead.
    """

    def __init__(
        self,
        data: Batch,
        sampler: RowSampler,
        environment: Tensor | None = None,
        share: tuple[int, int] = (0, 1),
        mapped: MappedRows | None = None,
    ) -> None:
        self.data = data
        self.genotype = data.genotype if mapped is None else mapped
        self.sampler = self.batch_sampler = sampler  # the Trainer calls `set_epoch` of what it finds here
        self.environment = environment
        self.share = share
        self.n_given = self.first = 0

    def __iter__(self) -> Iterator[Batch]:
        first, self.first = self.first, 0
        batches: Iterator[Batch] = map(self.share_of_batch, islice(self.sampler, first, None))
        if isinstance(self.genotype, MappedRows):
            batches = ahead(batches)
        for number, batch in enumerate(batches, first + 1):
            self.n_given = number
            yield batch

    def share_of_batch(self, batch: Tensor) -> Batch:
        """What this process takes of a batch of rows."""
        rank, n_ranks = self.share
        device, rows = self.data.phenotype.device, batch[rank::n_ranks]
        if len(rows):
            environment = None if self.environment is None else self.environment[rank::n_ranks]
            return self.gather(rows.to(device, non_blocking=True), environment)
        # Fewer rows than processes: one that does not count, so that all take the same step.
        one = self.gather(batch[:1].to(device), None)
        return one._replace(weight=torch.zeros_like(one.weight))

    def gather(self, rows: Tensor, environment: Tensor | None) -> Batch:
        value = rows if environment is None else (rows, environment)
        return Batch(self.genotype[rows].float(), self.data.phenotype[value], self.data.weight[value], environment)

    def __len__(self) -> int:
        return len(self.sampler)

    def state_dict(self, n_batches: int | None = None) -> dict[str, int]:
        """Where an epoch is, of `n_batches` where it does not take all."""
        return {"batch": self.n_given % (n_batches or len(self))}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        self.first = state_dict["batch"]
