from itertools import combinations

import numpy as np
import psutil
import pytest
from conftest import SMALL

from gpattention.config import compose_config
from gpattention.errors import InputError
from gpattention.interpret import epistasis
from gpattention.interpret.fitted_map import open_map, open_replicates
from gpattention.runs.run import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A pairwise regression, and one network from two seeds."""
    folder = tmp_path_factory.mktemp("epistasis")
    common = [*SMALL, "data.temperatures=[25,30]", "data.order=3", "data.n_interactions=4"]
    run(compose_config([*common, "model=pairwise"]), folder / "pairwise")
    for seed in (0, 1):
        run(
            compose_config([*common, "model=transformer", "model.environment=joint", f"seed={seed}"]),
            folder / f"{seed}",
        )
    return folder


def test_epistasis_of_a_pairwise_map_is_four_times_its_coefficients(folder):
    fitted = open_map(folder / "pairwise", n_backgrounds=5)
    table = epistasis.read(fitted).tables["epistasis"]
    expected = 4 * fitted.run.module.coefficients[6:].numpy() * fitted.run.preprocessing.sd
    names = fitted.run.preprocessing.locus_names
    for column, environment in enumerate(["25C", "30C"]):
        part = table[table["environment"] == environment].set_index(["locus_1", "locus_2"])
        assert part["strength"].is_monotonic_decreasing
        for number, (first, second) in enumerate(combinations(range(6), 2)):
            row = part.loc[(names[first], names[second])]
            assert row["epistasis"] == pytest.approx(expected[number, column], rel=1e-5, abs=1e-12)
            assert row["sd"] == pytest.approx(0, abs=1e-9)
            assert row["strength"] == pytest.approx(abs(expected[number, column]), rel=1e-5, abs=1e-9)


def test_true_epistasis_of_an_interaction_of_three_is_in_its_strength(folder):
    """4 c g_k for a set with a third locus k, whose mean over backgrounds nearly vanishes."""
    fitted = open_map(folder / "pairwise", n_backgrounds=40)
    table = epistasis.read(fitted).tables["epistasis"]
    table = table[table["environment"] == "30C"].set_index(["locus_1", "locus_2"])
    arrays, names = fitted.truth.arrays, fitted.run.preprocessing.locus_names
    weight = 0.01 * 0.7 / len(arrays["interacting_loci"])
    for first, second in combinations(range(6), 2):
        each = np.zeros(40)
        for members, c in zip(arrays["interacting_loci"].tolist(), arrays["epistatic_coefficients"][0], strict=True):
            if first in members and second in members:
                (third,) = set(members) - {first, second}
                each -= 4 * weight * c * fitted.genotype[:, third]
        row = table.loc[(names[first], names[second])]
        assert row["true_epistasis"] == pytest.approx(each.mean(), abs=1e-9)
        assert row["true_strength"] == pytest.approx(np.sqrt((each**2).mean()), abs=1e-9)
        assert row["interacting"] == any({first, second} <= set(m) for m in arrays["interacting_loci"].tolist())


def test_replicates_are_averaged_and_give_errors_over_runs(folder):
    one, other = open_map(folder / "0", n_backgrounds=30), open_map(folder / "1", n_backgrounds=30)
    both = epistasis.read(one, replicates=open_replicates(one, [str(folder / "1")])).tables["epistasis"]
    keys = ["environment", "locus_1", "locus_2"]
    parts = [epistasis.read(fitted).tables["epistasis"].set_index(keys)["epistasis"] for fitted in (one, other)]
    both = both.set_index(keys)
    np.testing.assert_allclose(both["epistasis"], sum(part[both.index] for part in parts) / 2, rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(
        both["standard_error_runs"], abs(parts[0] - parts[1])[both.index] / 2, rtol=1e-3, atol=1e-9
    )
    np.testing.assert_allclose(both["standard_error"], both["sd"] / np.sqrt(30))


def test_replicates_of_other_data_are_refused(folder, tmp_path):
    run(compose_config([*SMALL, "model=linear"]), tmp_path / "other")
    with pytest.raises(InputError, match=r"other has other environment names than"):
        open_replicates(open_map(folder / "0"), [str(tmp_path / "other")])


def test_strongest_pairs_are_found_from_single_effects(folder):
    fitted = open_map(folder / "pairwise")
    every = epistasis.read(fitted).tables["epistasis"]
    few = epistasis.read(fitted, n_pairs=5).tables["epistasis"]
    assert len(few) == 10
    strongest = every[every["environment"] == "30C"].iloc[:2]
    found = set(zip(few["locus_1"], few["locus_2"], strict=True))
    assert set(zip(strongest["locus_1"], strongest["locus_2"], strict=True)) <= found


def test_pairs_that_do_not_fit_into_memory_are_refused(folder, monkeypatch):
    fitted = open_map(folder / "pairwise")
    memory = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory._replace(available=2 * 10 * 2 * (72 + 400)))
    with pytest.raises(InputError, match=r"15 pairs of 6 loci in 2 environments need .* set n_pairs=10 or fewer"):
        epistasis.read(fitted)
    assert len(epistasis.read(fitted, n_pairs=10).tables["epistasis"]) == 20
    with pytest.raises(InputError, match="n_pairs=0: give a number from 1 on, or null for all 15 pairs"):
        epistasis.read(fitted, n_pairs=0)
