"""How the genotypes of a run became its input, and its output phenotypes; kept as JSON."""

from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import get_type_hints

import numpy as np

from gpattention.checks import check_type, refuse_repeats
from gpattention.data.alleles import alleles_of
from gpattention.data.genotype_phenotype import Coding
from gpattention.data.loci import mean_alleles
from gpattention.data.scaling import Scaling
from gpattention.data.training_data import TrainingData
from gpattention.errors import InputError
from gpattention.files.untrusted import read_object


@dataclass(frozen=True)
class Preprocessing:
    """How the genotypes of a run became its input, and its output phenotypes.

    Attributes:
        coding: coding of the genotype file.
        n_columns: columns of the genotype file.
        loci_index: positions among them of the loci used.
        locus_names: names of the loci used, or None for a bare array.
        environment_names: E names.
        mean, sd: of each environment in the training part, in original units.
        n_train_values: measured values of each environment in the training part.
        covariates: E values of each covariate by its name, in original units, or None.
        alleles: the counted one of each locus used and the other, or None where they are not known.
        mean_allele: of each locus used, over all individuals of the data set; stands for a missing genotype.
    """

    coding: Coding
    n_columns: int
    loci_index: list[int]
    locus_names: list[str] | None
    environment_names: list[str]
    mean: list[float]
    sd: list[float]
    n_train_values: list[int]
    covariates: dict[str, list[float]] | None
    alleles: list[list[str]] | None = None
    mean_allele: list[float] | None = None  # None in runs of before it was kept

    @classmethod
    def of(cls, data: TrainingData) -> "Preprocessing":
        names, covariates = data.data.locus_names, data.data.covariates
        alleles = alleles_of(data.data.loci)
        return cls(
            coding=data.data.coding,
            n_columns=data.n_columns,
            loci_index=data.loci_index.tolist(),
            locus_names=None if names is None else list(names),
            environment_names=list(data.data.environment_names),
            mean=data.scaling.mean.tolist(),
            sd=data.scaling.sd.tolist(),
            n_train_values=data.n_train_values.tolist(),
            covariates=None if covariates is None else {str(name): covariates[name].tolist() for name in covariates},
            alleles=None if alleles is None else list(map(list, alleles)),
            mean_allele=mean_alleles(data.data.genotype).tolist(),
        )

    @classmethod
    def read(cls, path: Path, cure: str) -> "Preprocessing":
        """What a run has left.

        Raises:
            InputError: the file cannot be read, or its parts do not belong together.
        """
        hints = get_type_hints(cls)
        content = read_object(path, [field.name for field in fields(cls) if field.default is MISSING], cure)
        known = {name: content[name] for name in hints if name in content}
        for name, value in known.items():
            check_type(f"{path}: {name}", value, hints[name])
        found = cls(**known)
        if (problem := found.contradiction()) is not None:
            raise InputError(f"{path} cannot be used ({problem}): {cure}")
        return found

    def contradiction(self) -> str | None:
        """What cannot be true of any run, in words."""
        n_loci, n_environments = len(self.loci_index), len(self.environment_names)
        per_environment: list[list] = [self.mean, self.sd, self.n_train_values, *(self.covariates or {}).values()]
        if self.locus_names is not None and len(self.locus_names) != n_loci:
            return f"{len(self.locus_names)} names for {n_loci} loci"
        if self.alleles is not None and (len(self.alleles) != n_loci or any(len(pair) != 2 for pair in self.alleles)):
            return f"alleles are not {n_loci} pairs"
        if self.mean_allele is not None and len(self.mean_allele) != n_loci:
            return f"{len(self.mean_allele)} mean alleles for {n_loci} loci"
        if not n_loci or sorted(set(self.loci_index)) != self.loci_index:
            return "loci_index does not rise"
        if self.loci_index[0] < 0 or self.loci_index[-1] >= self.n_columns:
            return f"loci_index goes beyond the {self.n_columns} columns"
        if not n_environments or any(len(values) != n_environments for values in per_environment):
            return f"it does not have one value of each kind for each of {n_environments} environments"
        if min(self.sd) <= 0 or min(self.n_train_values) < 0:
            return "a standard deviation is not above 0, or a count is negative"
        try:
            refuse_repeats(self.environment_names, "environment")
            refuse_repeats(self.locus_names or (), "locus")
        except InputError as error:
            return str(error)
        return None

    @property
    def scaling(self) -> Scaling:
        return Scaling(np.array(self.mean), np.array(self.sd))
