"""From a data set to batches: split, choice of loci, scaling, arrays on the training device."""

import logging
from functools import cached_property
from typing import Literal

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray

from gpattention.data.batching import Batch, Batching, GatherLoader, InOrder, Shuffled
from gpattention.data.genotype_phenotype import GenotypePhenotypeData
from gpattention.data.loci import prune_loci, variable_loci
from gpattention.data.scaling import Scaling, fit_scaling
from gpattention.data.splits import Split, SplitScheme, read_stored_split, split_individuals
from gpattention.errors import InputError

log = logging.getLogger(__name__)

EVALUATION_BATCH_SIZE = 1024


class GPMapDataModule(L.LightningDataModule):
    """Serves one data set to the Trainer.

    All individuals are split before any is dropped as unmeasured, so each is on the same side in every environment.
    Where there is one environment, individuals not measured in it are left out; with several they keep their other
    values and the missing ones get weight 0.

    Args:
        data: the data set, already checked.
        batching: `shuffled` for training by gradients, `one_pass` for sums over all rows in order.
        batch_size: individuals in a training batch.
        drop_last: leave out the incomplete last batch of an epoch.
        batch_seed: of the batch order.
        split_scheme, split_seed, test_fraction, val_fraction, n_folds, fold: see `split_individuals`.
        split_file: for the scheme `stored`, a table with an id column and a column `split` of train, val, test.
        max_correlation: prune loci that correlate by more than this on the training part; None keeps all.
        pruning_order: `random` (the paper, from split_seed) or `ascending` (the published code).

    Attributes:
        data: the data set with the loci that are used.
        loci_index: (L,) positions of these loci among the columns given.
        n_columns: columns given.
        split: rows of each part, measured individuals only.
        scaling: mean and sd per environment of the training part.
    """

    def __init__(
        self,
        data: GenotypePhenotypeData,
        *,
        batching: Batching = "shuffled",
        batch_size: int = 64,
        drop_last: bool = False,
        batch_seed: int = 0,
        split_scheme: SplitScheme = "fractions",
        split_seed: int = 0,
        test_fraction: float = 0.15,
        val_fraction: float = 0.15,
        n_folds: int = 5,
        fold: int = 0,
        split_file: str | None = None,
        max_correlation: float | None = None,
        pruning_order: Literal["random", "ascending"] = "random",
    ) -> None:
        super().__init__()
        if batch_size < 1:
            raise InputError(f"data.batch_size is {batch_size}: give a number from 1 on")
        self.batching, self.batch_size, self.drop_last, self.batch_seed = batching, batch_size, drop_last, batch_seed
        if (fold and split_scheme != "kfold") or (split_file is not None and split_scheme != "stored"):
            raise InputError(
                f"data.split_scheme={split_scheme} takes no {'data.fold' if fold else 'data.split_file'}: set "
                f"data.split_scheme={'kfold' if fold else 'stored'} or leave it out"
            )
        stored = read_stored_split(split_file) if split_scheme == "stored" else None
        split = split_individuals(
            data.individual_ids, split_scheme, split_seed, test_fraction, val_fraction, n_folds, fold, stored
        )
        measured = np.count_nonzero(~np.isnan(data.phenotype), axis=1) > 0
        if not measured.all():
            log.info("%d individuals without a measured phenotype are left out", int((~measured).sum()))
        self.split = Split(*(rows[measured[rows]] for rows in split))
        self.scaling: Scaling = fit_scaling(data.phenotype[self.split.train], data.environment_names)
        self.refuse_empty_parts(data)

        self.n_columns = data.n_loci
        self.loci_index = variable_loci(data.genotype[self.split.train])
        if not self.loci_index.size:
            raise InputError(f"none of the {data.n_loci} loci varies among the training individuals: give loci that do")
        if self.loci_index.size < data.n_loci:
            log.info(
                "%d of %d loci do not vary in the training part and are dropped",
                data.n_loci - self.loci_index.size,
                data.n_loci,
            )
        if max_correlation is not None:
            rng = np.random.default_rng(split_seed)
            self.loci_index = prune_loci(data.genotype[self.split.train], max_correlation, pruning_order, rng)
            log.info(
                "%d of %d loci are left at correlations up to %g", len(self.loci_index), data.n_loci, max_correlation
            )
        self.data = data if self.loci_index.size == data.n_loci else data.select_loci(self.loci_index)

    def refuse_empty_parts(self, data: GenotypePhenotypeData) -> None:
        for part, rows in self.split._asdict().items():
            for name, column in zip(data.environment_names, data.phenotype[rows].T, strict=True):
                if np.unique(column[~np.isnan(column)]).size < 2:
                    raise InputError(
                        f"environment {name} has no two measured values that differ in the {part} part: leave it out of "
                        "data.environments, or change data.split_seed or the fractions"
                    )

    def describe(self) -> str:
        parts = " / ".join(f"{len(rows):,}" for rows in self.split)
        names = ", ".join(self.data.environment_names)
        return f"{self.data.n_loci} loci, {parts} individuals for train / val / test, environments: {names}"

    @property
    def device(self) -> torch.device:
        return self.trainer.strategy.root_device if self.trainer else torch.device("cpu")

    @cached_property
    def train(self) -> Batch:
        return self.batch_of(self.split.train)

    def batch_of(self, rows: NDArray[np.int64]) -> Batch:
        """All of these rows as one batch on the training device; genotypes stay int8 where they are calls."""
        phenotype = self.scaling.standardise(self.data.phenotype[rows])
        measured = ~np.isnan(phenotype)
        return Batch(
            torch.from_numpy(np.ascontiguousarray(self.data.genotype[rows])).to(self.device),
            torch.from_numpy(np.where(measured, phenotype, 0.0)).float().to(self.device),
            torch.from_numpy(measured).float().to(self.device),
        )

    @property
    def rows_per_epoch(self) -> int:
        """Training individuals that an epoch sees."""
        n = len(self.split.train)
        whole = self.batching == "shuffled" and self.drop_last and n >= self.batch_size
        return n - n % self.batch_size if whole else n

    def train_dataloader(self) -> GatherLoader:
        n = len(self.split.train)
        if self.batching == "one_pass":
            return GatherLoader(self.train, InOrder(n, EVALUATION_BATCH_SIZE))
        return GatherLoader(self.train, Shuffled(n, self.batch_size, self.batch_seed, self.drop_last))

    def val_dataloader(self) -> GatherLoader:
        return GatherLoader(self.batch_of(self.split.val), InOrder(len(self.split.val), EVALUATION_BATCH_SIZE))

    def test_dataloader(self) -> GatherLoader:
        return GatherLoader(self.batch_of(self.split.test), InOrder(len(self.split.test), EVALUATION_BATCH_SIZE))
