"""Simulated phenotypes, recomputed one value at a time from the coefficients of the truth."""

import numpy as np
import pytest
from scipy.stats import kstest

from gpattention.data.phenotypes import draw_sets, simulate_phenotypes
from gpattention.errors import InputError


def random_genotype(n: int, n_loci: int) -> np.ndarray:
    return np.random.default_rng(99).choice([-1, 1], (n, n_loci)).astype(np.int8)


def simulate(n: int = 60, n_loci: int = 8, seed: int = 0, **changes):
    arguments = {
        "epsilon": 0.3,
        "order": 4,
        "n_interactions": None,
        "coefficients": "gaussian",
        "temperatures": [30.0],
        "noise": 0.2,
        "coefficient_rng": np.random.default_rng(seed),
        "noise_rng": np.random.default_rng(seed + 1000),
    }
    return simulate_phenotypes(random_genotype(n, n_loci), **(arguments | changes))


def slow_fitness(genotype: np.ndarray, epsilon: float, temperatures: list[float], truth: dict) -> np.ndarray:
    n_loci, sets = genotype.shape[1], truth["interacting_loci"]
    b, c = truth["linear_coefficients"], truth["epistatic_coefficients"]
    fitness = np.empty((len(genotype), len(temperatures)))
    for individual, g in enumerate(genotype.tolist()):
        for column, temperature in enumerate(temperatures):
            t = temperature - 30
            additive = sum((b[2, k] * t**2 + b[1, k] * t + b[0, k]) * g[k] for k in range(n_loci))
            epistatic = 0.0
            for m, loci in enumerate(sets):
                product = 1
                for locus in loci:
                    product *= g[locus]
                epistatic += (c[2, m] * t**2 + c[1, m] * t + c[0, m]) * product
            f = truth["intercept"] + epsilon * additive / n_loci + (1 - epsilon) * epistatic / len(sets)
            fitness[individual, column] = 1 - 0.01 * f
    return fitness


@pytest.mark.parametrize("epsilon", [0, 0.3, 1])
@pytest.mark.parametrize("coefficients", ["gaussian", "exponential"])
@pytest.mark.parametrize(("order", "n_interactions"), [(4, None), (2, 5), (1, 8)])
def test_noiseless_phenotypes_follow_the_equations(epsilon, coefficients, order, n_interactions):
    temperatures = [23.0, 30.0, 37.5]
    _, truth = simulate(
        epsilon=epsilon,
        coefficients=coefficients,
        order=order,
        n_interactions=n_interactions,
        temperatures=temperatures,
    )
    assert truth.arrays["interacting_loci"].shape == (n_interactions or 8, order)
    expected = slow_fitness(random_genotype(60, 8), epsilon, temperatures, truth.arrays)
    np.testing.assert_allclose(truth.noiseless, expected, rtol=1e-12)
    assert truth.noiseless.std(axis=0).min() > 0


@pytest.mark.parametrize("noise", [0.2, 1.0])
def test_noise_is_a_share_of_the_noiseless_deviation(noise):
    n = 20_000
    phenotype, truth = simulate(n, noise=noise, temperatures=[23.0, 30.0])
    residual = phenotype - truth.noiseless
    sd = noise * truth.noiseless.std(axis=0)
    np.testing.assert_allclose(residual.std(axis=0) / sd, 1, atol=4 / np.sqrt(2 * n))
    np.testing.assert_allclose(residual.mean(axis=0) / sd, 0, atol=4 / np.sqrt(n))
    assert abs(np.corrcoef(residual.T)[0, 1]) < 4 / np.sqrt(n)
    assert kstest(residual[:, 0] / sd[0], "norm").pvalue > 1e-3


def test_without_noise_the_phenotype_is_noiseless():
    phenotype, truth = simulate(noise=0)
    np.testing.assert_array_equal(phenotype, truth.noiseless)


def test_r2_of_the_true_map_is_its_ceiling():
    phenotype, truth = simulate(20_000)
    r2 = 1 - ((phenotype - truth.noiseless) ** 2).mean() / phenotype.var()
    assert r2 == pytest.approx(1 / 1.04, abs=0.003)


@pytest.mark.parametrize("coefficients", ["gaussian", "exponential"])
def test_epsilon_changes_nothing_but_the_weights(coefficients):
    (low, low_truth), (high, high_truth) = (
        simulate(epsilon=epsilon, coefficients=coefficients) for epsilon in (0.0, 0.7)
    )
    for name in ("intercept", "linear_coefficients", "epistatic_coefficients", "interacting_loci"):
        np.testing.assert_array_equal(low_truth.arrays[name], high_truth.arrays[name])
    unit_noise = [
        (phenotype - truth.noiseless) / truth.noiseless.std(axis=0)
        for phenotype, truth in ((low, low_truth), (high, high_truth))
    ]
    np.testing.assert_allclose(*unit_noise, rtol=1e-6, atol=1e-9)
    assert not np.allclose(low, high)


def test_coefficients_and_noise_have_generators_of_their_own():
    plain, truth = simulate()
    other_noise, same_truth = simulate(noise_rng=np.random.default_rng(5))
    np.testing.assert_array_equal(truth.noiseless, same_truth.noiseless)
    assert not np.allclose(plain, other_noise)
    other, other_truth = simulate(coefficient_rng=np.random.default_rng(5))
    unit, other_unit = (plain - truth.noiseless) / truth.noiseless.std(), other - other_truth.noiseless
    np.testing.assert_allclose(unit, other_unit / other_truth.noiseless.std(), rtol=1e-6, atol=1e-9)


def test_temperatures_share_their_coefficients():
    _, alone = simulate(temperatures=[23.0])
    _, together = simulate(temperatures=[37.0, 23.0])
    np.testing.assert_allclose(alone.noiseless[:, 0], together.noiseless[:, 1], rtol=1e-12)


@pytest.mark.parametrize(
    ("coefficients", "distribution", "parameters", "mean", "sd"),
    [("gaussian", "norm", (0.5, 0.5), 0.5, 0.5), ("exponential", "expon", (0, 1), 1.0, 1.0)],
)
def test_coefficients_have_the_stated_distribution(coefficients, distribution, parameters, mean, sd):
    _, truth = simulate(5, 1000, order=2, coefficients=coefficients)
    for name in ("linear_coefficients", "epistatic_coefficients"):
        drawn = truth.arrays[name]
        assert drawn.shape == (3, 1000)
        assert kstest(drawn.ravel(), distribution, parameters).pvalue > 1e-3
        assert abs(drawn.mean() - mean) < 4 * sd / np.sqrt(3000)
        if coefficients == "exponential":
            assert (drawn > 0).all()


@pytest.mark.parametrize(("coefficients", "distribution"), [("gaussian", "norm"), ("exponential", "expon")])
def test_intercept_has_the_stated_distribution(coefficients, distribution):
    drawn = [float(simulate(4, seed=seed, coefficients=coefficients)[1].arrays["intercept"]) for seed in range(300)]
    assert kstest(drawn, distribution).pvalue > 1e-3


@pytest.mark.parametrize(("epsilon", "share"), [(0, 0), (1, 1)])
def test_share_of_variance_at_the_ends(epsilon, share):
    _, truth = simulate(epsilon=epsilon)
    np.testing.assert_allclose(truth.by_environment["linear_share_of_variance"], share, atol=1e-9)


def test_share_of_variance_is_that_of_the_additive_part():
    _, truth = simulate(temperatures=[25.0, 30.0])
    no_sets = truth.arrays | {"epistatic_coefficients": np.zeros_like(truth.arrays["epistatic_coefficients"])}
    additive = slow_fitness(random_genotype(60, 8), 0.3, [25.0, 30.0], no_sets)
    expected = additive.var(axis=0) / truth.noiseless.var(axis=0)
    np.testing.assert_allclose(truth.by_environment["linear_share_of_variance"], expected)


@pytest.mark.parametrize(("n_loci", "order", "n_sets"), [(10, 4, 100), (6, 3, 20), (5, 5, 1)])
def test_sets_are_distinct_and_of_distinct_loci(n_loci, order, n_sets):
    sets = draw_sets(n_loci, order, n_sets, np.random.default_rng(0))
    assert sets.shape == (n_sets, order)
    assert len({frozenset(loci) for loci in sets.tolist()}) == n_sets
    assert all(len(set(loci)) == order for loci in sets.tolist())
    assert sets.min() >= 0
    assert sets.max() < n_loci


def test_all_loci_are_equally_likely_in_sets():
    sets = np.concatenate([draw_sets(10, 4, 10, np.random.default_rng(seed)) for seed in range(200)])
    share = np.bincount(sets.ravel(), minlength=10) / len(sets)
    assert (np.abs(share - 0.4) < 4 * np.sqrt(0.4 * 0.6 / len(sets))).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epsilon": -0.1}, "data.epsilon is -0.1: give a weight from 0"),
        ({"epsilon": 1.1}, "data.epsilon is 1.1"),
        ({"epsilon": float("nan")}, "data.epsilon is nan"),
        ({"noise": -0.2}, "data.noise is -0.2"),
        ({"order": 9}, "8 distinct sets of data.order=9 loci cannot be drawn from data.n_loci=8"),
        ({"order": 0}, "data.order=0"),
        ({"n_interactions": 71}, "71 distinct sets of data.order=4 loci cannot be drawn .* data.n_interactions"),
        ({"n_interactions": 0}, "0 distinct sets"),
        ({"n_loci": 4}, "4 distinct sets of data.order=4 loci cannot be drawn from data.n_loci=4"),
        ({"temperatures": []}, "data.temperatures is empty"),
    ],
)
def test_refuses_bad_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        simulate(**arguments)


def test_every_possible_set_can_be_drawn():
    _, truth = simulate(n_interactions=70)
    assert len(truth.arrays["interacting_loci"]) == 70
