import numpy as np
import pytest

from gpattention.scores.losses import shares_of_loss


def test_shares_of_loss_add_up_to_what_r2_lacks():
    rng = np.random.default_rng(0)
    phenotype, predicted = rng.normal(size=(40, 3)), rng.normal(size=(2, 40, 3))
    phenotype[rng.random((40, 3)) < 0.3] = np.nan
    phenotype[:, 2] = np.nan  # an environment without a value
    shares = shares_of_loss(predicted, phenotype)
    for number in range(2):
        r2 = []
        for e in range(2):
            seen = ~np.isnan(phenotype[:, e])
            y, p = phenotype[seen, e], predicted[number, seen, e]
            r2.append(1 - ((y - p) ** 2).sum() / ((y - y.mean()) ** 2).sum())
        assert 1 - shares[number].sum() == pytest.approx(np.mean(r2), abs=1e-12)
        np.testing.assert_allclose(shares_of_loss(predicted[number], phenotype), shares[number])
