import numpy as np
import pandas as pd

from gpattention.interpret.walks import N_STEPS, independent_walks, linked_walks, mosaics


def test_independent_walks_go_from_a_genotype_to_its_opposite_as_correlated_as_said():
    walks = independent_walks(20, 4000, np.random.default_rng(0))
    assert walks.genotype.shape == (N_STEPS + 1, 4000, 20)
    np.testing.assert_array_equal(walks.genotype[-1], -walks.genotype[0])
    for steps, rho in enumerate(walks.correlation, 1):
        observed = (walks.genotype[0].astype(float) * walks.genotype[steps]).mean()
        assert abs(observed - rho) < 0.02


def test_linked_walks_replace_whole_blocks():
    rng = np.random.default_rng(0)
    genotype = np.repeat(rng.choice([-1, 1], (50, 3)), 4, axis=1).astype(np.int8)
    block = np.repeat([0, 1, 2], 4)
    walks = linked_walks(genotype, block, 2000, rng)
    assert walks.n_units == 3
    by_block = walks.genotype.reshape(N_STEPS + 1, 2000, 3, 4)
    assert (by_block == by_block[..., :1]).all()
    changed = (walks.genotype[1:] != walks.genotype[:-1]).any(axis=2).sum(axis=0)
    assert changed.max() <= 3


def test_mosaics_take_each_block_from_one_individual():
    genotype = np.arange(40).reshape(10, 4)
    drawn = mosaics(genotype, np.array([0, 0, 1, 1]), 500, np.random.default_rng(0))
    rows = drawn // 4
    assert (rows[:, 0] == rows[:, 1]).all()
    assert (rows[:, 2] == rows[:, 3]).all()
    assert len(pd.unique(rows[:, 0])) == 10
    assert (rows[:, 0] != rows[:, 2]).any()
