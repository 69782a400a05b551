"""Several runs from a list of blocks: those missing are made, and all are collected and compared."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from filelock import FileLock, Timeout
from matplotlib.figure import Figure

from gpattention.checks import suggest
from gpattention.errors import InputError
from gpattention.files.atomic import write_json, write_text
from gpattention.files.full_disk import full_disk_told
from gpattention.files.untrusted import read_object
from gpattention.output import figures
from gpattention.output.terminal import print_table
from gpattention.run_folder import files
from gpattention.sweeps import search
from gpattention.sweeps.missing_runs import make
from gpattention.sweeps.planned_runs import Planned, plan
from gpattention.sweeps.summaries import comparison, curves, environments, transfer, unseen
from gpattention.sweeps.summaries.differences import print_differences
from gpattention.sweeps.sweep_file import Sweep, merge, read_sweep
from gpattention.sweeps.sweep_folder import DIFFERENCES, FIGURE, MANIFEST, RESULTS, SUMMARY
from gpattention.sweeps.workers import Outcome
from gpattention.training import loggers

log = logging.getLogger(__name__)

# What the runs of a sweep come to: a summary of their results and a figure of it.
ANALYSES: dict[str, Callable[[pd.DataFrame, Sweep], tuple[pd.DataFrame, Figure]]] = {
    "comparison": comparison.analyse,
    "curves": curves.analyse,
    "transfer": transfer.analyse,
    "unseen": unseen.analyse,
    "environments": environments.analyse,
    "search": search.analyse,
}


class Options(NamedTuple):
    """What the command line says of the sweep itself."""

    scale: str | None = None
    workers: int | None = None
    launcher: str | None = None
    launcher_settings: tuple[str, ...] = ()
    n_trials: int | None = None


def run_sweep(
    name: str, overrides: list[str], folder: Path | None = None, options: Options | None = None
) -> tuple[pd.DataFrame, list[Outcome]]:
    """Make the runs of a sweep that are missing and collect all of them.

    Args:
        name: of a file in `conf/sweeps`, or the path of one of your own.

    Returns:
        the table, a row per job that has a finished run, and what failed.

    Raises:
        InputError: the sweep or a job's configuration cannot be used. All are checked before the first is run.
    """
    options = options or Options()
    sweep = read_sweep(name, options.scale)
    if sweep.analysis not in ANALYSES:
        raise InputError(f"sweep={name}: analysis={sweep.analysis}: {suggest(sweep.analysis, ANALYSES)}")
    if sweep.analysis == "curves" and sweep.x is None:
        raise InputError(f"sweep={name}: analysis=curves needs x, the key along the axis: add it to the file")
    made_by = {"sweep": name, "title": sweep.title, "scale": options.scale, "overrides": overrides}
    name = Path(name).stem
    folder = folder or Path(sweep.folder)
    if options.launcher is not None and (options.workers is not None or sweep.analysis == "search"):
        other = f"workers={options.workers}" if options.workers is not None else "search, which runs on this machine"
        raise InputError(f"launcher={options.launcher} does not go with {other}: leave one of them out")
    if options.n_trials is not None:
        if sweep.analysis != "search":
            raise InputError(f"n_trials={options.n_trials}: sweep={name} is no search; leave n_trials out")
        sweep = sweep._replace(n_trials=options.n_trials)
    blocks = merge(sweep, overrides)
    with full_disk_told(folder, "make room, then give the same command again"), held(folder, made_by):
        if sweep.analysis == "search":
            results, failed, logger = search.run_search(name, sweep, blocks, folder, options.workers)
        else:
            planned = plan(name, blocks, folder)
            failed = make(planned, folder, options.workers, options.launcher, options.launcher_settings)
            results, logger = collect(planned), planned[0].config["logger"]
        if results.empty:
            log.info("no run is finished: there is nothing to collect")
        else:
            report(name, results, sweep, folder, logger)
    for outcome in failed:
        log.error("failed: %s: %s", outcome.name, outcome.error)
    return results, failed


@contextmanager
def held(folder: Path, made_by: dict[str, Any]) -> Iterator[None]:
    """Hold the folder of a sweep for this process alone, once its results are found to be of this format.

    Args:
        made_by: the sweep and the command that makes it, to be kept there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / MANIFEST
    try:
        with FileLock(folder / ".lock", timeout=0):
            cure = "remove it, or give another folder"
            format_of = "results_format"
            stored = read_object(path, (format_of,), cure)[format_of] if path.is_file() else files.RESULTS_FORMAT
            files.refuse_another_format(folder, stored)
            write_json(path, {"results_format": files.RESULTS_FORMAT, **made_by})
            yield
    except Timeout as error:
        raise InputError(f"another sweep is running in {folder}: wait for it, or give another folder") from error


def collect(planned: list[Planned]) -> pd.DataFrame:
    """A row for every job with a finished run: its block, its overrides, its metrics and its folder."""
    rows = []
    for one in planned:
        if files.is_complete(one.folder):
            metrics = files.read_metrics(one.folder)
            del metrics["made_with"]
            chosen = dict(text.split("=", 1) for text in one.job.overrides)
            rows.append({"block": one.job.block, "run": one.job.name, **chosen, **metrics, "folder": str(one.folder)})
    return pd.DataFrame(rows)


def report(name: str, results: pd.DataFrame, sweep: Sweep, folder: Path, logger: dict[str, Any]) -> None:
    """The table, its summary and its figure into the folder, and the summary onto the terminal."""
    text, path = results.to_csv(index=False), folder / RESULTS
    is_new = not path.is_file() or path.read_text() != text or not (folder / FIGURE).is_file()
    write_text(path, text)
    summary, figure = ANALYSES[sweep.analysis](results, sweep)
    write_text(folder / SUMMARY, summary.to_csv(index=False, float_format="%.6g"))
    figures.save(figure, folder / FIGURE)
    if is_new:
        loggers.log_sweep(logger, name, results, folder, folder / FIGURE)
    print_table(summary, sweep.title)
    if sweep.analysis == "comparison" and (differences := comparison.compare_maps(results)) is not None:
        write_text(folder / DIFFERENCES, differences.to_csv(index=False, float_format="%.6g"))
        print_differences(differences)
    log.info("runs in %s, summary in %s, figure in %s", *(folder / file for file in (RESULTS, SUMMARY, FIGURE)))
