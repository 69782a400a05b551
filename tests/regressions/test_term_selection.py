import numpy as np
import pytest
import torch

from gpattention.regressions import term_selection
from gpattention.regressions.term_selection import Sweep, choose, eliminated, in_order, least_squares, moments_of, solve

N, N_BASE, N_TERMS = 400, 3, 9


def make(n_environments=1, missing=0.0):
    """Terms (T, N), weights and phenotypes (E, N); the terms 4 and 7 count."""
    rng = np.random.default_rng(0)
    terms = rng.normal(size=(N_TERMS, N)) + 2
    terms[5] += terms[4]
    weight = rng.uniform(0.5, 2, (n_environments, N)) if missing else np.ones((n_environments, N))
    weight[rng.random(weight.shape) < missing] = 0
    phenotype = terms[0] + 0.8 * terms[4] - 0.5 * terms[7] + rng.normal(size=weight.shape) + 3
    return terms, weight, np.where(weight > 0, phenotype, 0)


def moments(terms, weight, phenotype):
    tensor = torch.from_numpy(terms)
    return moments_of(lambda part: tensor[:, part], torch.from_numpy(weight), torch.from_numpy(phenotype))


def explicit(terms, weight, phenotype, penalty):
    """Coefficients and intercept of penalised least squares, by its equations."""
    weight = weight * (weight > 0).sum() / weight.sum()
    design = np.vstack([terms, np.ones(N)])
    products = (design * weight) @ design.T + np.diag([*penalty, 0.0])
    return np.linalg.solve(products, design @ (weight * phenotype))


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_solution_is_that_of_the_equations(missing, monkeypatch):
    monkeypatch.setattr(term_selection, "INDIVIDUALS_AT_ONCE", 37)
    terms, weight, phenotype = make(2, missing)
    penalty = np.linspace(0, 50, N_TERMS)
    found, intercept = solve(moments(terms, weight, phenotype).penalised(torch.from_numpy(np.tile(penalty, (2, 1)))))
    for e in range(2):
        wanted = explicit(terms, weight[e], phenotype[e], penalty)
        np.testing.assert_allclose([*found[e], intercept[e]], wanted, rtol=1e-6)


def test_least_squares_after_the_base_is_that_of_all_terms():
    terms, weight, phenotype = make()
    fit = least_squares(eliminated(moments(terms, weight, phenotype), N_BASE))
    design = np.vstack([terms, np.ones(N)]).T
    wanted, left, *_ = np.linalg.lstsq(design, phenotype[0], rcond=None)
    np.testing.assert_allclose(fit.coefficient[0], wanted[N_BASE:-1], rtol=1e-6)
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * left[0] / (N - N_TERMS + N_BASE))[N_BASE:-1]
    np.testing.assert_allclose(fit.standard_error[0], errors, rtol=1e-5)
    np.testing.assert_allclose(fit.z, fit.coefficient / fit.standard_error)


def test_terms_go_in_and_out_of_a_fit():
    terms, weight, phenotype = make(2, 0.3)
    left = eliminated(moments(terms, weight, phenotype), N_BASE)
    sweep = Sweep(left)
    before, alone = sweep.matrix.clone(), sweep.statistic()
    for term in (1, 4, 0):
        sweep.add(term)
    fit = least_squares(left.of(torch.tensor(sweep.terms)))
    torch.testing.assert_close(sweep.matrix[:, sweep.terms, -1], fit.coefficient, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(sweep.statistic()[sweep.terms], (fit.z**2).sum(0), rtol=1e-5, atol=1e-6)
    sweep.remove(4)
    sweep.add(3)
    torch.testing.assert_close(
        sweep.matrix[:, [1, 0, 3], -1],
        least_squares(left.of(torch.tensor([1, 0, 3]))).coefficient,
        rtol=1e-6,
        atol=1e-9,
    )
    for term in (0, 1, 3):
        sweep.remove(term)
    torch.testing.assert_close(sweep.matrix, before)
    torch.testing.assert_close(sweep.statistic(), alone)


def test_the_terms_that_count_are_chosen_and_no_copies_of_them():
    terms, weight, phenotype = make(2)
    terms = np.vstack([terms, terms[4] * 2, terms[4] + 1e-6 * terms[8]])
    chosen = choose(eliminated(moments(terms, weight, phenotype), N_BASE), lambda n: 30.0, 10)
    assert len(chosen) == 2
    assert 7 - N_BASE in chosen
    assert {*(term + N_BASE for term in chosen)} & {4, 9, 10}


def test_first_statistic_is_the_squared_correlation():
    terms, weight, phenotype = make()
    sweep = Sweep(eliminated(moments(terms, weight, phenotype), 1))
    design = np.vstack([terms[:1], np.ones(N)]).T
    rest = lambda values: values - design @ np.linalg.lstsq(design, values, rcond=None)[0]  # noqa: E731
    correlations = [np.corrcoef(rest(term), rest(phenotype[0]))[0, 1] ** 2 for term in terms[1:]]
    np.testing.assert_allclose(sweep.statistic(), N * np.array(correlations), rtol=1e-6)


def test_all_up_to_the_last_that_reaches_its_own_are_chosen():
    terms, weight, phenotype = make()
    left = eliminated(moments(terms, weight, phenotype), N_BASE)
    path = in_order(left)
    assert sorted(path) == list(range(N_TERMS - N_BASE))
    assert choose(left, lambda n: {2: 5.0, 10: 5.0}.get(n, 1e9), 10) == path[:2]  # the second reaches its own
    assert choose(left, lambda n: 1e9, 10) == []
    assert len(choose(left, lambda n: 0.0, 3)) == 3


def test_a_compromise_is_exchanged_for_what_counts():
    """Forward selection begins with a blend of the two terms that make the phenotype."""
    rng = np.random.default_rng(0)
    first, second, other = rng.normal(size=(3, N))
    terms = np.vstack([other, first + second + 0.5 * rng.normal(size=N), first, second])
    phenotype = (first + second + 0.5 * rng.normal(size=N))[None]
    left = eliminated(moments(terms, np.ones((1, N)), phenotype), 1)
    assert in_order(left)[0] == 0
    assert sorted(choose(left, lambda n: 20.0, 3)) == [1, 2]
    blend = moments(np.vstack([other, first + 0.3 * second, first]), np.ones((1, N)), first[None] + 0.5 * other)
    assert choose(eliminated(blend, 1), lambda n: 20.0, 1, start=[0]) == [1]


def test_weak_terms_are_dropped_one_by_one():
    terms, weight, phenotype = make()
    left = eliminated(moments(terms, weight, phenotype), N_BASE)
    assert sorted(choose(left, lambda n: 30.0, 9, start=[0, 2, 3, 1, 4, 5])) == [1, 4]
    assert choose(left, lambda n: 1e9, 9, start=[0, 1]) == []


def test_more_base_terms_than_individuals_are_tested_as_random_effects():
    rng = np.random.default_rng(1)
    base, term = rng.normal(size=(60, 40)), rng.normal(size=40)
    phenotype = (base.T @ rng.normal(size=60) + 20 * term + rng.normal(size=40))[None]
    given = moments(np.vstack([base, term]), np.ones((1, 40)), phenotype)
    penalty = torch.cat([torch.full((1, 60), 5.0), torch.zeros(1, 1)], dim=1).double()
    fit = least_squares(eliminated(given.penalised(penalty), 60))
    centred = base - base.mean(1, keepdims=True)
    inverse = np.linalg.inv(centred.T @ centred / 5 + np.eye(40))
    x, y = term - term.mean(), phenotype[0] - phenotype[0].mean()
    assert fit.coefficient.item() == pytest.approx((x @ inverse @ y) / (x @ inverse @ x), rel=1e-6)
