"""The data set in memory: genotypes, phenotypes and their names, checked once, here only."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gpattention.checks import name_some, refuse_repeats
from gpattention.data.mapped import take_columns
from gpattention.errors import InputError

Coding = Literal["binary", "signed", "dosage", "probability"]

CODING_WORDS: dict[Coding, str] = {
    "binary": "0/1 alleles",
    "signed": "-1/+1 alleles",
    "dosage": "0/1/2 diploid dosage",
    "probability": "probabilities in [0, 1]",
}
CALLS: dict[Coding, tuple[int, ...]] = {"binary": (0, 1), "signed": (-1, 1), "dosage": (0, 1, 2)}


@dataclass(frozen=True)
class SimulatedTruth:
    """What a simulation knows beside the data.

    Attributes:
        noiseless: (N, E) phenotypes before noise, in original units.
        by_environment: (E,) arrays by name: temperatures, share of variance of the additive part.
        arrays: everything else worth keeping (coefficients, interacting loci, ...), by name.
    """

    noiseless: NDArray[np.float64]
    by_environment: dict[str, NDArray] = field(default_factory=dict)
    arrays: dict[str, NDArray] = field(default_factory=dict)


@dataclass(frozen=True)
class GenotypePhenotypeData:
    """N individuals, L loci, E environments.

    Attributes:
        genotype: (N, L) alleles in [-1, 1]; int8 for calls, float32 for probabilities.
        phenotype: (N, E) float64 in original units; NaN where not measured.
        individual_ids: N unique names.
        environment_names: E unique names.
        coding: the coding the genotypes came in.
        standard_error: (N, E) standard errors of the phenotypes in original units, or None.
        locus_names: L unique names, or None for a bare array.
        loci: L rows of what is known of each locus (chromosome, position), or None.
        covariates: E rows of numbers that describe the environments, by name (temperature, ...), or None.
        truth: for simulated data, what the simulation knows.

    Raises:
        InputError: from the constructor, for anything in the list of `check`.
    """

    genotype: NDArray
    phenotype: NDArray[np.float64]
    individual_ids: tuple[str, ...]
    environment_names: tuple[str, ...]
    coding: Coding
    standard_error: NDArray[np.float64] | None = None
    locus_names: tuple[str, ...] | None = None
    loci: pd.DataFrame | None = None
    covariates: pd.DataFrame | None = None
    truth: SimulatedTruth | None = None

    def __post_init__(self) -> None:
        self.check()

    @property
    def n_individuals(self) -> int:
        return self.genotype.shape[0]

    @property
    def n_loci(self) -> int:
        return self.genotype.shape[1]

    def check(self) -> None:
        """Infinite or constant phenotypes, environments never measured, bad standard errors, repeated names."""
        n, e = self.phenotype.shape
        assert self.genotype.shape[0] == n == len(self.individual_ids)
        assert len(self.environment_names) == e
        assert self.locus_names is None or len(self.locus_names) == self.n_loci
        refuse_repeats(self.individual_ids, "individual id")
        refuse_repeats(self.environment_names, "environment")
        refuse_repeats(self.locus_names or (), "locus name")
        assert self.covariates is None or tuple(self.covariates.index) == self.environment_names
        for column, name in enumerate(self.environment_names):
            values = self.phenotype[:, column]
            self.refuse_where(np.isinf(values), f"phenotype of environment {name} is infinite")
            measured = values[~np.isnan(values)]
            if not measured.size:
                raise InputError(f"environment {name} has no measured phenotype: leave it out of data.environments")
            if measured.size > 1 and measured.min() == measured.max():
                raise InputError(
                    f"the phenotype of environment {name} is constant: all {measured.size} measured values are "
                    f"{measured[0]:g}; there is nothing to learn, leave it out of data.environments"
                )
            if self.standard_error is not None:
                error = self.standard_error[:, column]
                self.refuse_where(error < 0, f"standard error of environment {name} is negative")
                self.refuse_where(np.isinf(error), f"standard error of environment {name} is infinite")

    def refuse_where(self, wrong: NDArray[np.bool_], what: str) -> None:
        rows = np.flatnonzero(wrong)
        if rows.size:
            raise InputError(f"the {what} at individual {self.individual_ids[rows[0]]} ({rows.size} such): mend it")

    def select_environments(self, names: Sequence[str]) -> "GenotypePhenotypeData":
        """The same individuals with only the environments named, in that order."""
        refuse_repeats(names, "environment in data.environments")
        unknown = [name for name in names if name not in self.environment_names]
        if unknown or not names:
            raise InputError(
                f"data.environments: {', '.join(unknown) or 'empty list'}: not in the phenotype table, "
                f"which has {name_some(self.environment_names, 20)}"
            )
        index = [self.environment_names.index(name) for name in names]
        truth = self.truth and replace(
            self.truth,
            noiseless=self.truth.noiseless[:, index],
            by_environment={name: values[index] for name, values in self.truth.by_environment.items()},
        )
        return replace(
            self,
            phenotype=self.phenotype[:, index],
            environment_names=tuple(names),
            standard_error=None if self.standard_error is None else self.standard_error[:, index],
            covariates=None if self.covariates is None else self.covariates.iloc[index],
            truth=truth,
        )

    def select_loci(self, index: NDArray[np.int64], in_file: bool = False) -> "GenotypePhenotypeData":
        """The same individuals with only the loci at the (K,) positions given, copied to memory or to a file."""
        return replace(
            self,
            genotype=take_columns(self.genotype, index, in_file),
            locus_names=None if self.locus_names is None else tuple(self.locus_names[i] for i in index),
            loci=None if self.loci is None else self.loci.iloc[index].reset_index(drop=True),
        )


def detect_coding(values: NDArray) -> Coding:
    """The coding that distinct genotype values belong to; the plainest where several would do."""
    present = set(values.tolist())
    for coding, calls in CALLS.items():
        if present <= set(calls):
            return coding
    return "probability"


def code_genotype(
    values: NDArray,
    coding: Coding | None,
    place: str,
    row_names: Sequence[str],
    column_names: Sequence[str] | None = None,
) -> tuple[NDArray, Coding]:
    """(N, L) genotypes in `coding` (None: detect it) to alleles in [-1, 1], and the coding.

    Calls become int8 (0/1 to -1/+1, 0/1/2 to -1/0/+1), probabilities p become 2p - 1 in float32.

    Raises:
        InputError: a missing or infinite genotype, or one outside the coding; names individual, column and value.
    """

    def refuse(wrong: NDArray[np.bool_], what: str) -> None:
        if wrong.any():
            row, column = divmod(int(wrong.argmax()), wrong.shape[1])
            raise InputError(
                f"{place}: genotype {values[row, column]:g} of individual {row_names[row]}, locus {column_names[column] if column_names else f'column {column + 1}'}, "
                f"{what} ({int(wrong.sum())} such)"
            )

    if values.dtype.kind == "f":
        refuse(np.isnan(values), "is missing: impute it, or drop the locus or the individual")
        refuse(np.isinf(values), "is infinite: mend it")
    if coding is None:
        coding = detect_coding(distinct_values(values))
        if coding == "probability":
            refuse(
                (values < 0) | (values > 1),
                f"fits no coding ({'; '.join(CODING_WORDS.values())}): mend it; imputed dosages divided by 2 are probabilities",
            )
    if coding == "probability":
        refuse(
            (values < 0) | (values > 1), f"is outside {CODING_WORDS[coding]}: mend it, or give the coding that it is in"
        )
        return 2 * values.astype(np.float32) - 1, coding
    refuse(
        ~np.isin(values, CALLS[coding]), f"is outside {CODING_WORDS[coding]}: mend it, or give the coding that it is in"
    )
    scale, shift = {"binary": (2, -1), "signed": (1, 0), "dosage": (1, -1)}[coding]
    return values.astype(np.int8) * scale + shift, coding


def distinct_values(values: NDArray, rows_at_once: int = 1000) -> NDArray:
    """Distinct entries of a large array; stops early once there are too many to be calls."""
    seen: NDArray = np.empty(0, values.dtype)
    for start in range(0, len(values), rows_at_once):
        seen = np.union1d(seen, values[start : start + rows_at_once])
        if seen.size > 3:
            break
    return seen
