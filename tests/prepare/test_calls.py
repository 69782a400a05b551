import numpy as np
import pytest

from gpattention.prepare.calls import Settler


@pytest.mark.parametrize("ploidy", [1, 2])
def test_drawn_calls_have_the_mean_and_variance_of_their_dosage(ploidy):
    dosage = np.tile(np.linspace(-1, 1, 9), (20000, 1)).astype(np.float16)
    settler = Settler("sampled", ploidy, np.int8, np.random.default_rng(0))
    calls = settler.settle(dosage, np.zeros(9))
    assert set(np.unique(calls)) == ({-1, 1} if ploidy == 1 else {-1, 0, 1})
    frequency = (1 + dosage[0].astype(float)) / 2
    # Alleles are independent draws: a call is twice their number over the ploidy, less 1.
    np.testing.assert_allclose(calls.mean(axis=0), 2 * frequency - 1, atol=0.03)
    np.testing.assert_allclose(calls.var(axis=0), 4 * frequency * (1 - frequency) / ploidy, atol=0.03)


def test_blocks_share_one_stream_of_draws():
    dosage = np.random.default_rng(1).uniform(-1, 1, (50, 7)).astype(np.float16)
    mean = np.zeros(7)
    whole = Settler("sampled", 1, np.int8, np.random.default_rng(5)).settle(dosage, mean)
    settler = Settler("sampled", 1, np.int8, np.random.default_rng(5))
    parts = [settler.settle(block, mean) for block in np.split(dosage, [3, 20])]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_diploid_calls_are_the_nearest():
    dosage = np.array([[-0.9, -0.4, 0.4, 0.6]], dtype=np.float16)
    settler = Settler("hard", 2, np.int8, np.random.default_rng(0))
    np.testing.assert_array_equal(settler.settle(dosage, np.zeros(4)), [[-1, 0, 0, 1]])
