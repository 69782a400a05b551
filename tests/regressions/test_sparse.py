import numpy as np
import pytest
import torch
from sklearn.linear_model import ElasticNet
from small_data import fit_solved, make_data

from gpattention.errors import InputError
from gpattention.regressions.sparse import Sparse

SETTINGS = {"l1_ratios": [0.5, 1.0], "n_penalties": 20}


def parts(data, column, part="train"):
    """Genotypes and standardised phenotypes of those measured."""
    described = data.training_data
    rows = getattr(described.split, part)
    phenotype = described.scaling.standardise(described.data.phenotype[rows])[:, column]
    measured = ~np.isnan(phenotype)
    return described.data.genotype[rows][measured].astype(float), phenotype[measured]


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_equals_scikit_learn_at_the_penalty_that_validation_chooses(missing):
    data = make_data(n_environments=2, missing=missing)
    module = fit_solved(Sparse, data, **SETTINGS, tolerance=1e-10)
    for column in range(2):
        genotype, phenotype = parts(data, column)
        penalty, ratio = module.penalty[:, column].tolist()
        sd = genotype.std(0)
        alone = ElasticNet(alpha=penalty, l1_ratio=ratio, tol=1e-12, max_iter=100_000).fit(genotype / sd, phenotype)
        np.testing.assert_allclose(module.coefficients[:, column], alone.coef_ / sd, atol=1e-6)
        assert module.intercept[column].item() == pytest.approx(alone.intercept_, abs=1e-6)


def test_validation_chooses_the_best_of_all_candidates():
    data = make_data(n_environments=2)
    module = fit_solved(Sparse, data, **SETTINGS)
    for column in range(2):
        genotype, phenotype = parts(data, column)
        held_out, measured = parts(data, column, "val")
        best = -np.inf
        for ratio in SETTINGS["l1_ratios"]:
            sd = genotype.std(0)
            largest = abs((genotype / sd).T @ (phenotype - phenotype.mean()) - 0).max() / len(phenotype) / ratio
            for penalty in np.geomspace(largest, largest / 1000, 20):
                one = ElasticNet(alpha=penalty, l1_ratio=ratio, tol=1e-10).fit(genotype / sd, phenotype)
                best = max(best, one.score(held_out / sd, measured))
        assert module.scores[f"val/r2/{'AB'[column]}"] == pytest.approx(best, abs=2e-3)


def test_weights_are_as_repeated_individuals():
    rng = np.random.default_rng(0)
    genotype, times = rng.choice([-1.0, 1.0], (60, 5)), rng.integers(1, 4, 60)
    phenotype = genotype @ rng.normal(size=5) + rng.normal(size=60)
    module = Sparse(n_loci=5, environment_names=["A"], **SETTINGS, tolerance=1e-12)
    weighted = module.path(genotype, phenotype, times.astype(float))
    repeated = module.path(np.repeat(genotype, times, 0), np.repeat(phenotype, times), np.ones(times.sum()))
    for one, other in zip(weighted, repeated, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-8)


def test_a_locus_that_does_not_vary_has_no_coefficient():
    rng = np.random.default_rng(0)
    genotype = rng.choice([-1.0, 1.0], (50, 3))
    genotype[:, 1] = 1
    module = Sparse(n_loci=3, environment_names=["A"], **SETTINGS)
    coefficients, _, _ = module.path(genotype, genotype[:, 0] + rng.normal(size=50), np.ones(50))
    assert not coefficients[:, 1].any() and np.isfinite(coefficients).all()


def test_inner_folds_choose_without_the_validation_part_and_leave_out_loci_that_do_nothing():
    data = make_data(n=400, n_loci=60, seed=1)
    by_folds = fit_solved(Sparse, data, **SETTINGS, choice="inner_folds")
    by_validation = fit_solved(Sparse, data, **SETTINGS)
    assert by_folds.scores["val/r2"] <= by_validation.scores["val/r2"]
    assert by_folds.scores["val/r2"] > by_validation.scores["val/r2"] - 0.05


def test_refit_takes_the_validation_part_too_and_scores_before():
    data = make_data()
    once, twice = (fit_solved(Sparse, data, **SETTINGS, refit=refit) for refit in (False, True))
    torch.testing.assert_close(once.penalty, twice.penalty)
    assert once.scores["val/r2"] == twice.scores["val/r2"]
    genotype, phenotype = (np.concatenate(pair) for pair in zip(parts(data, 0), parts(data, 0, "val"), strict=True))
    penalty, ratio = twice.penalty[:, 0].tolist()
    sd = genotype.std(0)
    alone = ElasticNet(alpha=penalty, l1_ratio=ratio, tol=1e-12).fit(genotype / sd, phenotype)
    np.testing.assert_allclose(twice.coefficients[:, 0], alone.coef_ / sd, atol=1e-3)


@pytest.mark.parametrize(
    "bad", [{"l1_ratios": [0.0]}, {"l1_ratios": []}, {"n_penalties": 1}, {"n_inner_folds": 1}, {"tolerance": 0.0}]
)
def test_refusals(bad):
    with pytest.raises(InputError, match=next(iter(bad))):
        Sparse(n_loci=3, environment_names=["A"], **(SETTINGS | bad))
