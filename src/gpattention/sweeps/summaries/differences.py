"""Differences of test R2 between maps, with intervals."""

import logging
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from gpattention.checks import name_some
from gpattention.errors import InputError
from gpattention.files.atomic import write_text
from gpattention.output.terminal import print_table
from gpattention.run_folder.predictions import as_arrays, shared_predictions
from gpattention.scores.bootstrap import draw_r2, interval, mean_over_replicates
from gpattention.sweeps.summaries.results import OVERALL

log = logging.getLogger(__name__)

N_DRAWS = 2000
LEVEL = 0.95


def compare(
    *, runs: list[str], level: float = LEVEL, n_draws: int = N_DRAWS, output_file: str | None = None
) -> pd.DataFrame:
    """Print, for every two runs, the difference of their test R2 and its interval; returns the table.

    Args:
        runs: folders of finished runs that were tested on the same individuals.
        level: of the intervals.
        n_draws: bootstrap draws of test individuals.
        output_file: where to write the table, with every environment; None writes none.

    Raises:
        InputError: fewer than two runs, or runs that were not tested on the same; or the file is there already.
    """
    if len(set(runs)) < 2 or len(set(runs)) < len(runs):
        raise InputError(f"runs={runs}: give the folders of two or more runs, each once")
    if not 0 < level < 1 or n_draws < 100:
        raise InputError(f"level={level}, n_draws={n_draws}: give a share between 0 and 1 and 100 draws or more")
    if output_file is not None and Path(output_file).exists():
        raise InputError(f"{output_file} is there already: give another output_file")
    table = find_differences({folder: [folder] for folder in runs}, level, n_draws)
    print_differences(table, level)
    if output_file is not None:
        write_text(Path(output_file), table.to_csv(sep="\t", index=False, float_format="%.6g"))
        log.info("differences in every environment in %s", output_file)
    return table


def find_differences(maps: dict[str, list[str]], level: float = LEVEL, n_draws: int = N_DRAWS) -> pd.DataFrame:
    """Test R2 of every two maps, its difference and the difference's interval, over all and by environment.

    Args:
        maps: run folders of each map by its name; where they are several, replicates in the same order for all maps.

    Returns:
        columns `first`, `second`, `environment` (`mean` over all), `r2_first`, `r2_second`, `difference`, `lower`, `upper`.

    Raises:
        InputError: runs of one replicate were not tested on the same individuals, environments and phenotypes.
    """
    draws, environments = [], None
    for folders in zip(*maps.values(), strict=True):
        refuse_other_tests(list(folders))
        tables = shared_predictions(folders, "test")
        names = environments or list(tables[0].index.unique("environment"))
        draws.append(draw_r2(*as_arrays(tables, names), n_draws))
        environments = names
    r2_RKE = mean_over_replicates(draws)
    assert environments is not None
    if len(environments) > 1:
        environments = [OVERALL, *environments]
        r2_RKE = np.concatenate([np.nanmean(r2_RKE, axis=2, keepdims=True), r2_RKE], axis=2)
    rows = []
    for (k, first), (j, second) in combinations(enumerate(maps), 2):
        for column, environment in enumerate(environments):
            r2_R, other_R = r2_RKE[:, k, column], r2_RKE[:, j, column]
            lower, upper = interval(r2_R - other_R, level)
            rows.append((first, second, environment, r2_R[0], other_R[0], r2_R[0] - other_R[0], lower, upper))
    names = ["first", "second", "environment", "r2_first", "r2_second", "difference", "lower", "upper"]
    return pd.DataFrame(rows, columns=names)


def refuse_other_tests(folders: list[str]) -> None:
    """Raise an InputError that names what differs unless all runs were tested on the same individuals and environments."""
    first, *others = (read_test_index(folder) for folder in folders)
    for folder, other in zip(folders[1:], others, strict=True):
        for what, here, there in zip(("environments", "test individuals"), first, other, strict=True):
            if here != there:
                alone, its_own = (name_some(sorted(a - b)) or "none" for a, b in ((here, there), (there, here)))
                raise InputError(
                    f"{folders[0]} and {folder} have different {what}: only the first has {alone}, only the second {its_own}; "
                    "compare runs of the same data, environments and data.split_seed"
                )


def read_test_index(folder: str) -> tuple[set[str], set[str]]:
    index = shared_predictions([folder], "test")[0].index
    return set(index.unique("environment")), set(index.unique("id"))


def print_differences(table: pd.DataFrame, level: float = LEVEL) -> None:
    """The differences on the terminal, over all environments where maps have several."""
    is_mean = table["environment"] == OVERALL
    shown = table[is_mean] if is_mean.any() else table
    if shown["environment"].nunique() == 1:
        shown = shown.drop(columns="environment")
    interval_name = f"{level:.0%} interval"
    shown = shown.assign(
        **{interval_name: [f"{a:+.4f} to {b:+.4f}" for a, b in zip(shown["lower"], shown["upper"], strict=True)]}
    )
    print_table(
        shown.drop(columns=["lower", "upper"]), "Differences of test R2, paired bootstrap over test individuals"
    )
