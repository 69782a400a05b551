import lightning as L
import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.preprocessing import PolynomialFeatures
from small_data import make_data

from gpattention.errors import InputError
from gpattention.regressions import ridge
from gpattention.regressions.ridge import Ridge


def fit(data, **options):
    settings = {"terms": "linear", "additive_penalties": [1.0], "pairwise_penalties": [1.0]} | options
    module = Ridge(
        n_loci=data.training_data.data.n_loci,
        environment_names=list(data.training_data.data.environment_names),
        **settings,
    )
    trainer = L.Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        max_epochs=1,
    )
    trainer.fit(module, datamodule=data)
    return module


def arrays(data, part):
    rows = getattr(data.training_data.split, part)
    return data.training_data.data.genotype[rows].astype(float), data.training_data.scaling.standardise(
        data.training_data.data.phenotype[rows]
    )


def pair_features(genotype):
    return PolynomialFeatures(2, interaction_only=True, include_bias=False).fit_transform(genotype)


def test_without_penalty_equals_lstsq():
    data = make_data()
    module = fit(data, additive_penalties=[0.0])
    genotype, phenotype = arrays(data, "train")
    wanted, *_ = np.linalg.lstsq(np.column_stack([genotype, np.ones(len(genotype))]), phenotype, rcond=None)
    np.testing.assert_allclose(module.coefficients.numpy(), wanted[:-1], rtol=1e-5)
    np.testing.assert_allclose(module.intercept.numpy(), wanted[-1], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("per_term", [0.05, 2.0])
def test_linear_equals_scikit_learn(per_term, missing):
    data = make_data(n_environments=3, missing=missing)
    module = fit(data, additive_penalties=[per_term])
    genotype, phenotype = arrays(data, "train")
    for e in range(3):
        measured = ~np.isnan(phenotype[:, e])
        wanted = SklearnRidge(alpha=per_term * 6).fit(genotype[measured], phenotype[measured, e])
        np.testing.assert_allclose(module.coefficients[:, e], wanted.coef_, rtol=1e-5)
        np.testing.assert_allclose(module.intercept[e], wanted.intercept_, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("additive", "pairwise"), [(1.0, 1.0), (0.1, 20.0), (5.0, 0.01)])
def test_pairwise_equals_scikit_learn_on_rescaled_features(additive, pairwise):
    """A penalty of its own for the pairs is one penalty on pairs divided by the root of the penalties' ratio."""
    data = make_data()
    module = fit(data, terms="pairwise", additive_penalties=[additive], pairwise_penalties=[pairwise])
    genotype, phenotype = arrays(data, "train")
    scale = np.r_[np.ones(6), np.full(15, (additive * 6 / (pairwise * 15)) ** 0.5)]
    wanted = SklearnRidge(alpha=additive * 6).fit(pair_features(genotype) * scale, phenotype[:, 0])
    test, _ = arrays(data, "test")
    given = module(torch.from_numpy(test)).numpy()[:, 0]
    np.testing.assert_allclose(given, wanted.predict(pair_features(test) * scale), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(module.penalty[:, 0], [additive * 6, pairwise * 15])


def test_each_environment_takes_the_penalties_best_on_validation():
    data = make_data(n=120, n_environments=2, missing=0.1)
    grid = [0.01, 1.0, 30.0]
    module = fit(data, terms="pairwise", additive_penalties=grid, pairwise_penalties=grid)
    val, measured_phenotype = arrays(data, "val")
    for e in range(2):
        scores = {}
        measured = ~np.isnan(measured_phenotype[:, e])
        for a in grid:
            for p in grid:
                one = fit(data, terms="pairwise", additive_penalties=[a], pairwise_penalties=[p])
                prediction = one(torch.from_numpy(val)).numpy()[:, e]
                scores[a * 6, p * 15] = -np.mean((prediction - measured_phenotype[:, e])[measured] ** 2)
        assert max(scores, key=scores.get) == pytest.approx(tuple(module.penalty[:, e].tolist()))
    assert module.scores["val/r2"] > 0.3


def test_parameters_are_terms_and_intercept():
    def make(n, terms):
        return Ridge(n_loci=n, environment_names=["A"], terms=terms, additive_penalties=[1.0], pairwise_penalties=[1.0])

    assert make(10, "linear").n_fitted() == 11
    assert make(30, "pairwise").n_fitted() == 1 + 30 + 30 * 29 // 2


def test_too_many_terms_names_terms_and_memory(monkeypatch):
    monkeypatch.setattr(ridge.psutil, "virtual_memory", lambda: type("M", (), {"available": 8 * 2**30}))
    with pytest.raises(InputError, match=r"45,150 terms needs 45\.6 GiB.*8\.0 GiB are free"):
        Ridge(n_loci=300, environment_names=["A"], terms="pairwise", additive_penalties=[1.0], pairwise_penalties=[1.0])


def test_equations_without_a_single_solution_are_refused():
    data = make_data(n=30)
    with pytest.raises(InputError, match="raise the smallest of model.additive_penalties"):
        fit(data, terms="pairwise", additive_penalties=[0.0], pairwise_penalties=[0.0])


def test_negative_penalty_is_refused():
    with pytest.raises(InputError, match="additive_penalties=.-1"):
        Ridge(n_loci=3, environment_names=["A"], terms="linear", additive_penalties=[-1.0], pairwise_penalties=[1.0])


def test_pooled_is_one_map_of_the_mean_over_environments():
    data = make_data(n=300, n_environments=3)
    module = fit(data, environment="pooled", additive_penalties=[0.01, 1.0, 100.0])
    assert len(module.coefficients.unique(dim=1).T) == len(module.penalty.unique(dim=1).T) == 1
    genotype, phenotype = arrays(data, "train")
    wanted = SklearnRidge(alpha=module.penalty[0, 0].item() / 3).fit(genotype, phenotype.mean(axis=1))
    np.testing.assert_allclose(module.coefficients[:, 0], wanted.coef_, rtol=1e-5)
