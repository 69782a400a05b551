"""Several runs from a list of blocks, one after another, and their comparison."""

import logging
import math
import re
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import pandas as pd
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from gpattention import artifacts
from gpattention.analysis import comparison, environments, figures, transfer, unseen
from gpattention.analysis.results import Sweep
from gpattention.config import check_config, check_type, compose_config, conf_folder, refuse_unknown, suggest
from gpattention.data.genotype_phenotype import refuse_repeats
from gpattention.errors import InputError
from gpattention.run import run

log = logging.getLogger(__name__)

MOST_ROWS = 50
NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._=+-]")
RESULTS, SUMMARY, FIGURE = "results.csv", "summary.csv", "results.png"
# What the runs of a sweep come to: a summary of their results and a figure of it.
ANALYSES: dict[str, Callable[[pd.DataFrame, Sweep], tuple[pd.DataFrame, Figure]]] = {
    "comparison": comparison.analyse,
    "transfer": transfer.analyse,
    "unseen": unseen.analyse,
    "environments": environments.analyse,
}

HELP = """Fit the maps of a sweep, one after another, and compare them.

Usage: python sweep.py sweep=NAME [folder=FOLDER] [key=value] ...

  sweep     a file of conf/sweep: {names}
  folder    where the run folders, results.csv, summary.csv and results.png go (default: the sweep's own)
  key=value overrides for every run, as for train.py; of a key that the sweep varies, the values to take instead;
            overwrite=true repeats what is finished

A run that is finished with the same configuration is not repeated. Data files are compared by name, not by content:
after changing one, add overwrite=true."""


def main() -> None:
    """Entry of `sweep.py`: reads the command line."""
    names = sorted(path.stem for path in (conf_folder() / "sweep").glob("*.yaml"))
    arguments = sys.argv[1:]
    if not arguments or {"-h", "--help"} & set(arguments):
        print(HELP.format(names=", ".join(names)))
        return
    own = {key: value for key, _, value in (text.partition("=") for text in arguments) if key in ("sweep", "folder")}
    overrides = [text for text in arguments if text.partition("=")[0] not in own]
    if "sweep" not in own:
        raise InputError(f"no sweep is named: give sweep=NAME, one of {', '.join(names)}")
    if own["sweep"] not in names:
        raise InputError(f"unknown sweep {own['sweep']}: {suggest(own['sweep'], names, '')}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stdout)
    run_sweep(own["sweep"], overrides, Path(own["folder"]) if "folder" in own else None)


def run_sweep(name: str, overrides: list[str], folder: Path | None = None) -> pd.DataFrame:
    """Run the jobs of `conf/sweep/NAME.yaml` and collect them; returns the table, a row per job.

    Raises:
        InputError: the sweep or a job's configuration cannot be used. All are checked before the first is run.
    """
    sweep = read_sweep(name)
    folder = folder or Path(sweep.folder)
    jobs = [job for label, block in merge(sweep, overrides).items() for job in expand(label, block)]
    refuse_repeats([job.name for job in jobs], f"conf/sweep/{name}.yaml: a run called")
    configs = [compose_config([text.replace("{folder}", str(folder)) for text in job.overrides]) for job in jobs]
    refuse_missing_sources([check_config(cfg) for cfg in configs], jobs, folder)
    rows = []
    for number, (job, cfg) in enumerate(zip(jobs, configs, strict=True), 1):
        run_folder = folder / job.name
        log.info("run %d of %d: %s", number, len(jobs), job.name)
        metrics = finished(cfg, run_folder)
        if metrics is None:
            metrics = run(cfg, run_folder)
        else:
            log.info("finished earlier: %s", run_folder)
        chosen = dict(text.split("=", 1) for text in job.overrides)
        rows.append({"block": job.block, **chosen, **metrics, "folder": str(run_folder)})
    results = pd.DataFrame(rows)
    artifacts.write_text(folder / RESULTS, results.to_csv(index=False))
    summary, figure = ANALYSES[sweep.analysis](results, sweep)
    artifacts.write_text(folder / SUMMARY, summary.to_csv(index=False, float_format="%.6g"))
    figures.save(figure, folder / FIGURE)
    print_table(summary, sweep.title)
    log.info("runs in %s, summary in %s, figure in %s", *(folder / file for file in (RESULTS, SUMMARY, FIGURE)))
    return results


def read_sweep(name: str) -> Sweep:
    """The content of `conf/sweep/NAME.yaml`."""
    path = conf_folder() / "sweep" / f"{name}.yaml"
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise InputError(f"{path} is no YAML ({' '.join(str(error).split())}): mend it") from error
    check_type(str(path), content, dict[str, Any])
    hints = get_type_hints(Sweep)
    refuse_unknown(str(path), content, hints)
    for key, kind in hints.items():
        if key in content or key not in Sweep._field_defaults:
            check_type(f"{path}: {key}", content.get(key), kind)
    sweep = Sweep(**content)
    if sweep.analysis not in ANALYSES:
        raise InputError(f"{path}: analysis={sweep.analysis}: {suggest(sweep.analysis, ANALYSES)}")
    known = list(sweep.blocks)
    for label, names in sweep.averages.items():
        for unknown in [name for name in names if name not in known]:
            raise InputError(
                f"{path}: averages.{label}: no block is called {unknown}: the sweep has {', '.join(known)}"
            )
        known.append(label)
    return sweep


def merge(sweep: Sweep, given: list[str]) -> dict[str, list[str]]:
    """All overrides of each block: those of the command line before its own, and these before the common ones.

    For a key that the sweep varies the command line gives the values to vary over; a block that does not vary it stays
    as it is.
    """
    blocks = {label: by_key(sweep.common) | by_key(block) for label, block in sweep.blocks.items()}
    varied = {key for block in blocks.values() for key, text in block.items() if is_grid(text)}
    for override in given:
        if override.startswith("model="):
            raise InputError(f"{override}: the models are those of the sweep; leave it out")
        for block in blocks.values():
            key = override.partition("=")[0]
            if key not in varied or is_grid(block.get(key, "")):
                block[key] = override
    merged = {label: list(block.values()) for label, block in blocks.items()}
    for (first, one), (second, other) in combinations(merged.items(), 2):
        if set(one) == set(other):
            raise InputError(
                f"{', '.join(given)}: the blocks {first} and {second} become the same; leave out what makes them so"
            )
    return merged


def by_key(overrides: list[str]) -> dict[str, str]:
    return {override.partition("=")[0]: override for override in overrides}


def is_grid(override: str) -> bool:
    return bool(override) and OverridesParser.create().parse_override(override).is_sweep_override()


class Job(NamedTuple):
    """One run of a sweep: its block, its folder's name (the block and what varies) and its overrides."""

    block: str
    name: str
    overrides: list[str]


def expand(label: str, block: list[str]) -> list[Job]:
    """A job for every combination of the values in a block, by Hydra's grammar."""
    jobs = [Job(label, NOT_IN_NAMES.sub("_", label), [])]
    for override in OverridesParser.create().parse_overrides(block):
        key = override.get_key_element()
        varies = override.is_sweep_override()
        texts = (
            [f"{key}={value}" for value in override.sweep_string_iterator()] if varies else [override.input_line or ""]
        )
        jobs = [
            Job(label, extend_name(job.name, text) if varies else job.name, [*job.overrides, text])
            for job in jobs
            for text in texts
        ]
    return jobs


def extend_name(name: str, override: str) -> str:
    """A folder name with one more override."""
    return f"{name},{NOT_IN_NAMES.sub('_', override)}"


def refuse_missing_sources(configs: list[dict[str, Any]], jobs: list[Job], folder: Path) -> None:
    """Raise an InputError where a run would start from one of this sweep that does not come before it."""
    for number, config in enumerate(configs):
        source = Path(config["fine_tune_from"] or "/")
        before = [job.name for job in jobs[:number]]
        if source.parent == folder and source.name not in before and not artifacts.is_complete(source):
            raise InputError(
                f"{jobs[number].name} starts from {source.name}, which is no run of this sweep before it: vary only keys of "
                "runs that none other starts from"
            )


def finished(cfg: Any, folder: Path) -> dict[str, Any] | None:
    """The metrics of a complete run with this configuration; an InputError if it is complete with another one."""
    config = check_config(cfg)
    artifacts.put_back(folder)
    if config.pop("overwrite") or not artifacts.is_complete(folder):
        return None
    if yaml.safe_load((folder / artifacts.CONFIG).read_text()) != config:
        raise InputError(
            f"{folder} holds a complete run with another configuration: set overwrite=true to replace it, or give another folder"
        )
    return yaml.safe_load((folder / artifacts.METRICS).read_text())


def print_table(summary: pd.DataFrame, title: str) -> None:
    """The first rows of the summary as a table on the terminal."""
    table = Table(title=title, title_justify="left")
    for name in summary:
        table.add_column(str(name), justify="right" if summary[name].dtype.kind in "if" else "left", no_wrap=True)
    for row in summary.head(MOST_ROWS).itertuples(index=False):
        table.add_row(*(format_cell(value) for value in row))
    console = Console()
    console.print(table, width=None if console.is_terminal else 160)
    if len(summary) > MOST_ROWS:
        console.print(f"and {len(summary) - MOST_ROWS} rows more")


def format_cell(value: Any) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
