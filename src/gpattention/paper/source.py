"""The runs that a figure of the paper is drawn from."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from gpattention.checks import suggest
from gpattention.errors import InputError
from gpattention.interpret.fitted_map import Accelerator, FittedMap, open_map
from gpattention.run_folder import files, loading
from gpattention.sweeps.summaries.results import is_override
from gpattention.sweeps.sweep_folder import read_sweep_folder

# What the paper calls the maps, by their blocks and, for runs, by their models.
NAMES = {
    "linear": "linear",
    "pairwise": "linear + pairwise",
    "attention": "attention",
    "multi_environment_attention": "multi-environment attention",
}


class Source(NamedTuple):
    """Rows of sweeps, and how a run is opened to be read.

    Attributes:
        results: the runs of each sweep, as `read_sweep_folder` gives them.
        open: a run folder to its map.
        environment: the one to show where a figure shows one; None for the first.
    """

    results: list[pd.DataFrame]
    open: Callable[[str], FittedMap]
    environment: str | None = None

    @property
    def blocks(self) -> list[str]:
        return list(dict.fromkeys(pd.concat(self.results)["block"]))


def read_source(
    sweep: list[str],
    runs: list[str],
    blocks: list[str] | None,
    where: list[str],
    *,
    environment: str | None = None,
    n_backgrounds: int = 1000,
    root: str | None = None,
    accelerator: Accelerator = "auto",
) -> Source:
    """The rows of sweeps, or of runs, that a figure is to show.

    Args:
        sweep: folders of sweeps.
        runs: folders of runs, each of which is then a block of its own, named for its model.
        blocks: which blocks, in this order; None takes all.
        where: `KEY=VALUE` of the overrides that rows must have.

    Raises:
        InputError: neither or both of sweeps and runs are given, or a block, key or value that they do not have.
    """
    if bool(sweep) == bool(runs):
        raise InputError(f"sweep={sweep} and runs={runs}: give the folder of a sweep, or of runs")
    tables = [read_sweep_folder(folder).results for folder in sweep] or [table_of(runs)]
    for text in where:
        tables = [keep_where(table, *text.partition("=")[::2]) for table in tables]
    if blocks is not None:
        known = list(dict.fromkeys(pd.concat(tables)["block"]))
        for name in blocks:
            if name not in known:
                raise InputError(f"blocks={blocks}: {suggest(name, known, 'the sweep')}")
        tables = [pd.concat([table[table["block"] == name] for name in blocks]) for table in tables]
    opened = partial(open_map, n_backgrounds=n_backgrounds, root=root, accelerator=accelerator)
    return Source(tables, opened, environment)


def table_of(runs: list[str]) -> pd.DataFrame:
    """Runs as if they were the blocks of a sweep."""
    rows = []
    for folder in runs:
        path = Path(folder)
        if not path.is_dir() or not files.is_complete(path):
            raise InputError(f"{folder} is no finished run: give the folders of finished runs")
        metrics, model = files.read_metrics(path), loading.read_config(path)["model"]
        metrics.pop("made_with")
        name = model.get("terms") or model["_target_"].rpartition(".")[2].lower().removesuffix("module")
        if name == "attention" and model.get("environment") == "token":
            name = "multi_environment_attention"
        rows.append({"block": name, **metrics, "folder": folder})
    return pd.DataFrame(rows)


def keep_where(table: pd.DataFrame, key: str, value: str) -> pd.DataFrame:
    keys = [str(name) for name in table if is_override(str(name))]
    if key not in keys:
        raise InputError(f"where={key}={value}: {suggest(key, keys, 'the sweep')}")
    kept = table[table[key] == value]
    if kept.empty:
        raise InputError(f"where={key}={value}: the sweep has {', '.join(map(str, table[key].dropna().unique()))}")
    return kept


def name_of(label: str) -> str:
    """What the paper calls a map of this label: a block, and what varies in it."""
    block, *rest = label.split(", ")
    return ", ".join([NAMES.get(block, block), *(text.replace("embedding_dim=", "d = ") for text in rest)])


def one_run(source: Source, block: str) -> str:
    """The folder of the only run of a block.

    Raises:
        InputError: it has several.
    """
    table = pd.concat(source.results)
    folders = table.loc[table["block"] == block, "folder"].unique()
    if len(folders) > 1:
        raise InputError(
            f"{block} has {len(folders)} runs and this figure shows one: choose it with where=[KEY=VALUE], by the keys that "
            "the sweep varies"
        )
    return str(folders[0])


def columns_of(fitted: FittedMap, environment: str | None) -> int:
    """Which environment of a map to show."""
    names = fitted.environment_names
    if environment is not None and environment not in names:
        raise InputError(f"environment={environment}: {suggest(environment, names, str(fitted.run.folder))}")
    return names.index(environment) if environment is not None else 0
