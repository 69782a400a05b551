from itertools import combinations

import numpy as np
import pytest

from gpattention.interpret.recovery import pairs_in_sets, recover

PAIRS = np.array(list(combinations(range(6), 2)))
SETS = np.array([[3, 0, 1], [5, 2, 4]])


def test_pairs_within_a_set():
    inside = {tuple(pair) for pair in PAIRS[pairs_in_sets(PAIRS, SETS)].tolist()}
    assert inside == {(0, 1), (0, 3), (1, 3), (2, 4), (2, 5), (4, 5)}


def test_perfect_strengths_recover_everything():
    strength = 1.0 + pairs_in_sets(PAIRS, SETS)[:, None]
    table, figure = recover(strength, PAIRS, SETS, 6, ["a"])
    assert table["kind"].tolist() == ["pairs", "sets"]
    assert table["average_precision"].tolist() == [1, 1]
    assert table["precision"].tolist() == [1, 1]
    assert table["n"].tolist() == [15, 20]
    assert table["chance"].tolist() == [6 / 15, 2 / 20]
    assert len(figure.axes[0].get_lines()) == 4


def test_precision_by_hand():
    """Ranked right, wrong, right, ...: precision at the right ones 1, 2/3, then the rest of the right pairs last."""
    right = pairs_in_sets(PAIRS, SETS)
    strength = np.zeros((15, 1))
    strength[np.flatnonzero(right)[:2], 0] = [5, 3]
    strength[np.flatnonzero(~right)[0], 0] = 4
    strength[np.flatnonzero(right)[2:], 0] = -1
    table, _ = recover(strength, PAIRS, SETS, 6, ["a"])
    expected = (1 + 2 / 3 + 4 * 6 / 15) / 6
    assert table["average_precision"][0] == pytest.approx(expected)
    assert table["precision"][0] == pytest.approx(2 / 6)


def test_sets_are_not_ranked_from_a_part_of_the_pairs():
    table, _ = recover(np.ones((14, 2)), PAIRS[:14], SETS, 6, ["a", "b"])
    assert table["kind"].tolist() == ["pairs", "pairs"]
