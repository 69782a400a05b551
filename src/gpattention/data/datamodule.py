"""From a data set to batches: split, choice of loci, scaling, arrays on the training device."""

import logging
from functools import cached_property
from typing import Literal

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gpattention.checks import name_some
from gpattention.data.batching import Balance, Balanced, Batch, Batching, GatherLoader, InOrder, Shuffled
from gpattention.data.genotype_phenotype import GenotypePhenotypeData
from gpattention.data.informative_loci import informative_loci
from gpattention.data.mapped import MappedRows, Place, stays_in_file
from gpattention.data.noise import noise_weights
from gpattention.data.pruning import Order
from gpattention.data.scaling import (
    Scaling,
    TargetScaling,
    describe_environments,
    extrapolate_scaling,
    fit_scaling,
    shrink_towards_others,
)
from gpattention.data.splits import Split, SplitScheme, read_stored_split, split_individuals
from gpattention.data.transfer import Target, keep_few_values
from gpattention.errors import InputError
from gpattention.ranks import n_ranks, rank, share_of

log = logging.getLogger(__name__)

EVALUATION_BATCH_SIZE = 1024


class GPMapDataModule(L.LightningDataModule):
    """Serves one data set to the Trainer.

    All individuals are split before any is dropped as unmeasured, so each is on the same side in every environment.
    Where there is one environment, individuals not measured in it are left out; with several they keep their other
    values and the missing ones get weight 0.

    Args:
        data: the data set, already checked.
        batching: `shuffled` for training by gradients, `balanced` where an individual serves one environment an epoch,
            `one_pass` for sums over all rows in order.
        batch_size: individuals in a training batch.
        drop_last: leave out the incomplete last batch of an epoch; a balanced one is always left out.
        n_per_environment: individuals for each environment in a balanced batch; None takes batch_size / E, rounded.
        balance: what a balanced batch does where an individual has no value, see `Balanced`.
        batch_seed: of the batch order.
        split_scheme, split_seed, test_fraction, val_fraction, n_folds, fold: see `split_individuals`.
        split_file: for the schemes `stored` and `stored_folds`, a table with an id column and a column `split` or `fold`.
        max_correlation: prune loci that correlate by more than this; None keeps all.
        pruning_order: `random` (the paper, from split_seed) or `ascending` (the published code).
        pruning_part: individuals that the correlations are of: `train`, or `train_val` (paper and published code).
        prune_within_chromosomes: drop loci only for others of their own chromosome.
        genotypes_in: of a prepared data set: `memory`, or left in their `file` and read batch by batch; `auto` leaves there what
            takes more than half of the memory that is free.
        weights: `equal`, or by `standard_error`, see `noise_weights`.
        target_environment: the environment that keeps few values, as if it were new; None for none.
        target_values: training values that it keeps; see `keep_few_values`. 0 leaves it out of training.
        target_seed: of the choice of these values.
        target_scaling: its mean and sd come from its `own` values, from `shrinkage` towards those of the other
            environments, or from a quadratic fit on the environments' `covariate`.
        train_environments: only their values are trained on, the others serve for scaling and validation; None trains
            on all.

    Attributes:
        data: the data set with the loci that are used.
        loci_index: (L,) positions of these loci among the columns given.
        n_columns: columns given.
        in_file: whether the genotypes stay in a file.
        split: rows of each part, measured individuals only.
        scaling: mean and sd per environment of the training part.
        target: the environment that keeps few values, or None.
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
        pruning_order: Order = "random",
        pruning_part: Literal["train", "train_val"] = "train",
        prune_within_chromosomes: bool = False,
        genotypes_in: Place = "auto",
        n_per_environment: int | None = None,
        balance: Balance = "skip_missing",
        weights: Literal["equal", "standard_error"] = "equal",
        target_environment: str | None = None,
        target_values: int | None = None,
        target_seed: int = 0,
        target_scaling: TargetScaling = "own",
        train_environments: list[str] | None = None,
    ) -> None:
        super().__init__()
        if batch_size < 1:
            raise InputError(f"data.batch_size is {batch_size}: give a number from 1 on")
        self.batching, self.batch_size, self.drop_last, self.batch_seed = batching, batch_size, drop_last, batch_seed
        self.n_per_environment, self.balance, self.weights = n_per_environment, balance, weights
        self.train_environments = train_environments
        if fold and split_scheme not in ("kfold", "stored_folds"):
            raise InputError(
                f"data.split_scheme={split_scheme} takes no data.fold: set data.split_scheme=kfold or leave it out"
            )
        stored = None
        if split_scheme in ("stored", "stored_folds"):
            stored = read_stored_split(split_file, "split" if split_scheme == "stored" else "fold")
        elif split_file is not None:
            raise InputError(
                f"data.split_scheme={split_scheme} takes no data.split_file: set data.split_scheme=stored or leave it out"
            )
        split = split_individuals(
            data.individual_ids, split_scheme, split_seed, test_fraction, val_fraction, n_folds, fold, stored
        )
        measured = np.count_nonzero(~np.isnan(data.phenotype), axis=1) > 0
        if not measured.all():
            log.info("%d individuals without a measured phenotype are left out", int((~measured).sum()))
        self.target: Target | None = None
        if target_environment is not None and target_values is not None:
            data, self.target = keep_few_values(data, split, target_environment, target_values, target_seed)
            measured = np.count_nonzero(~np.isnan(data.phenotype), axis=1) > 0
            log.info(
                "%s keeps %d values for training and %d for validation",
                target_environment,
                self.target.n_train,
                self.target.n_val,
            )
        elif target_environment is not None or target_values is not None:
            raise InputError(
                f"data.target_environment={target_environment} and data.target_values={target_values}: give both or neither"
            )
        elif target_scaling != "own":
            raise InputError(
                f"data.target_scaling={target_scaling} without data.target_environment: name one, or set own"
            )
        self.split = Split(*(rows[measured[rows]] for rows in split))
        if self.target is not None and not (self.split.train.size and self.split.val.size):
            raise InputError(
                f"data.target_values={target_values} leave {self.target.n_train} values for training and "
                f"{self.target.n_val} for validation, and there is no other environment to choose by: give 54 or more "
                "values, or more environments"
            )
        self.scaling: Scaling = self.fit_scaling(data, target_scaling)
        self.refuse_empty_parts(data)

        self.n_columns = data.n_loci
        pruned_on = self.split.train if pruning_part == "train" else np.concatenate([self.split.train, self.split.val])
        self.loci_index = informative_loci(
            data,
            self.split.train,
            np.sort(pruned_on),
            max_correlation,
            pruning_order,
            prune_within_chromosomes,
            split_seed,
        )
        self.in_file = stays_in_file(data.genotype, len(self.loci_index), genotypes_in)
        if self.loci_index.size < data.n_loci:
            data = data.select_loci(self.loci_index, self.in_file)
        self.data = data

    def refuse_empty_parts(self, data: GenotypePhenotypeData) -> None:
        target = self.target.column if self.target else None
        for part, rows in self.split._asdict().items():
            for column, name in enumerate(data.environment_names):
                values = data.phenotype[rows, column]
                if np.unique(values[~np.isnan(values)]).size < 2 and (column != target or part == "test"):
                    raise InputError(
                        f"environment {name} has no two measured values that differ in the {part} part: leave it out of "
                        "data.environments, or change data.split_seed or the fractions"
                    )

    def fit_scaling(self, data: GenotypePhenotypeData, target_scaling: TargetScaling) -> Scaling:
        """Mean and sd of each environment; those of the target as `target_scaling` says."""
        phenotype, names = data.phenotype[self.split.train], data.environment_names
        if self.target is None or target_scaling == "own":
            return fit_scaling(phenotype, names)
        column = self.target.column
        others = np.delete(np.arange(len(names)), column)
        if len(others) < 2:
            raise InputError(
                f"data.target_scaling={target_scaling} looks at the other environments and there are {len(others)}: give at "
                "least 2, or set data.target_scaling=own"
            )
        known = fit_scaling(phenotype[:, others], tuple(names[other] for other in others))
        if target_scaling == "shrinkage":
            values = phenotype[:, column]
            mean, sd = shrink_towards_others(values[~np.isnan(values)], known)
        elif data.covariates is None:
            raise InputError(
                "data.target_scaling=covariate needs numbers that describe the environments: give data.environment_file, or "
                "set data.target_scaling=shrinkage"
            )
        else:
            covariates = data.covariates.to_numpy()
            mean, sd = extrapolate_scaling(covariates[others], covariates[column], known)
        return Scaling(np.insert(known.mean, column, mean), np.insert(known.sd, column, sd))

    @cached_property
    def n_train_values(self) -> NDArray[np.int64]:
        """(E,) measured values of the training part."""
        return np.count_nonzero(~np.isnan(self.data.phenotype[self.split.train]), axis=0)

    @property
    def covariates(self) -> list[list[float]] | None:
        """What the environments' codes are computed from, see `describe_environments`; None without covariates."""
        table, sd, trained = self.data.covariates, self.scaling.sd, self.n_train_values > 0
        return None if table is None else describe_environments(table, sd, table[trained], sd[trained])

    def describe(self) -> str:
        parts = " / ".join(f"{len(rows):,}" for rows in self.split)
        names = ", ".join(self.data.environment_names)
        return f"{self.data.n_loci} loci, {parts} individuals for train / val / test, environments: {names}"

    @property
    def device(self) -> torch.device:
        return self.trainer.strategy.root_device if self.trainer else torch.device("cpu")

    @cached_property
    def trained_on(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Rows of the training part with a value to train on, and the (rows, E) weights of their values."""
        return self.weigh(self.split.train)

    def weigh(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Those of the rows with a value to train on, and the (rows, E) weights of their values."""
        weight = (~np.isnan(self.data.phenotype[rows])).astype(np.float64)
        if self.weights == "standard_error":
            if self.data.standard_error is None:
                raise InputError(
                    "data.weights=standard_error needs standard errors: give data.standard_error_file, or set data.weights=equal"
                )
            arrays = self.data.genotype[rows], self.data.phenotype[rows], self.data.standard_error[rows]
            weight = noise_weights(*arrays, self.data.environment_names)
        if self.train_environments is not None:
            names = list(self.data.environment_names)
            unknown = [name for name in self.train_environments if name not in names]
            if unknown or not self.train_environments:
                raise InputError(
                    f"data.train_environments={self.train_environments}: name some of {name_some(names, 20)}, or null for all"
                )
            weight *= np.isin(names, self.train_environments)
        served = weight.any(axis=1)
        if not served.any():
            raise InputError(
                f"data.train_environments={self.train_environments} have no training value: raise data.target_values"
            )
        return rows[served], weight[served]

    @property
    def n_values(self) -> int:
        """Measured values to train on."""
        return int(np.count_nonzero(self.trained_on[1]))

    @cached_property
    def train(self) -> Batch:
        return self.batch_of(*self.trained_on)

    @cached_property
    def train_weight(self) -> Tensor:
        """(N, E) weights of the training part, without its genotypes."""
        return torch.from_numpy(self.trained_on[1]).float().to(self.device)

    def batch_of(
        self, rows: NDArray[np.int64], weight: NDArray[np.float64] | None = None, with_genotype: bool = True
    ) -> Batch:
        """All of these rows as one batch on the training device; genotypes stay int8 where they are calls."""
        phenotype = self.scaling.standardise(self.data.phenotype[rows])
        measured = ~np.isnan(phenotype)
        genotype = self.data.genotype[rows] if with_genotype else np.empty((0, self.data.n_loci), dtype=np.int8)
        return Batch(
            torch.from_numpy(np.ascontiguousarray(genotype)).to(self.device),
            torch.from_numpy(np.where(measured, phenotype, 0.0)).float().to(self.device),
            torch.from_numpy(measured if weight is None else weight).float().to(self.device),
        )

    @cached_property
    def sampler(self) -> InOrder | Shuffled | Balanced:
        """Which training rows make a batch."""
        _, weight = self.trained_on
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
        if not self.in_file:
            return GatherLoader(self.train, self.sampler, environment, share)
        rows, weight = self.trained_on
        mapped = MappedRows(self.data.genotype, rows, self.device)
        values = self.batch_of(rows, weight, with_genotype=False)
        return GatherLoader(values, self.sampler, environment, share, mapped)

    def val_dataloader(self) -> GatherLoader:
        return self.evaluation_loader(self.split.val)

    def test_dataloader(self) -> GatherLoader:
        return self.evaluation_loader(self.split.test)

    def evaluation_loader(self, rows: NDArray[np.int64]) -> GatherLoader:
        """Every row once, without padding: of several processes each takes its share."""
        mine = rows[share_of(len(rows))]
        mapped = MappedRows(self.data.genotype, mine, self.device) if self.in_file else None
        values = self.batch_of(mine, with_genotype=not self.in_file)
        return GatherLoader(values, InOrder(len(mine), EVALUATION_BATCH_SIZE), mapped=mapped)
