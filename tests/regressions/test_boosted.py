import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from small_data import fit_solved, make_data
from small_runs import small_run

from gpattention.errors import InputError
from gpattention.regressions.boosted import Boosted, as_tensors, predict, together
from gpattention.run_folder.loading import load_run, restore
from gpattention.training.checkpoints import read_checkpoint

SETTINGS = {"leaves": [4, 8], "max_trees": 1000, "min_individuals": 5, "learning_rate": 0.1}


@pytest.mark.parametrize("dosage", [False, True])
@pytest.mark.parametrize("n_trees", [0, 1, 40])
def test_tensors_predict_what_scikit_learn_predicts(dosage, n_trees):
    rng = np.random.default_rng(0)
    genotype = rng.uniform(-1, 1, (500, 7)) if dosage else rng.choice([-1.0, 1.0], (500, 7))
    genotype = genotype.astype(np.float32)
    phenotype = genotype[:, 0] * genotype[:, 1] + genotype[:, 2] + rng.normal(size=500)
    growers = [
        HistGradientBoostingRegressor(max_iter=40, max_leaf_nodes=leaves, early_stopping=False).fit(genotype, target)
        for leaves, target in ((6, phenotype), (12, phenotype**2))
    ]
    trees = together([as_tensors(one, n_trees) for one in growers])
    given = predict(trees, torch.from_numpy(genotype)).numpy()
    for column, one in enumerate(growers):
        stages = list(one.staged_predict(genotype))
        wanted = stages[n_trees - 1] if n_trees else np.full(500, one._baseline_prediction[0, 0])
        np.testing.assert_allclose(given[:, column], wanted, atol=1e-12)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_learns_what_is_not_additive_and_stops_by_validation(missing):
    torch.manual_seed(0)
    data = make_data(n=1500, n_environments=2, missing=missing)
    module = fit_solved(Boosted, data, **SETTINGS)
    additive = fit_solved(Boosted, data, **(SETTINGS | {"leaves": [2]}))
    assert module.scores["val/r2"] > additive.scores["val/r2"] + 0.05
    n_trees = np.bincount(module.environment.numpy(), minlength=2)
    assert (n_trees < 1000).all() and (n_trees > 10).all()


def test_an_environment_without_validation_values_stops_by_a_part_of_its_own():
    data = make_data(n=600, n_environments=2)
    described = data.training_data
    described.data.phenotype[described.split.val, 1] = np.nan
    module = fit_solved(Boosted, data, **SETTINGS)
    rows = described.split.test
    predicted = module(torch.from_numpy(described.data.genotype[rows])).numpy()
    measured = described.scaling.standardise(described.data.phenotype[rows])
    assert np.corrcoef(predicted[:, 1], measured[:, 1])[0, 1] > 0.5


def test_refit_grows_on_the_validation_part_too():
    data = make_data(n=500)
    once, twice = (fit_solved(Boosted, data, **SETTINGS, refit=refit) for refit in (False, True))
    assert once.scores["val/r2"] == twice.scores["val/r2"]
    assert len(once.root) == len(twice.root) and not torch.equal(once.value.sum(), twice.value.sum())


def test_a_run_is_loaded_without_scikit_learn_and_a_wrong_tree_is_refused(tmp_path):
    small_run(tmp_path, "model=boosted", "model.max_trees=30", "data.temperatures=[23,30]")
    module = load_run(tmp_path).module
    assert module.n_fitted() > 30
    checkpoint = read_checkpoint(tmp_path / "best.ckpt")
    checkpoint["state_dict"]["child"][0, 0] = 10**6
    with pytest.raises(InputError, match="not there"):
        restore(Boosted, checkpoint)


@pytest.mark.parametrize(
    "bad",
    [{"leaves": []}, {"leaves": [1]}, {"max_trees": 0}, {"learning_rate": 0.0}, {"locus_fraction": 2.0}, {"l2": -1.0}],
)
def test_refusals(bad):
    with pytest.raises(InputError, match=next(iter(bad))):
        Boosted(n_loci=3, environment_names=["A"], **(SETTINGS | bad))
