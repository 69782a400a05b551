"""What a run takes from an earlier one beside parameters: what that leaves of the phenotypes, or the sets that it found."""

from dataclasses import replace

import numpy as np

from gpattention.checks import name_some
from gpattention.data.alleles import alleles_of
from gpattention.data.formats import Genotypes
from gpattention.data.genotype_phenotype import GenotypePhenotypeData
from gpattention.data.training_data import TrainingData
from gpattention.errors import InputError
from gpattention.regressions.interactions import Interactions
from gpattention.run_folder.loading import Run, choose_device, phenotypes_of
from gpattention.run_folder.matching import match_loci
from gpattention.runs.fine_tuning import refuse_known_individuals, refuse_other_loci


def residual_data(earlier: Run, data: GenotypePhenotypeData) -> GenotypePhenotypeData:
    """The data set with what an earlier run leaves of its phenotypes, in original units.

    Raises:
        InputError: the earlier run has other loci, or lacks an environment.
    """
    place, then = f"fit_on_residual_of={earlier.folder}", earlier.preprocessing
    if missing := [name for name in data.environment_names if name not in then.environment_names]:
        raise InputError(f"{place} does not predict {name_some(missing)}: leave it out of data.environments")
    genotypes = Genotypes(data.genotype, data.coding, data.individual_ids, data.locus_names, alleles_of(data.loci))
    try:
        matched = match_loci(genotypes, then)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error
    predicted = phenotypes_of(earlier, matched.values, choose_device("auto"))
    predicted = predicted[:, [then.environment_names.index(name) for name in data.environment_names]]
    truth = data.truth and replace(data.truth, noiseless=data.truth.noiseless - predicted)
    return replace(data, phenotype=data.phenotype - predicted, truth=truth)


def interaction_sets(earlier: Run, data: TrainingData) -> list[list[int]]:
    """Positions of the loci of the sets that an earlier run has found, -1 for none.

    Raises:
        InputError: it is of another model, has other loci, has found none, or has seen individuals that this run tests.
    """
    place = f"model.interactions_from={earlier.folder}"
    if not isinstance(earlier.module, Interactions):
        raise InputError(f"{place} is not a run of model=interactions: give the folder of one")
    refuse_other_loci(place, earlier, data)
    refuse_known_individuals(place, earlier, data)
    if not len(earlier.module.sets):
        raise InputError(f"{place} has found no interaction: set model.interactions_from=null")
    return np.asarray(earlier.module.sets.cpu()).tolist()
