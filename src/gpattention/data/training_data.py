"""What a map is fitted to: a data set split, its loci chosen, its phenotypes scaled and weighed."""

import logging
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gpattention.checks import name_some
from gpattention.data.genotype_phenotype import GenotypePhenotypeData
from gpattention.data.informative_loci import Pruning, informative_loci
from gpattention.data.mapped import Place, stays_in_file
from gpattention.data.noise import noise_weights
from gpattention.data.scaling import (
    Scaling,
    TargetScaling,
    describe_environments,
    extrapolate_scaling,
    fit_scaling,
    shrink_towards_others,
)
from gpattention.data.splits import Split, Splitting
from gpattention.data.transfer import FewValues
from gpattention.errors import InputError

log = logging.getLogger(__name__)


class TrainingData:
    """A data set as a map is fitted to it, in arrays; needs no Trainer.

    All individuals are split before any is dropped as unmeasured, so each is on the same side in every environment.
    Where there is one environment, individuals not measured in it are left out; with several they keep their other
    values and the missing ones get weight 0.

    Args:
        data: the data set, already checked.
        splitting: who is for training, validation and test.
        pruning: which loci are redundant.
        few_values: the environment that keeps few values, as if it were new.
        weights: `equal`, or by `standard_error`, see `noise_weights`.
        train_environments: only their values are trained on, the others serve for scaling and validation; None trains
            on all.
        genotypes_in: of a prepared data set: `memory`, or left in their `file` and read batch by batch; `auto` leaves there what
            takes more than half of the memory that is free.

    Attributes:
        data: the data set with the loci that are used.
        loci_index: (L,) positions of these loci among the columns given.
        n_columns: columns given.
        in_file: whether the genotypes stay in a file.
        split: rows of each part, measured individuals only.
        scaling: mean and sd per environment of the training part.
        target: the environment that keeps few values, or None.

    Raises:
        InputError: a setting is out of range, a part would be empty, or nothing in it varies.
    """

    def __init__(
        self,
        data: GenotypePhenotypeData,
        *,
        splitting: Splitting = Splitting(),  # noqa: B008
        pruning: Pruning = Pruning(),  # noqa: B008
        few_values: FewValues = FewValues(),  # noqa: B008
        weights: Literal["equal", "standard_error"] = "equal",
        train_environments: list[str] | None = None,
        genotypes_in: Place = "auto",
    ) -> None:
        self.weights, self.train_environments = weights, train_environments
        split = splitting.divide(data.individual_ids)
        if n_unmeasured := np.count_nonzero(~is_measured(data)):
            log.info("%d individuals without a measured phenotype are left out", n_unmeasured)
        data, self.target = few_values.keep(data, split)
        measured = is_measured(data)
        self.split = Split(*(rows[measured[rows]] for rows in split))
        if self.target is not None and not (self.split.train.size and self.split.val.size):
            raise InputError(
                f"data.target_values={few_values.target_values} leave {self.target.n_train} values for training and "
                f"{self.target.n_val} for validation, and there is no other environment to choose by: give 54 or more "
                "values, or more environments"
            )
        self.scaling: Scaling = self.fit_scaling(data, few_values.target_scaling)
        self.refuse_empty_parts(data)

        self.n_columns = data.n_loci
        self.loci_index = informative_loci(data, self.split, pruning, splitting.split_seed)
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


def is_measured(data: GenotypePhenotypeData) -> NDArray[np.bool_]:
    """(N,) whether an individual has a phenotype in any environment."""
    return np.count_nonzero(~np.isnan(data.phenotype), axis=1) > 0
