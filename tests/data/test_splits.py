"""Splits of the individuals: sizes, cover, what they depend on, and the published notebooks' indices."""

import os
import random
import subprocess
import sys

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

from gpattention.data.splits import Split, hash_order, read_stored_split, split_individuals
from gpattention.errors import InputError

IDS = [f"segregant_{i}" for i in range(1000)]


def id_sets(ids: list[str], split: Split) -> list[set[str]]:
    return [{ids[row] for row in rows} for rows in split]


def assert_each_individual_once(split: Split, n: int) -> None:
    np.testing.assert_array_equal(np.sort(np.concatenate(split)), np.arange(n))


def test_notebook_split_is_that_of_the_notebooks():
    order = list(range(1000))
    random.seed(0)
    random.shuffle(order)
    rest, test = train_test_split(order, test_size=0.15, random_state=42)
    train, val = train_test_split(rest, test_size=0.15, random_state=42)
    split = split_individuals(IDS, "notebook")
    for rows, expected in zip(split, (train, val, test), strict=True):
        np.testing.assert_array_equal(rows, expected)


def test_notebook_split_leaves_the_global_generator_alone():
    random.seed(7)
    expected = random.random()
    random.seed(7)
    split_individuals(IDS, "notebook")
    assert random.random() == expected


@pytest.mark.parametrize(("scheme", "tolerance"), [("notebook", 0), ("fractions", 1)])
def test_sizes_for_the_yeast_cross(scheme, tolerance):
    split = split_individuals(range(99_950), scheme)
    np.testing.assert_allclose([len(rows) for rows in split], [72_213, 12_744, 14_993], rtol=0, atol=tolerance)
    assert_each_individual_once(split, 99_950)


@pytest.mark.parametrize(
    ("test_fraction", "val_fraction", "sizes"), [(0.2, 0.25, (600, 200, 200)), (0.1, 0.5, (450, 450, 100))]
)
def test_fractions_give_sizes_and_cover_everyone(test_fraction, val_fraction, sizes):
    split = split_individuals(IDS, test_fraction=test_fraction, val_fraction=val_fraction)
    assert tuple(map(len, split)) == sizes
    assert_each_individual_once(split, 1000)
    assert all((np.diff(rows) > 0).all() for rows in split)


@pytest.mark.parametrize("scheme", ["fractions", "kfold"])
def test_row_order_changes_nothing(scheme):
    shuffled = [IDS[i] for i in np.random.default_rng(0).permutation(1000)]
    assert id_sets(IDS, split_individuals(IDS, scheme)) == id_sets(shuffled, split_individuals(shuffled, scheme))


def test_order_of_two_individuals_does_not_depend_on_the_others():
    order = [IDS[i] for i in hash_order(IDS, 3)]
    some = IDS[::3]
    assert [some[i] for i in hash_order(some, 3)] == [name for name in order if name in set(some)]


def test_split_is_the_same_in_another_process():
    code = "from gpattention.data.splits import hash_order; print(*hash_order(list('abcdefghijklmnop'), 0))"
    environment = os.environ | {"PYTHONHASHSEED": "12345"}
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert list(map(int, other.stdout.split())) == hash_order(list("abcdefghijklmnop"), 0).tolist()


@pytest.mark.parametrize("scheme", ["fractions", "kfold"])
def test_test_parts_of_two_seeds_overlap_by_chance_only(scheme):
    first, second = (split_individuals(IDS, scheme, split_seed=seed) for seed in (0, 1))
    n_test = len(first.test)
    share = n_test / 1000
    expected, sd = n_test * share, np.sqrt(n_test * share * (1 - share) * (1 - share))
    assert abs(len(np.intersect1d(first.test, second.test)) - expected) < 4 * sd


def test_same_seed_gives_the_same_split():
    for rows, again in zip(split_individuals(IDS, split_seed=5), split_individuals(IDS, split_seed=5), strict=True):
        np.testing.assert_array_equal(rows, again)


@pytest.mark.parametrize(("n", "n_folds"), [(1000, 5), (103, 10), (50, 2)])
def test_each_individual_is_tested_in_exactly_one_fold(n, n_folds):
    folds = [split_individuals(IDS[:n], "kfold", n_folds=n_folds, fold=fold) for fold in range(n_folds)]
    np.testing.assert_array_equal(np.sort(np.concatenate([split.test for split in folds])), np.arange(n))
    for split in folds:
        assert_each_individual_once(split, n)
        assert len(split.test) in (n // n_folds, -(-n // n_folds))
        assert len(split.val) == round(0.15 * (n - len(split.test)))


def test_stored_split_takes_the_part_of_each_id():
    stored = {"x": "train", "a": "test", "b": "train", "c": "val", "d": "train", "e": "val", "f": "test"}
    split = split_individuals(list("fedcba"), "stored", stored=stored)
    assert [rows.tolist() for rows in split] == [[2, 4], [1, 3], [0, 5]]


def test_stored_fold_is_the_test_and_the_rest_is_split():
    ids = [f"line{i}" for i in range(40)]
    stored = {name: str(1 + number % 4) for number, name in enumerate(ids)}
    split = split_individuals(ids, "stored_folds", fold=3, val_fraction=0.2, stored=stored)
    assert split.test.tolist() == list(range(2, 40, 4))
    assert [len(rows) for rows in split] == [24, 6, 10]
    assert sorted(np.concatenate(split)) == list(range(40))
    with pytest.raises(InputError, match="data.fold=0: .* no such fold: it has 1, 2, 3, 4"):
        split_individuals(ids, "stored_folds", fold=0, stored=stored)


def test_stored_split_is_read_from_a_table(tmp_path):
    file = tmp_path / "split.csv"
    file.write_text("id,age,split\n001,7,train\n1,8,test\n")
    assert read_stored_split(str(file), "split") == {"001": "train", "1": "test"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"test_fraction": 0}, "data.test_fraction is 0: give a share between 0 and 1"),
        ({"test_fraction": 1.0}, "data.test_fraction is 1.0"),
        ({"val_fraction": -0.2}, "data.val_fraction is -0.2"),
        ({"val_fraction": float("nan")}, "data.val_fraction is nan"),
        ({"scheme": "kfold", "val_fraction": 1}, "data.val_fraction is 1"),
        ({"scheme": "kfold", "n_folds": 1}, "data.n_folds is 1 and data.fold is 0"),
        ({"scheme": "kfold", "n_folds": 5, "fold": 5}, "data.n_folds is 5 and data.fold is 5"),
        ({"scheme": "kfold", "fold": -1}, "data.fold is -1"),
        ({"scheme": "kfold", "n_folds": 2000}, "1000 individuals are too few for data.split_scheme=kfold: 0 .* test"),
        ({"test_fraction": 0.0005}, "1000 individuals are too few .*fractions: 0 would be for test"),
        ({"val_fraction": 0.001}, "1000 individuals are too few .*: 1 would be for val"),
        ({"val_fraction": 0.999}, "1000 individuals are too few .*: 1 would be for train"),
        ({"scheme": "notebook", "split_seed": 3}, "data.split_seed is 3, but the notebook split is one split"),
    ],
)
def test_refuses_bad_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        split_individuals(IDS, **arguments)


@pytest.mark.parametrize(("scheme", "n"), [("fractions", 5), ("kfold", 5), ("notebook", 13)])
def test_refuses_too_few_individuals(scheme, n):
    with pytest.raises(InputError, match=f"{n} individuals are too few for data.split_scheme={scheme}"):
        split_individuals(IDS[:n], scheme)


@pytest.mark.parametrize("n", range(14, 20))
def test_notebook_split_of_few_individuals_has_no_part_below_two(n):
    assert min(map(len, split_individuals(IDS[:n], "notebook"))) >= 2


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ({"a": "train"}, "data.split_file has no row for 5 individuals, the first b"),
        (dict.fromkeys("abcdef", "valid"), "data.split_file: unknown part 'valid': give train, val or test"),
        (
            dict.fromkeys("abcdef", "train"),
            "6 individuals are too few for data.split_scheme=stored: 0 would be for val",
        ),
        (None, "data.split_file has no row for 6 individuals"),
    ],
)
def test_refuses_a_stored_split_that_does_not_fit(stored, message):
    with pytest.raises(InputError, match=message):
        split_individuals("abcdef", "stored", stored=stored)


def test_refuses_a_stored_split_without_a_usable_file(tmp_path):
    with pytest.raises(InputError, match=r"data.split_scheme=stored needs data.split_file"):
        read_stored_split(None, "split")
    with pytest.raises(InputError, match=r"split.tsv is not there"):
        read_stored_split(str(tmp_path / "split.tsv"), "split")
    (tmp_path / "split.tsv").write_text("id\tpart\na\ttrain\n")
    with pytest.raises(InputError, match=r"split.tsv has no column split: it has part"):
        read_stored_split(str(tmp_path / "split.tsv"), "split")
