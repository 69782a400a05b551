import numpy as np
import pytest
import torch
from sklearn.metrics import mean_squared_error, r2_score

from gpattention.scores.metrics import R2PerEnvironment


@pytest.mark.parametrize("batch_size", [1, 7, 50])
def test_equals_scikit_learn_for_any_batch_size(batch_size):
    rng = np.random.default_rng(0)
    phenotype = rng.normal(3, 1, (50, 3))
    prediction = phenotype + rng.normal(0, 0.5, (50, 3))
    measured = rng.random((50, 3)) < 0.8
    metric = R2PerEnvironment(3)
    tensors = [torch.from_numpy(a) for a in (prediction, np.where(measured, phenotype, 0), measured.astype(float))]
    for rows in torch.randperm(50, generator=torch.Generator().manual_seed(0)).split(batch_size):
        metric.update(*(t[rows] for t in tensors))
    result = metric.compute()
    each = [r2_score(phenotype[m, e], prediction[m, e]) for e, m in enumerate(measured.T)]
    np.testing.assert_allclose(result["r2"], each, rtol=1e-12)
    correlations = [np.corrcoef(phenotype[m, e], prediction[m, e])[0, 1] for e, m in enumerate(measured.T)]
    np.testing.assert_allclose(result["correlation"], correlations, rtol=1e-12)
    np.testing.assert_allclose(result["r2_pooled"], r2_score(phenotype[measured], prediction[measured]), rtol=1e-12)
    np.testing.assert_allclose(result["mse"], mean_squared_error(phenotype[measured], prediction[measured]), rtol=1e-12)


def test_reset_forgets():
    metric = R2PerEnvironment(1)
    metric.update(torch.zeros(4, 1), torch.arange(4.0)[:, None], torch.ones(4, 1))
    metric.reset()
    metric.update(torch.arange(4.0)[:, None], torch.arange(4.0)[:, None], torch.ones(4, 1))
    assert metric.compute()["r2"].item() == 1


def test_constant_predictions_have_correlation_0_and_unmeasured_environments_none():
    metric = R2PerEnvironment(2)
    phenotype = torch.randn(30, 2, generator=torch.Generator().manual_seed(0))
    metric.update(torch.full((30, 2), 0.3), phenotype, torch.tensor([[1.0, 0.0]]).expand(30, 2))
    result = metric.compute()
    assert result["correlation"][0] == 0
    assert result["r2"].isnan().tolist() == result["correlation"].isnan().tolist() == [False, True]
