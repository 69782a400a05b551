import numpy as np
import pytest
from sklearn.metrics import r2_score
from small_data import training_data

from gpattention.data.genotype_phenotype import GenotypePhenotypeData, SimulatedTruth
from gpattention.data.noise_ceiling import over_ceiling, r2_ceiling


def make(**more):
    rng = np.random.default_rng(0)
    noiseless = rng.normal(size=(200, 2))
    phenotype = noiseless + 0.5 * rng.normal(size=(200, 2))
    phenotype[rng.random((200, 2)) < 0.2] = np.nan
    values = {name: value(noiseless) for name, value in more.items()}
    data = GenotypePhenotypeData(
        genotype=rng.choice([-1, 1], (200, 3)).astype(np.int8),
        phenotype=phenotype,
        individual_ids=tuple(map(str, range(200))),
        environment_names=("A", "B"),
        coding="signed",
        **values,
    )
    return training_data(data), noiseless


def test_truth_gives_its_own_r2_over_measured_values():
    data, noiseless = make(truth=SimulatedTruth)
    test = data.split.test
    given = r2_ceiling(data)
    for column, name in enumerate("AB"):
        measured = test[~np.isnan(data.data.phenotype[test, column])]
        wanted = r2_score(data.data.phenotype[measured, column], noiseless[measured, column])
        assert given[f"r2_ceiling/{name}"] == pytest.approx(wanted)
    assert given["r2_ceiling"] == pytest.approx(np.mean([given["r2_ceiling/A"], given["r2_ceiling/B"]]))


def test_standard_errors_of_one_environment_give_its_ceiling_alone():
    def errors(noiseless):
        return np.column_stack([np.full(200, 0.5), np.full(200, np.nan)])

    data, _ = make(standard_error=errors)
    phenotype = data.data.phenotype[data.split.test, 0]
    assert r2_ceiling(data) == {"r2_ceiling/A": pytest.approx(1 - 0.25 / np.nanvar(phenotype))}


def test_without_either_nothing_is_claimed():
    assert r2_ceiling(make()[0]) == {}


def test_share_of_the_ceiling():
    scores = {"test/r2": 0.4, "test/r2/A": 0.6, "test/r2/B": 0.2}
    ceiling = {"r2_ceiling/A": 0.8, "r2_ceiling/B": -0.1, "r2_ceiling": 0.5}
    assert over_ceiling(scores, ceiling) == {
        "test/r2_over_ceiling/A": pytest.approx(0.75),
        "test/r2_over_ceiling": pytest.approx(0.8),
    }
