"""The report of a sweep."""

import shlex
from collections.abc import Sized
from pathlib import Path

import pandas as pd

from gpattention.output import figures
from gpattention.report.of_run import INTERVALS, SCORES, Record, data_summary, flat, provenance, read_record, readings
from gpattention.report.page import Picture, Section, Table, show_figure, show_file, show_table, show_values
from gpattention.scores.conformal import calibrate
from gpattention.sweeps.summaries.results import label, varied_keys
from gpattention.sweeps.sweep_folder import (
    DIFFERENCES,
    FIGURE,
    SUMMARY,
    FinishedSweep,
    read_sweep_folder,
    read_table_of,
)

MOST_SHOWN = 12  # runs with pictures of their own
METRICS = {"test/r2": "test R2", "val/r2": "validation R2"} | {
    f"test/{name}": heading for name, heading in SCORES.items()
}
COSTS = {
    "n_parameters": "parameters",
    "n_train": "training individuals",
    "n_epochs": "epochs",
    "best_epoch": "epoch kept",
    "train/passes": "passes",
    "fit_seconds": "seconds",
    "peak_memory_mib": "memory, MiB",
}


def describe_sweep(folder: Path) -> tuple[str, str, list[Section]]:
    """Title, subtitle and sections of the report of a sweep."""
    sweep = read_sweep_folder(folder)
    names = name_runs(sweep.results)
    records = {name: read_record(Path(path)) for name, path in names.items()}
    first = next(iter(records.values()))
    blocks = ", ".join(dict.fromkeys(sweep.results["block"]))
    sections = [
        results(sweep),
        *differences(sweep),
        Section(
            "All runs", tables=[show_table(table_of_runs(sweep, records), "Scores on the test part, size and effort.")]
        ),
        predictions(records),
        uncertainty(records),
        training(records),
        *readings(records),
        data_of(records),
        Section("Configuration", tables=settings(records)),
        provenance(first),
        Section("To make it again", commands=commands(sweep, names)),
    ]
    title = str(sweep.manifest.get("title") or f"Sweep {folder.resolve().name}")
    return title, f"Sweep {sweep.manifest.get('sweep')}: {len(records)} runs. Maps: {blocks}.", sections


def runs_of(folder: Path) -> list[str]:
    """The folders of the runs of a sweep."""
    return list(name_runs(read_sweep_folder(folder).results).values())


def name_runs(results: pd.DataFrame) -> dict[str, str]:
    """The folder of every distinct run by its block and what varies in it."""
    keys = varied_keys(results)
    names = results[["block", *keys]].apply(label, axis=1)
    distinct = results.assign(name=names).drop_duplicates("folder").drop_duplicates("name")
    return dict(zip(distinct["name"], distinct["folder"], strict=True))


def results(sweep: FinishedSweep) -> Section:
    text = (
        "R2 is 1 - SS_res / SS_tot on test individuals that took no part in training or in any choice, mean over environments and "
        "replicates; the noise ceiling is the R2 of the true map."
    )
    summary, figure = read_table_of(sweep, SUMMARY), sweep.folder / FIGURE
    tables = [] if summary is None else [show_table(summary, "Summary.")]
    pictures = [show_file(figure, "Test R2 of the maps.")] if figure.is_file() else []
    return Section("Results", [text], tables, pictures)


def differences(sweep: FinishedSweep) -> list[Section]:
    table = read_table_of(sweep, DIFFERENCES)
    if table is None:
        return []
    text = (
        "Difference of test R2, the first map's less the second's, with its 95 % interval from a paired bootstrap over test "
        "individuals and, where there are some, replicates."
    )
    return [Section("Differences between maps", [text], [show_table(table, "Every two maps.")])]


def table_of_runs(sweep: FinishedSweep, records: dict[str, Record]) -> pd.DataFrame:
    """A row a run: the keys that blocks vary, as resolved, and what came of it."""
    keys = varied_keys(sweep.results)
    rows = []
    for name, record in records.items():
        config, metrics = flat(record.config), record.metrics
        scores = {heading: metrics.get(key) for key, heading in {**METRICS, **COSTS}.items()}
        rows.append({"run": name, **{key: config.get(key) for key in keys}, **scores})
    return pd.DataFrame(rows).dropna(axis="columns", how="all")


def predictions(records: dict[str, Record]) -> Section:
    """Predicted against measured, of the first runs."""
    shown = list(records.items())[:MOST_SHOWN]
    pictures = [
        show_figure(
            figures.predicted_against_measured(record.test, record.metrics), f"{name}: predicted against measured."
        )
        for name, record in shown
    ]
    return Section("Predictions", said_of(records, shown), pictures=pictures)


def uncertainty(records: dict[str, Record]) -> Section:
    """Calibration of the first runs that have prediction intervals."""
    tables = {name: calibrate(record.validation, record.test) for name, record in records.items()}
    known = {name: table for name, table in tables.items() if not table.empty}
    shown = list(known.items())[:MOST_SHOWN]
    pictures = [show_figure(figures.calibration(table), f"{name}: coverage of test values.") for name, table in shown]
    return Section("Uncertainty", [INTERVALS, *said_of(known, shown)], pictures=pictures)


def training(records: dict[str, Record]) -> Section:
    """Learning curves of the networks, of the first of them."""
    networks = {name: record for name, record in records.items() if record.has_epochs}
    shown = list(networks.items())[:MOST_SHOWN]
    pictures: list[Picture] = []
    for name, record in shown:
        rows = record.history.to_dict("records")
        figure = figures.learning_curve(rows, record.metrics["best_epoch"])  # type: ignore[arg-type]
        pictures.append(show_figure(figure, f"{name}: validation R2 and training loss by epoch."))
    text = said_of(networks, shown) if networks else ["No run has several epochs: regressions are solved in one pass."]
    return Section("Training", text, pictures=pictures)


def said_of(records: Sized, shown: Sized) -> list[str]:
    return [f"The first {len(shown)} of {len(records)} runs."] if len(shown) < len(records) else []


def data_of(records: dict[str, Record]) -> Section:
    """The data of the first run, and how many sets there are."""
    first = next(iter(records.values()))
    n = len({record.metrics["made_with"].get("data_sha256") for record in records.values()})
    text = (
        ["All runs have the same data and split."]
        if n == 1
        else [f"The runs are of {n} data sets or splits; this is the first."]
    )
    return data_summary(first)._replace(paragraphs=text)


def settings(records: dict[str, Record]) -> list[Table]:
    """What all runs share, and what differs, a row a key."""
    configs = {name: flat(record.config) for name, record in records.items()}
    keys = list(dict.fromkeys(key for config in configs.values() for key in config))
    values = {key: [config.get(key, "") for config in configs.values()] for key in keys}
    shared = {key: each[0] for key, each in values.items() if len(set(each)) == 1}
    tables = [show_values(shared, "What all runs share.")]
    if len(configs) <= MOST_SHOWN:
        different = [{"key": key, **dict(zip(configs, values[key], strict=True))} for key in keys if key not in shared]
        tables.append(show_table(pd.DataFrame(different), "What differs between runs."))
    return tables


def commands(sweep: FinishedSweep, names: dict[str, str]) -> list[str]:
    """The command of the sweep, and one that makes a run again and compares."""
    manifest = sweep.manifest
    words = [f"sweep={manifest.get('sweep')}", *([f"scale={manifest['scale']}"] if manifest.get("scale") else [])]
    words += [*manifest.get("overrides", []), f"folder={sweep.folder}"]
    first = next(iter(names.values()))
    return [f"python sweep.py {shlex.join(words)}", f"gpattention verify run={shlex.quote(first)}"]
