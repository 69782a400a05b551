"""Simulated meiosis against Haldane's map function and the known yeast genome."""

import numpy as np
import pytest
from scipy.stats import kstest

from gpattention.data.cross import (
    CHROMOSOME_BP,
    CHROMOSOME_CM,
    MAP_LENGTH_CM,
    Markers,
    random_markers,
    simulate_cross,
    spaced_markers,
)

N = 20_000
DISTANCES_CM = [0.5, 2, 10, 30, 100, 300]


def haldane(distance_cM):
    return (1 - np.exp(-np.asarray(distance_cM) / 50)) / 2


def cross(markers: Markers, n: int = N, seed: int = 0) -> np.ndarray:
    return simulate_cross(n, markers, np.random.SeedSequence(seed))


@pytest.fixture(scope="module")
def chromosome_iv():
    position = np.array([100.0] + [100.0 + d for d in DISTANCES_CM])
    return cross(Markers(np.full(len(position), 3), position))


@pytest.mark.parametrize(("column", "distance"), list(enumerate(DISTANCES_CM, start=1)))
def test_recombination_fraction_is_haldanes(chromosome_iv, column, distance):
    expected = haldane(distance)
    found = (chromosome_iv[:, 0] != chromosome_iv[:, column]).mean()
    assert abs(found - expected) < 4 * np.sqrt(expected * (1 - expected) / N)


def test_crossovers_do_not_interfere(chromosome_iv):
    changes = chromosome_iv[:, 1:] != chromosome_iv[:, :-1]
    near, far = changes[:, 2].astype(float), changes[:, 3].astype(float)
    assert abs(np.corrcoef(near, far)[0, 1]) < 4 / np.sqrt(N)


def test_alleles_are_equally_frequent_and_chromosomes_independent():
    ends = Markers(np.repeat(np.arange(16), 2), np.stack([np.zeros(16), CHROMOSOME_CM], axis=1).ravel())
    genotype = cross(ends)
    assert genotype.dtype == np.int8
    assert set(np.unique(genotype)) == {-1, 1}
    assert np.abs(genotype.mean(axis=0)).max() < 4 / np.sqrt(N)
    correlation = np.abs(np.corrcoef(genotype, rowvar=False))
    between = ends.chromosome[:, None] != ends.chromosome[None, :]
    assert correlation[between].max() < 5 / np.sqrt(N)


def test_strand_changes_along_a_dense_map():
    markers = spaced_markers(1.0)
    n = 3000
    genotype = cross(markers, n)
    inside = np.diff(markers.chromosome) == 0
    changes = (genotype[:, 1:] != genotype[:, :-1])[:, inside].sum(axis=1)
    r = haldane(1.0)
    expected, variance = inside.sum() * r, inside.sum() * r * (1 - r)
    assert abs(changes.mean() - expected) < 4 * np.sqrt(variance / n)
    assert changes.var() == pytest.approx(variance, rel=4 * np.sqrt(2 / n))
    assert expected == pytest.approx(45.25, rel=0.02)


@pytest.mark.parametrize("few", [1, 700, 1024, 1500])
def test_first_segregants_are_the_same_for_a_longer_cross(few):
    markers = spaced_markers(50)
    np.testing.assert_array_equal(cross(markers, few), cross(markers, 2500)[:few])


def test_segregants_of_all_blocks_and_seeds_differ():
    genotype = cross(spaced_markers(20), 2048)
    assert len(np.unique(genotype, axis=0)) == 2048
    assert not np.array_equal(genotype, cross(spaced_markers(20), 2048, seed=1))


def test_genome_is_that_of_s288c():
    assert CHROMOSOME_BP.sum() == 12_071_326
    assert CHROMOSOME_BP.argmax() == 3
    assert CHROMOSOME_BP.argmin() == 0
    assert CHROMOSOME_CM.sum() == pytest.approx(MAP_LENGTH_CM) == 90.5 / 2 * 100


def test_spaced_markers_cover_every_chromosome_at_equal_distances():
    markers = spaced_markers(7.0)
    for chromosome, length in enumerate(CHROMOSOME_CM):
        position = markers.position_cM[markers.chromosome == chromosome]
        assert position[0] == 0
        np.testing.assert_allclose(np.diff(position), 7.0)
        assert length - 7 <= position[-1] < length


def test_random_markers_are_uniform_and_in_genome_order():
    markers = random_markers(20_000, np.random.default_rng(0))
    assert len(markers.chromosome) == len(markers.position_cM) == 20_000
    start = np.concatenate([[0], np.cumsum(CHROMOSOME_CM)[:-1]])
    along = start[markers.chromosome] + markers.position_cM
    assert (np.diff(along) >= 0).all()
    assert (markers.position_cM >= 0).all()
    assert (markers.position_cM <= CHROMOSOME_CM[markers.chromosome]).all()
    assert kstest(along / MAP_LENGTH_CM, "uniform").pvalue > 1e-3
    expected = CHROMOSOME_BP / CHROMOSOME_BP.sum()
    share = np.bincount(markers.chromosome, minlength=16) / 20_000
    assert (np.abs(share - expected) < 4 * np.sqrt(expected / 20_000)).all()


def test_table_names_each_marker_once_and_places_it_on_its_chromosome():
    table = random_markers(5000, np.random.default_rng(1)).table()
    assert table["locus"].is_unique
    assert table["chromosome"].between(1, 16).all()
    assert (table["position_bp"] <= CHROMOSOME_BP[table["chromosome"] - 1]).all()
    bp_per_cM = CHROMOSOME_BP.sum() / MAP_LENGTH_CM
    np.testing.assert_allclose(table["position_bp"], table["position_cM"] * bp_per_cM, atol=1)


def test_markers_at_one_position_get_different_names():
    table = Markers(np.array([3, 3, 3]), np.array([1.0, 1.0, 2.0])).table()
    assert table["locus"].iloc[0].startswith("chrIV_")
    assert table["locus"].is_unique
