"""How much of the variance of the test phenotypes any map can explain."""

from collections.abc import Mapping

import numpy as np

from gpattention.data.training_data import TrainingData


def r2_ceiling(data: TrainingData) -> dict[str, float]:
    """The R2 that the true map would reach on the test part: exact where the truth is known, else by standard errors.

    With standard errors SE it is 1 - mean(SE^2) / variance, over measured values that have one. Empty without either.
    """
    rows = data.split.test
    phenotype = data.data.phenotype[rows]
    if data.data.truth is not None:
        noise = (phenotype - data.data.truth.noiseless[rows]) ** 2
    elif data.data.standard_error is not None:
        noise = np.where(np.isnan(phenotype), np.nan, data.data.standard_error[rows] ** 2)
    else:
        return {}
    known = np.count_nonzero(~np.isnan(noise), axis=0) > 0
    ceiling = 1 - np.nanmean(noise[:, known], axis=0) / np.nanvar(phenotype[:, known], axis=0)
    names = [name for name, one in zip(data.data.environment_names, known, strict=True) if one]
    each = {f"r2_ceiling/{name}": float(value) for name, value in zip(names, ceiling, strict=True)}
    return each | ({"r2_ceiling": float(ceiling.mean())} if known.all() else {})


def over_ceiling(scores: Mapping[str, float], ceiling: Mapping[str, float]) -> dict[str, float]:
    """Test R2 as a share of its ceiling, per environment and of the means; where a ceiling is not above 0, nothing."""
    return {
        f"test/{name.replace('r2_ceiling', 'r2_over_ceiling')}": scores[f"test/{name.replace('r2_ceiling', 'r2')}"]
        / most
        for name, most in ceiling.items()
        if most > 0
    }
