"""Who is for training, who for validation, who for the test: a pure function of the individuals, scheme and seed."""

import random
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gpattention.checks import name_some
from gpattention.errors import InputError
from gpattention.files.tables import read_text_column

SplitScheme = Literal["fractions", "notebook", "kfold", "stored", "stored_folds"]


class Split(NamedTuple):
    """Row positions of the individuals in each part; every individual is in exactly one."""

    train: NDArray[np.int64]
    val: NDArray[np.int64]
    test: NDArray[np.int64]


class Splitting(NamedTuple):
    """How individuals are divided; the keys are those of `data`.

    Attributes:
        split_scheme, split_seed, test_fraction, val_fraction, n_folds, fold: see `split_individuals`.
        split_file: for the schemes `stored` and `stored_folds`, a table with an id column and a column `split` or `fold`.
    """

    split_scheme: SplitScheme = "fractions"
    split_seed: int = 0
    test_fraction: float = 0.15
    val_fraction: float = 0.15
    n_folds: int = 5
    fold: int = 0
    split_file: str | None = None

    def divide(self, individual_ids: Sequence[str]) -> Split:
        """The split of these individuals.

        Raises:
            InputError: a part would be empty, or a setting is out of range or goes with another scheme.
        """
        scheme, stored = self.split_scheme, None
        if self.fold and scheme not in ("kfold", "stored_folds"):
            raise InputError(
                f"data.split_scheme={scheme} takes no data.fold: set data.split_scheme=kfold or leave it out"
            )
        if scheme in ("stored", "stored_folds"):
            stored = read_stored_split(self.split_file, "split" if scheme == "stored" else "fold")
        elif self.split_file is not None:
            raise InputError(
                f"data.split_scheme={scheme} takes no data.split_file: set data.split_scheme=stored or leave it out"
            )
        return split_individuals(individual_ids, *self[:-1], stored)


def split_individuals(
    individual_ids: Sequence[str],
    scheme: SplitScheme = "fractions",
    split_seed: int = 0,
    test_fraction: float = 0.15,
    val_fraction: float = 0.15,
    n_folds: int = 5,
    fold: int = 0,
    stored: dict[str, str] | None = None,
) -> Split:
    """Divide N individuals.

    `fractions` orders the ids by a hash of id and seed, so that row order, environments and library versions change
    nothing; the first `test_fraction` are the test, then `val_fraction` of the rest are validation (15 % and 15 % of
    85 % give 72.25 / 12.75 / 15.00 %). `kfold` tests on part `fold` of `n_folds` of the same order. `notebook` is
    the published indices for N rows. `stored` takes the part of each id from a table (train, val, test), `stored_folds`
    its fold: number `fold` is the test, and validation comes from the rest as in `fractions`.

    Raises:
        InputError: a part would be empty, or an argument is out of range.
    """
    n = len(individual_ids)
    if split_seed < 0:
        raise InputError(f"data.split_seed is {split_seed}: give a whole number from 0 on")
    if scheme == "notebook":
        return notebook_split(n, split_seed)
    if scheme == "stored":
        split = stored_split(individual_ids, stored or {})
    else:
        for name, fraction in (("test_fraction", test_fraction), ("val_fraction", val_fraction)):
            if not 0 < fraction < 1:
                raise InputError(f"data.{name} is {fraction}: give a share between 0 and 1")
        if scheme == "kfold" and not (n_folds >= 2 and 0 <= fold < n_folds):
            raise InputError(
                f"data.n_folds is {n_folds} and data.fold is {fold}: give 2 folds or more, and a fold from 0 on below it"
            )
        order = hash_order(individual_ids, split_seed)
        if scheme == "stored_folds":
            tested = in_stored_fold(individual_ids, stored or {}, fold)[order]
            test, rest = order[tested], order[~tested]
        elif scheme == "kfold":
            bounds = [n * part // n_folds for part in (fold, fold + 1)]
            test, rest = order[slice(*bounds)], np.concatenate([order[: bounds[0]], order[bounds[1] :]])
        else:
            n_test = round(test_fraction * n)
            test, rest = order[:n_test], order[n_test:]
        n_val = round(val_fraction * len(rest))
        split = Split(rest[n_val:], rest[:n_val], test)
    for part, rows in split._asdict().items():
        if len(rows) < 2:
            raise InputError(
                f"{n} individuals are too few for data.split_scheme={scheme}: {len(rows)} would be for {part}, where at "
                "least 2 are needed; give more individuals or other fractions"
            )
    return Split(*(np.sort(rows) for rows in split))


def hash_order(individual_ids: Sequence[str], split_seed: int) -> NDArray[np.int64]:
    """Positions of the individuals in an order that is random but depends on each id and the seed alone."""
    digests = [blake2b(f"{split_seed}/{name}".encode(), digest_size=16).digest() for name in individual_ids]
    return np.array(sorted(range(len(digests)), key=digests.__getitem__), dtype=np.int64)


def notebook_split(n: int, split_seed: int) -> Split:
    """The indices of the published notebooks: Python's shuffle with seed 0, then two splits with random_state 42."""
    if split_seed != 0:
        raise InputError(f"data.split_seed is {split_seed}, but the notebook split is one split: leave the seed at 0")
    if n < 14:
        raise InputError(f"{n} individuals are too few for data.split_scheme=notebook: give at least 14")
    from sklearn.model_selection import train_test_split  # a quarter of a second, for this scheme alone

    order = list(range(n))
    random.Random(0).shuffle(order)
    rest, test = train_test_split(order, test_size=0.15, random_state=42)
    train, val = train_test_split(rest, test_size=0.15, random_state=42)
    return Split(*(np.array(part, dtype=np.int64) for part in (train, val, test)))


def read_stored_split(split_file: str | None, column: Literal["split", "fold"]) -> dict[str, str]:
    """The part or the fold of each id, from a table with such a column."""
    if split_file is None:
        raise InputError(
            f"data.split_scheme=stored{'_folds' if column == 'fold' else ''} needs data.split_file: a table with an id column "
            f"and a column {column}"
        )
    return read_text_column(Path(split_file), column)


def stored_split(individual_ids: Sequence[str], stored: dict[str, str]) -> Split:
    part = look_up(individual_ids, stored)
    wrong = sorted(set(part.tolist()) - set(Split._fields))
    if wrong:
        raise InputError(f"data.split_file: unknown part '{wrong[0]}': give train, val or test")
    return Split(*(np.flatnonzero(part == name) for name in Split._fields))


def in_stored_fold(individual_ids: Sequence[str], stored: dict[str, str], fold: int) -> NDArray[np.bool_]:
    folds = look_up(individual_ids, stored)
    if str(fold) not in folds:
        raise InputError(
            f"data.fold={fold}: data.split_file has no such fold: it has {name_some(sorted(set(folds.tolist())), 20)}"
        )
    return folds == str(fold)


def look_up(individual_ids: Sequence[str], stored: dict[str, str]) -> NDArray[np.str_]:
    """What the table has for each individual."""
    missing = [name for name in individual_ids if name not in stored]
    if missing:
        raise InputError(f"data.split_file has no row for {len(missing)} individuals, the first {missing[0]}: add them")
    return np.array([stored[name] for name in individual_ids])
