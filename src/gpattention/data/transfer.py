"""Few values of one environment, as if it had hardly been measured: transfer to a new environment (Section IV, Fig. 5)."""

import logging
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gpattention.checks import name_some
from gpattention.data.genotype_phenotype import GenotypePhenotypeData
from gpattention.data.scaling import TargetScaling
from gpattention.data.splits import Split, hash_order
from gpattention.errors import InputError

log = logging.getLogger(__name__)

LEAST_VALIDATION_VALUES = 10
VALIDATION_PER_TRAINING = 0.15 / 0.85


class Target(NamedTuple):
    """The environment that keeps few values, as a column, and how many it has kept for training and validation."""

    column: int
    n_train: int
    n_val: int


class FewValues(NamedTuple):
    """The environment that keeps few values, as if it were new; the keys are those of `data`.

    Attributes:
        target_environment: its name; None for none.
        target_values: training values that it keeps; see `keep_few_values`. 0 leaves it out of training.
        target_seed: of the choice of these values.
        target_scaling: its mean and sd come from its `own` values, from `shrinkage` towards those of the other
            environments, or from a quadratic fit on the environments' `covariate`.
    """

    target_environment: str | None = None
    target_values: int | None = None
    target_seed: int = 0
    target_scaling: TargetScaling = "own"

    def keep(self, data: GenotypePhenotypeData, split: Split) -> tuple[GenotypePhenotypeData, Target | None]:
        """The data with few values of that environment.

        Raises:
            InputError: the settings do not go together, or `keep_few_values` refuses them.
        """
        name, n_values = self.target_environment, self.target_values
        if name is not None and n_values is not None:
            data, target = keep_few_values(data, split, name, n_values, self.target_seed)
            log.info("%s keeps %d values for training and %d for validation", name, target.n_train, target.n_val)
            return data, target
        if name is not None or n_values is not None:
            raise InputError(f"data.target_environment={name} and data.target_values={n_values}: give both or neither")
        if self.target_scaling != "own":
            raise InputError(
                f"data.target_scaling={self.target_scaling} without data.target_environment: name one, or set own"
            )
        return data, None


def keep_few_values(
    data: GenotypePhenotypeData, split: Split, name: str, n_values: int, seed: int
) -> tuple[GenotypePhenotypeData, Target]:
    """Hide all but `n_values` training values of one environment, and as many of validation as belong to them.

    Individuals are taken in an order that depends on their ids and the seed, so that a smaller subset lies inside a
    larger one. Of the validation part round(.15 / .85 n_values) values are kept, none where that is below 10 or they are
    all equal: choices are then made on the other environments. The test part keeps all.

    Raises:
        InputError: the environment is unknown, or has fewer values than asked for.
    """
    if name not in data.environment_names:
        raise InputError(
            f"data.target_environment={name} is no environment of the data, which have "
            f"{name_some(data.environment_names, 20)}: choose one of them"
        )
    column = data.environment_names.index(name)
    measured = ~np.isnan(data.phenotype[:, column])
    kept: list[NDArray[np.int64]] = []
    n_val = round(VALIDATION_PER_TRAINING * n_values)
    for rows, most in ((split.train, n_values), (split.val, n_val if n_val >= LEAST_VALIDATION_VALUES else 0)):
        candidates = rows[measured[rows]]
        order = hash_order([data.individual_ids[row] for row in candidates], seed)
        kept.append(candidates[order[:most]])
    if np.unique(data.phenotype[kept[1], column]).size < 2:  # nothing to choose by
        kept[1] = kept[1][:0]
    n_measured = int(measured[split.train].sum())
    if not 0 <= n_values <= n_measured:
        raise InputError(
            f"data.target_values={n_values}: environment {name} has {n_measured} measured values in the training part; "
            f"give a number from 0 to {n_measured}"
        )
    hidden = np.zeros(data.n_individuals, dtype=bool)
    hidden[np.concatenate([split.train, split.val])] = True
    hidden[np.concatenate(kept)] = False
    phenotype = data.phenotype.copy()
    phenotype[hidden, column] = np.nan
    target = Target(column, len(kept[0]), len(kept[1]))
    return replace(data, phenotype=phenotype), target
