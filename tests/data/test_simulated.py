"""The simulated data set as a whole: loci, names, seeds, and phenotypes that belong to its genotypes."""

from itertools import pairwise

import numpy as np
import pytest

from gpattention.data.cross import CHROMOSOME_CM
from gpattention.data.simulated import simulate
from gpattention.errors import InputError


def make(**changes):
    arguments = {
        "seed": 0,
        "n_segregants": 300,
        "n_loci": 10,
        "locus_spacing_cM": 10.0,
        "n_snps": 400,
        "max_snp_correlation": 0.94,
        "loci": "first",
        "max_mean_allele": None,
        "epsilon": 0.3,
        "order": 4,
        "n_interactions": None,
        "coefficients": "gaussian",
        "temperatures": [30.0],
        "noise": 0.2,
    }
    return simulate(**(arguments | changes))


def test_names_and_shapes():
    data = make(temperatures=[23.0, 27.5])
    assert data.genotype.shape == (300, 10)
    assert data.phenotype.shape == (300, 2)
    assert data.environment_names == ("23C", "27.5C")
    assert data.individual_ids[:2] == ("segregant_0", "segregant_1")
    assert data.coding == "signed"
    assert data.locus_names == tuple(data.loci["locus"])
    assert data.standard_error is None
    assert set(np.unique(data.genotype)) == {-1, 1}


def test_first_loci_lie_at_the_spacing_from_the_start_of_the_genome():
    data = make(n_loci=20)
    on_first = int(np.ceil(CHROMOSOME_CM[0] / 10))
    assert data.loci["chromosome"].tolist() == [1] * on_first + [2] * (20 - on_first)
    expected = [10.0 * k for k in range(on_first)] + [10.0 * k for k in range(20 - on_first)]
    np.testing.assert_allclose(data.loci["position_cM"], expected)


def test_neighbouring_loci_recombine_as_their_positions_say():
    data = make(n_segregants=5000, n_loci=5)
    r = (1 - np.exp(-10 / 50)) / 2
    for left, right in pairwise(data.genotype.T):
        assert abs((left != right).mean() - r) < 4 * np.sqrt(r * (1 - r) / 5000)


def test_truth_belongs_to_the_columns_of_the_data():
    data = make(temperatures=[25.0, 30.0])
    truth, g = data.truth.arrays, data.genotype.astype(float)
    for column, t in enumerate((-5.0, 0.0)):
        b, c = (
            (x[0] + x[1] * t + x[2] * t * t) for x in (truth["linear_coefficients"], truth["epistatic_coefficients"])
        )
        f = truth["intercept"] + 0.3 * np.array([row @ b for row in g]) / 10
        f += (
            0.7
            * sum(value * g[:, loci].prod(axis=1) for value, loci in zip(c, truth["interacting_loci"], strict=True))
            / 10
        )
        np.testing.assert_allclose(data.truth.noiseless[:, column], 1 - 0.01 * f)
    assert np.corrcoef(data.phenotype[:, 1], data.truth.noiseless[:, 1])[0, 1] > 0.95


def test_same_seed_gives_the_same_data_and_another_seed_other_data():
    first, again, other = make(loci="random"), make(loci="random"), make(loci="random", seed=1)
    np.testing.assert_array_equal(first.genotype, again.genotype)
    np.testing.assert_array_equal(first.phenotype, again.phenotype)
    assert first.locus_names == again.locus_names != other.locus_names
    assert not np.array_equal(first.truth.arrays["linear_coefficients"], other.truth.arrays["linear_coefficients"])


@pytest.mark.parametrize("change", [{"epsilon": 0.9}, {"noise": 1.0}, {"temperatures": [23.0, 30.0]}])
def test_cross_loci_and_coefficients_have_streams_of_their_own(change):
    plain, changed = make(loci="random"), make(loci="random", **change)
    np.testing.assert_array_equal(plain.genotype, changed.genotype)
    for name in ("linear_coefficients", "epistatic_coefficients", "interacting_loci", "intercept"):
        np.testing.assert_array_equal(plain.truth.arrays[name], changed.truth.arrays[name])


def test_noise_is_not_drawn_from_the_stream_of_the_coefficients():
    data = make()
    noise = (data.phenotype - data.truth.noiseless)[:30, 0] / data.truth.noiseless.std()
    coefficients = data.truth.arrays["linear_coefficients"].ravel()
    assert abs(np.corrcoef(noise, coefficients)[0, 1]) < 0.6


def test_more_segregants_leave_the_first_ones_as_they_are():
    few, many = make(n_segregants=200), make(n_segregants=1500)
    np.testing.assert_array_equal(few.genotype, many.genotype[:200])
    np.testing.assert_allclose(few.truth.noiseless, many.truth.noiseless[:200])


def test_pruned_snps_do_not_correlate_beyond_the_limit(caplog):
    with caplog.at_level("INFO", logger="gpattention"):
        data = make(locus_spacing_cM=None, loci="random", n_loci=60, max_snp_correlation=0.8)
    correlation = np.abs(np.corrcoef(data.genotype, rowvar=False))
    assert correlation[~np.eye(60, dtype=bool)].max() <= 0.8
    assert data.loci["chromosome"].is_monotonic_increasing
    assert "of 400 SNPs are left at correlations up to 0.8" in caplog.text


def test_skewed_loci_are_left_out():
    data = make(n_loci=20, loci="random", max_mean_allele=0.05)
    assert np.abs(data.genotype.mean(axis=0)).max() < 0.05


def test_named_environments_are_kept_as_simulated():
    all_of_them, some = (
        make(temperatures=[23.0, 30.0, 37.0]),
        make(temperatures=[23.0, 30.0, 37.0], environments=["37C", "23C"]),
    )
    assert some.environment_names == ("37C", "23C")
    np.testing.assert_array_equal(some.phenotype, all_of_them.phenotype[:, [2, 0]])
    np.testing.assert_array_equal(some.truth.noiseless, all_of_them.truth.noiseless[:, [2, 0]])


def test_truth_per_environment_follows_the_environments_kept():
    temperatures = [23.0, 30.0, 37.0]
    whole, some = make(temperatures=temperatures), make(temperatures=temperatures, environments=["37C", "23C"])
    for name in ("temperatures", "linear_share_of_variance"):
        np.testing.assert_allclose(some.truth.by_environment[name], whole.truth.by_environment[name][[2, 0]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_segregants": 0}, "data.n_segregants is 0: give a number from 2 on"),
        ({"n_loci": -1}, "data.n_loci is -1"),
        ({"n_snps": 0}, "data.n_snps is 0"),
        ({"locus_spacing_cM": 0.0}, "data.locus_spacing_cM is 0.0: give a distance above 0"),
        ({"locus_spacing_cM": -3.0}, "data.locus_spacing_cM is -3.0"),
        ({"n_loci": 10_000}, "data.n_loci is 10000, but the cross has 459 loci"),
        (
            {"max_mean_allele": 1e-9, "n_segregants": 301},
            "data.n_loci is 10, but the cross has 0 loci .*data.max_mean_allele",
        ),
        ({"epsilon": 2.0}, "data.epsilon is 2.0"),
        ({"temperatures": [30.0, 30.0]}, "environment 30C occurs more than once"),
        ({"environments": ["31C"]}, "data.environments: 31C: .* which has 30C"),
        ({"seed": -1}, "data.seed is -1"),
        ({"locus_spacing_cM": None, "max_snp_correlation": 0.0}, "data.max_snp_correlation is 0.0"),
    ],
)
def test_refuses_bad_arguments(change, message):
    with pytest.raises(InputError, match=message):
        make(**change)


def test_the_cure_for_too_few_pruned_snps_names_the_key_that_prunes_them():
    with pytest.raises(InputError, match="a higher data.max_snp_correlation"):
        make(locus_spacing_cM=None, n_loci=401)
