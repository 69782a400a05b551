"""Several runs from a list of blocks, one after another, and their comparison."""

import logging
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from rich.console import Console
from rich.table import Table

from gpattention import artifacts
from gpattention.analysis import figures
from gpattention.config import check_config, check_type, compose_config, conf_folder, refuse_unknown, suggest
from gpattention.data.genotype_phenotype import refuse_repeats
from gpattention.errors import InputError
from gpattention.run import run

log = logging.getLogger(__name__)

SWEEP_KEYS = {"title": str, "folder": str, "common": list[str], "blocks": list[list[str]]}
# What the table on the terminal tells of a run, with heading and format; also the first columns of the CSV.
TOLD = {
    "model": ("model", "{}"),
    "test/r2": ("test R2", "{:.4f}"),
    "test/r2_ceiling": ("noise ceiling", "{:.4f}"),
    "n_parameters": ("parameters", "{:,}"),
    "fit_seconds": ("seconds", "{:.2f}"),
}
RESULTS, FIGURE = "results.csv", "results.png"

HELP = """Fit the maps of a sweep, one after another, and compare them.

Usage: python sweep.py sweep=NAME [folder=FOLDER] [key=value] ...

  sweep     a file of conf/sweep: {names}
  folder    where the run folders, results.csv and results.png go (default: the sweep's own)
  key=value overrides for every run, as for train.py; overwrite=true repeats what is finished

A run that is finished with the same configuration is not repeated. Data files are compared by name, not by content:\nafter changing one, add overwrite=true."""


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
    folder = folder or Path(sweep["folder"])
    jobs = [job for block in sweep["blocks"] for job in expand(block)]
    refuse_repeats([job.name for job in jobs], f"conf/sweep/{name}.yaml: a run called")
    varied = {"model", *(part.partition("=")[0] for job in jobs for part in job.name.split(","))}
    for override in overrides:
        if override.partition("=")[0] in varied:
            raise InputError(f"{override}: the sweep {name} varies this itself; leave it out")
    configs = [compose_config([*sweep["common"], *job.overrides, *overrides]) for job in jobs]
    for cfg in configs:
        check_config(cfg)
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
        told = {name: metrics[name] for name in TOLD if name in metrics}
        rows.append({**chosen, **told, **metrics, "folder": str(run_folder)})
    results = pd.DataFrame(rows)
    artifacts.write_text(folder / RESULTS, results.to_csv(index=False))
    figures.save(figures.comparison(results, sweep["title"]), folder / FIGURE)
    print_table(results, sweep["title"])
    log.info("table in %s, figure in %s", folder / RESULTS, folder / FIGURE)
    return results


def read_sweep(name: str) -> dict[str, Any]:
    """The content of `conf/sweep/NAME.yaml`: title, folder, overrides common to all runs, and blocks of overrides."""
    path = conf_folder() / "sweep" / f"{name}.yaml"
    try:
        sweep = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise InputError(f"{path} is no YAML ({' '.join(str(error).split())}): mend it") from error
    check_type(str(path), sweep, dict[str, Any])
    refuse_unknown(str(path), sweep, SWEEP_KEYS)
    for key, kind in SWEEP_KEYS.items():
        check_type(f"{path}: {key}", sweep.get(key), kind)
    if not all(any(text.startswith("model=") for text in block) for block in sweep["blocks"]):
        raise InputError(f"{path}: a block has no model=NAME: give every block one")
    return sweep


class Job(NamedTuple):
    """One run of a sweep: its folder's name (the model and what varies) and its overrides."""

    name: str
    overrides: list[str]


def expand(block: list[str]) -> list[Job]:
    """A job for every combination of the values in a block, by Hydra's grammar."""
    jobs = [Job("", [])]
    for override in OverridesParser.create().parse_overrides(block):
        key = override.get_key_element()
        varies = override.is_sweep_override()
        texts = (
            [f"{key}={value}" for value in override.sweep_string_iterator()] if varies else [override.input_line or ""]
        )
        named = varies or key == "model"
        jobs = [
            Job(extend_name(job.name, text) if named else job.name, [*job.overrides, text])
            for job in jobs
            for text in texts
        ]
    return jobs


def extend_name(name: str, override: str) -> str:
    """A folder name with one more override; the model goes by its name alone."""
    part = re.sub(r"[^A-Za-z0-9._=+-]", "_", override.removeprefix("model="))
    return f"{name},{part}" if name else part


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


def print_table(results: pd.DataFrame, title: str) -> None:
    """What is told of each run, as a table on the terminal."""
    table = Table(title=title, title_justify="left")
    shown = {name: form for name, form in TOLD.items() if name in results}
    for heading, _ in shown.values():
        table.add_column(heading, justify="left" if heading == "model" else "right")
    for _, row in results.iterrows():
        table.add_row(*(form.format(row[name]) for name, (_, form) in shown.items()))
    Console().print(table)
