"""One environment's part of a batch, for libraries that take arrays of a single phenotype."""

import numpy as np
from numpy.typing import NDArray

from gpattention.data.batching import Batch


def measured(batch: Batch, column: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Genotypes (N, L), phenotypes (N,) and weights (N,) of those that were measured in one environment."""
    weight = batch.weight[:, column].numpy(force=True).astype(np.float64)
    rows = weight > 0
    genotype, phenotype = batch.genotype.numpy(force=True), batch.phenotype[:, column].numpy(force=True)
    return genotype[rows].astype(np.float64), phenotype[rows].astype(np.float64), weight[rows]
