from itertools import combinations

import numpy as np
import pytest
import torch
from processes import share
from scipy.stats import norm

from gpattention.errors import InputError
from gpattention.regressions import interaction_screen
from gpattention.regressions.interaction_screen import (
    Screen,
    all_sets,
    extensions,
    least_statistic,
    measured_rate,
    n_sets,
    n_tests,
)

N_LOCI, N_INDIVIDUALS = 12, 300
KINDS = {
    "inbred": lambda rng, shape: rng.choice([-1.0, 1.0], shape),
    "rare": lambda rng, shape: rng.choice([-1.0, 1.0], shape, p=[0.93, 0.07]),
    "diploid": lambda rng, shape: rng.choice([-1.0, 0.0, 1.0], shape, p=[0.5, 0.3, 0.2]),
    "dosage": lambda rng, shape: rng.uniform(-1, 1, shape),
}


@pytest.fixture
def small_blocks(monkeypatch):
    """So that several are needed."""
    for name, value in {"LEFT_ROWS": 8, "RIGHT_ROWS": 16, "INDIVIDUALS_AT_ONCE": 100, "STRIP_ROWS": 24}.items():
        monkeypatch.setattr(interaction_screen, name, value)


def make(kind="inbred", n_environments=2, missing=0.0, seed=0):
    """Genotypes (L, N), weights and residuals (E, N)."""
    rng = np.random.default_rng(seed)
    genotype = KINDS[kind](rng, (N_LOCI, N_INDIVIDUALS))
    weight = (
        rng.uniform(0.5, 2, (n_environments, N_INDIVIDUALS)) if missing else np.ones((n_environments, N_INDIVIDUALS))
    )
    weight[rng.random(weight.shape) < missing] = 0
    residual = rng.normal(size=weight.shape)
    residual -= (weight * residual).sum(1, keepdims=True) / weight.sum(1, keepdims=True)
    return tuple(map(torch.from_numpy, (genotype, weight, np.where(weight > 0, residual, 0))))


def by_loops(genotype, weight, residual, loci):
    """z of a set in each environment."""
    product = np.prod(genotype[list(loci)], axis=0)
    found = []
    for w, r in zip(weight, residual, strict=True):
        mean = np.average(product, weights=w)
        squares = w @ (product - mean) ** 2
        found.append(w @ ((product - mean) * r) / np.sqrt(squares * (w @ r**2) / w.sum()))
    return np.array(found)


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.usefixtures("small_blocks")
def test_every_set_has_the_statistic_of_loops(kind, missing):
    genotype, weight, residual = make(kind, missing=missing)
    screen = Screen(genotype, weight)
    for order in (2, 3, 4):
        for _ in range(2):  # the second round knows the variances of the first
            found = screen.strongest(all_sets(torch.arange(N_LOCI), order), residual, 0.0, 10_000)
            sets = [tuple(row[:order]) for row in found.sets.tolist()]
            assert sorted(sets) == list(combinations(range(N_LOCI), order))
            assert (found.sets[:, order:] == -1).all()
            wanted = [by_loops(genotype.numpy(), weight.numpy(), residual.numpy(), one) for one in sets]
            np.testing.assert_allclose(found.statistic, (np.array(wanted) ** 2).sum(1), rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(screen.z_of(found.sets, residual), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.usefixtures("small_blocks")
def test_the_strongest_are_kept_in_float32_as_in_float64():
    genotype, weight, residual = make(missing=0.1)
    screen, exact = Screen(genotype.float(), weight.float()), Screen(genotype, weight)
    factors = all_sets(torch.arange(N_LOCI), 4)
    few, all_ = screen.strongest(factors, residual.float(), 0.0, 7), exact.strongest(factors, residual, 0.0, 10_000)
    assert few.sets.tolist() == all_.sets[:7].tolist()
    np.testing.assert_allclose(few.statistic, all_.statistic[:7], rtol=1e-5)
    least = float(all_.statistic[20])
    assert screen.strongest(factors, residual.float(), least * 0.99999, 10_000).sets.tolist() == all_.sets[:21].tolist()


@pytest.mark.usefixtures("small_blocks")
def test_extensions_hold_no_locus_twice_and_no_set_twice():
    genotype, weight, residual = make()
    screen = Screen(genotype, weight)
    found = screen.strongest(extensions(torch.combinations(torch.arange(5), 2), N_LOCI), residual, 0.0, 10_000)
    wanted = {tuple(sorted((*pair, k))) for pair in combinations(range(5), 2) for k in range(N_LOCI) if k not in pair}
    assert sorted(tuple(row[:3]) for row in found.sets.tolist()) == sorted(wanted)


def test_products_that_hardly_vary_have_no_statistic():
    genotype, weight, residual = make()
    genotype[0] = 1
    genotype[1] = genotype[2]  # their product is constant
    genotype[3] = 1
    genotype[3, 0] = -1
    screen = Screen(genotype.float(), weight.float())
    found = screen.strongest(all_sets(torch.arange(N_LOCI), 2), residual.float(), 0.0, 100)
    assert [1, 2, -1, -1] not in found.sets.tolist()
    assert found.statistic.isfinite().all()
    nothing = screen.strongest(all_sets(torch.arange(N_LOCI), 2), torch.zeros_like(residual).float(), 0.0, 100)
    assert not len(nothing.sets)


def test_thresholds_are_those_of_the_normal_distribution():
    assert n_tests(100, 4) == 4950 + 161_700 + 3_921_225
    assert n_sets(1164, 4) == 1164 * 1163 * 1162 * 1161 // 24
    assert least_statistic(0.05 / 1000) ** 0.5 == pytest.approx(norm.isf(0.025 / 1000))


def test_more_pairs_than_memory_holds_are_refused(monkeypatch):
    genotype, weight, _ = make()
    screen = Screen(genotype, weight)
    with pytest.raises(InputError, match=r"sets of 4 among 5,000,000 loci need .* GiB .*: prune"):
        screen.refuse_too_large(5_000_000, 4, "prune")
    with pytest.raises(InputError, match=r"2\.11e\+19 sets of 4"):
        screen.refuse_too_large(150_000, 4, "prune")
    screen.refuse_too_large(1000, 4, "prune")


def test_estimates_grow_with_what_is_multiplied():
    genotype, weight, _ = make("inbred")
    rate = measured_rate(genotype.float())
    assert rate > 1e7
    two = Screen(genotype, weight).seconds_of(1000, rate)
    assert two == pytest.approx(2 * 1000 * N_INDIVIDUALS * 3 / rate / interaction_screen.EFFICIENCY)
    assert Screen(*make("dosage")[:2]).seconds_of(1000, rate) > two


def find_shared():
    interaction_screen.LEFT_ROWS, interaction_screen.RIGHT_ROWS, interaction_screen.STRIP_ROWS = 8, 16, 24
    genotype, weight, residual = make()
    return Screen(genotype, weight).strongest(all_sets(torch.arange(N_LOCI), 4), residual, 1.0, 40)


def test_two_processes_find_what_one_does():
    genotype, weight, residual = make()
    wanted = Screen(genotype, weight).strongest(all_sets(torch.arange(N_LOCI), 4), residual, 1.0, 40)
    for sets, statistic in share(2, find_shared):
        assert sets.tolist() == wanted.sets.tolist()
        torch.testing.assert_close(statistic, wanted.statistic, rtol=1e-12, atol=0)
