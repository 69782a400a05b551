import json
import logging
from functools import partialmethod

import numpy as np
import pytest
import torch
from conftest import SHARED_DATA, SMALL
from processes import share
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.preprocessing import PolynomialFeatures
from small_data import data_module, fit_solved

from gpattention.config import compose_config
from gpattention.data.genotype_phenotype import GenotypePhenotypeData
from gpattention.errors import InputError
from gpattention.regressions import all_pairs
from gpattention.regressions.all_pairs import AllPairs
from gpattention.regressions.ridge import Ridge
from gpattention.runs.run import run
from gpattention.training.trainer import make_trainer

EXACT = {"arithmetic": "float64", "tolerance": 1e-11}


def make_data(n=500, n_loci=9, n_environments=1, missing=0.0, dosage=False, **settings):
    rng = np.random.default_rng(0)
    genotype = rng.choice([-1, 1], (n, n_loci)).astype(np.int8)
    if dosage:
        genotype = (genotype * rng.uniform(0.2, 1, genotype.shape)).astype(np.float32)
    pairs = genotype[:, :-1] * genotype[:, 1:]
    shape = n_loci, n_environments
    phenotype = 5 + genotype @ rng.normal(size=shape) + pairs @ rng.normal(size=shape)[1:]
    phenotype += rng.normal(size=phenotype.shape)
    phenotype[rng.random(phenotype.shape) < missing] = np.nan
    errors = rng.uniform(0.1, 2, phenotype.shape)
    data = GenotypePhenotypeData(
        genotype=genotype,
        phenotype=phenotype,
        individual_ids=tuple(map(str, range(n))),
        environment_names=tuple("ABCDEFG"[:n_environments]),
        coding="probability" if dosage else "signed",
        standard_error=errors,
    )
    return data_module(data, batching="one_pass", **settings)


def fit(data, n_devices=1, **options):
    settings = {"pairwise_penalties": [1.0], "additive_penalties": [1.0]} | options
    return fit_solved(AllPairs, data, n_devices, **settings)


def coefficients(module):
    return torch.cat([module.additive, module.pairwise])


def fit_exactly(data, additive, pairwise):
    """The explicit solution with these candidates."""
    names = list(data.training_data.data.environment_names)
    penalties = {"additive_penalties": additive, "pairwise_penalties": pairwise}
    module = Ridge(n_loci=data.training_data.data.n_loci, environment_names=names, terms="pairwise", **penalties)
    make_trainer(accelerator="cpu", devices=1, max_epochs=1, by_gradients=False).fit(module, datamodule=data)
    return module


@pytest.mark.parametrize(
    ("pairwise", "ratio", "missing", "dosage"),
    [(0.5, 1.0, 0.0, False), (3.0, 0.05, 0.3, False), (0.05, 20.0, 0.0, True), (0.5, 0.3, 0.3, True)],
)
def test_equals_the_explicit_ridge(pairwise, ratio, missing, dosage):
    data = make_data(n_environments=3, missing=missing, dosage=dosage)
    module = fit(data, pairwise_penalties=[pairwise], additive_penalties=[pairwise * ratio], **EXACT)
    wanted = fit_exactly(data, [pairwise * ratio], [pairwise])
    torch.testing.assert_close(coefficients(module), wanted.coefficients, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(module.intercept, wanted.intercept, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(module.penalty, wanted.penalty)
    assert module.scores["val/r2"] == pytest.approx(wanted.scores["val/r2"], abs=1e-9)


def test_equals_scikit_learn_on_rescaled_features():
    data = make_data()
    module = fit(data, pairwise_penalties=[2.0], additive_penalties=[0.2], **EXACT)
    rows = data.training_data.split.train
    features = PolynomialFeatures(2, interaction_only=True, include_bias=False)
    scale = np.r_[np.ones(9), np.full(36, (0.2 * 9 / (2 * 36)) ** 0.5)]
    wanted = SklearnRidge(alpha=0.2 * 9).fit(
        features.fit_transform(data.training_data.data.genotype[rows].astype(float)) * scale,
        data.training_data.scaling.standardise(data.training_data.data.phenotype[rows])[:, 0],
    )
    test = data.training_data.data.genotype[data.training_data.split.test]
    given = module(torch.from_numpy(test)).numpy()[:, 0]
    np.testing.assert_allclose(given, wanted.predict(features.transform(test.astype(float)) * scale), atol=1e-8)


def test_equals_the_explicit_ridge_at_sixty_linked_loci():
    """1,830 terms in the arithmetic of float64, to 1e-6; in that of float32 to 0.5 % of the spread."""
    rng = np.random.default_rng(0)
    switch = np.where(rng.random((3000, 60)) < 0.1, -1, 1)
    genotype = np.cumprod(switch, axis=1).astype(np.int8)
    phenotype = genotype @ rng.normal(size=60) + (genotype[:, ::2] * genotype[:, 1::2]) @ rng.normal(size=30)
    data = GenotypePhenotypeData(
        genotype=genotype,
        phenotype=phenotype[:, None] + 5 * rng.normal(size=(3000, 1)),
        individual_ids=tuple(map(str, range(3000))),
        environment_names=("A",),
        coding="signed",
    )
    data = data_module(data, batching="one_pass")
    wanted = fit_exactly(data, [0.3], [1.0])
    test = torch.from_numpy(data.training_data.data.genotype[data.training_data.split.test])
    exact = fit(data, additive_penalties=[0.3], arithmetic="float64", tolerance=1e-8)
    assert (exact(test) - wanted(test)).abs().max() < 1e-6
    assert (coefficients(exact) - wanted.coefficients).abs().max() < 1e-6 * wanted.coefficients.abs().max()
    fast = fit(data, additive_penalties=[0.3])
    assert (fast(test) - wanted(test)).abs().max() < 5e-3


def test_each_environment_takes_the_penalties_that_the_explicit_ridge_takes():
    data = make_data(n=150, n_environments=3, missing=0.1)
    pairwise, additive = [30.0, 0.1, 1.0], [1.0, 0.1]
    module = fit(data, pairwise_penalties=pairwise, additive_penalties=additive, **EXACT)
    val = torch.from_numpy(data.training_data.data.genotype[data.training_data.split.val])
    measured = data.training_data.scaling.standardise(data.training_data.data.phenotype[data.training_data.split.val])
    for e in range(3):
        errors = {}
        for p in pairwise:
            for a in additive:
                prediction = fit_exactly(data, [a], [p])(val).numpy()[:, e]
                errors[a * 9, p * 36] = np.nanmean((prediction - measured[:, e]) ** 2)
        assert min(errors, key=errors.get) == pytest.approx(tuple(module.penalty[:, e].tolist()))
    assert len(module.penalty.unique(dim=1).T) > 1


def test_weights_by_standard_error_are_those_of_the_explicit_ridge():
    data = make_data(n_environments=2, missing=0.2, weights="standard_error")
    given, wanted = fit(data, **EXACT), fit_exactly(data, [1.0], [1.0])
    assert (coefficients(given) - wanted.coefficients).abs().max() < 1e-7


def fit_shared(n):
    module = fit(make_data(401, n_environments=3, missing=0.2), n, pairwise_penalties=[0.3, 3.0], **EXACT)
    return coefficients(module), module.intercept, module.scores


def test_two_processes_solve_what_one_does():
    wanted, intercept, scores = fit_shared(1)
    for given, its_intercept, its_scores in share(2, fit_shared, 2):
        torch.testing.assert_close(given, wanted, rtol=0, atol=1e-8)
        torch.testing.assert_close(its_intercept, intercept, rtol=0, atol=1e-8)
        assert {name: its_scores[name] for name in ("val/r2", "val/r2/B")} == pytest.approx(
            {name: scores[name] for name in ("val/r2", "val/r2/B")}, abs=1e-8
        )


def test_residual_falls_to_the_tolerance_and_is_that_of_the_equations():
    data = make_data(missing=0.1)
    module = fit(data, pairwise_penalties=[2.0], additive_penalties=[1.0], arithmetic="float64", tolerance=1e-3)
    assert module.scores["train/residual"] <= 1e-3
    train = data.train
    measured = train.weight[:, 0] > 0
    genotype = train.genotype[measured].double().numpy()
    pairs = PolynomialFeatures(2, interaction_only=True, include_bias=False).fit_transform(genotype)[:, 9:]
    few = np.column_stack([np.ones(len(genotype)), genotype])
    hat = few @ np.linalg.solve(few.T @ few + np.diag([0.0] + 9 * [9.0]), few.T)
    unexplained = np.eye(len(genotype)) - hat
    right = pairs.T @ unexplained @ train.phenotype[measured, 0].double().numpy()
    left = pairs.T @ unexplained @ pairs + 2.0 * 36 * np.eye(36)
    residual = right - left @ module.pairwise[:, 0].numpy()
    assert np.linalg.norm(residual) / np.linalg.norm(right) == pytest.approx(module.scores["train/residual"], rel=1e-5)


def test_iterations_that_do_not_suffice_are_said(caplog):
    with caplog.at_level(logging.WARNING):
        module = fit(make_data(), pairwise_penalties=[0.001], max_iterations=2)
    assert "not solved after 2 iterations" in caplog.text
    assert module.scores["train/passes"] == 3


SMALL_RUN = [*SMALL, "model=pairwise_iterative", "model.arithmetic=float64", "data.temperatures=[25,30]"]
MEASURED_ON_THE_MACHINE = {"fit_seconds", "segregants_per_second", "peak_memory_mib"}


def test_run_broken_off_goes_on_as_if_nothing_had_been(tmp_path):
    wanted = run(compose_config(SMALL_RUN), tmp_path / "undisturbed")
    assert wanted["n_epochs"] == wanted["best_epoch"] > 5
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(AllPairs, "take_step", partialmethod(break_off_in_fourth, AllPairs.take_step))
        with pytest.raises(RuntimeError, match="broken off"):
            run(compose_config(SMALL_RUN), tmp_path / "broken")
    given = run(compose_config([*SMALL_RUN, "resume=auto"]), tmp_path / "broken")
    assert {name: given[name] for name in wanted.keys() - MEASURED_ON_THE_MACHINE} == {
        name: wanted[name] for name in wanted.keys() - MEASURED_ON_THE_MACHINE
    }
    history = [(tmp_path / name / "metrics.csv").read_text().splitlines() for name in ("broken", "undisturbed")]
    assert len(history[0]) == len(history[1]) == wanted["n_epochs"] + 1
    assert not (tmp_path / "broken" / "last.ckpt").exists()


def break_off_in_fourth(module, take_step):
    if module.current_epoch == 3:
        raise RuntimeError("broken off")
    take_step(module)


def test_solution_is_kept_and_not_the_epoch_that_was_best_by_validation(tmp_path):
    metrics = run(compose_config([*SMALL_RUN, "model.pairwise_penalties=[0.01]"]), tmp_path)
    history = np.genfromtxt(tmp_path / "metrics.csv", delimiter=",", names=True)["valr2"]
    assert metrics["val/r2"] == pytest.approx(history[-1], abs=1e-9) != history.max()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pairwise_penalties": [0.0]}, r"pairwise_penalties=\[0.0\].* above 0"),
        ({"additive_penalties": []}, r"additive_penalties=\[\]"),
        ({"tolerance": 0.0}, r"tolerance=0.0"),
        ({"max_iterations": 0}, r"max_iterations=0"),
        ({"n_loci": 1}, r"at least 2 loci and there is 1: use model=linear"),
    ],
)
def test_values_out_of_range_are_refused(options, words):
    settings = {
        "n_loci": 5,
        "environment_names": ["A"],
        "pairwise_penalties": [1.0],
        "additive_penalties": [1.0],
    } | options
    with pytest.raises(InputError, match=words):
        AllPairs(**settings)


def test_solutions_too_large_for_memory_are_refused(monkeypatch):
    monkeypatch.setattr(all_pairs.psutil, "virtual_memory", lambda: type("M", (), {"available": 2**29}))
    settings = {"pairwise_penalties": [1.0, 2.0], "additive_penalties": [1.0]}
    with pytest.raises(
        InputError, match=r"18 systems of 676,866 equations at 2 penalties need 0\.8 GiB .* 0\.5 GiB are free"
    ):
        AllPairs(n_loci=1164, environment_names=[f"E{k}" for k in range(18)], **settings)


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED_DATA / "bbq_li83").is_dir(), reason="bbq_li83 is not here")
def test_lithium_is_mapped_as_by_the_exact_solution(tmp_path):
    options = ["experiment=yeast_lithium", f"data.root={SHARED_DATA}", "trainer=cpu"]
    given = run(compose_config([*options, "model=pairwise_iterative"]), tmp_path / "iterative")
    pairwise, additive = 3.0, 0.1
    penalties = [f"model.additive_penalties=[{additive}]", f"model.pairwise_penalties=[{pairwise}]"]
    exact = run(compose_config([*options, "model=pairwise", *penalties]), tmp_path / "exact")
    assert json.loads((tmp_path / "iterative" / "metrics.json").read_text())["n_parameters"] == 1 + 83 + 83 * 82 // 2
    assert given["test/r2"] >= 0.77
    assert given["test/r2"] == pytest.approx(exact["test/r2"], abs=1e-4)
