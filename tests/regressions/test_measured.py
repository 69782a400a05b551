import numpy as np
import torch

from gpattention.data.batching import Batch
from gpattention.regressions.measured import measured


def test_those_measured_in_one_environment_with_their_weights():
    genotype = torch.tensor([[1, -1], [-1, -1], [1, 1]], dtype=torch.int8)
    batch = Batch(
        genotype, torch.tensor([[0.5, 1.0], [0.0, 2.0], [3.0, 0.0]]), torch.tensor([[1.0, 2.0], [0.0, 0.5], [1.5, 0.0]])
    )
    for column, rows, phenotype, weight in ((0, [0, 2], [0.5, 3.0], [1.0, 1.5]), (1, [0, 1], [1.0, 2.0], [2.0, 0.5])):
        given = measured(batch, column)
        assert all(part.dtype == np.float64 for part in given)
        np.testing.assert_array_equal(given[0], genotype.numpy()[rows])
        np.testing.assert_array_equal(given[1], phenotype)
        np.testing.assert_array_equal(given[2], weight)
