"""The report of a run."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from gpattention.files.untrusted import UNREADABLE, refuse
from gpattention.output import figures
from gpattention.report.page import Section, Table, show_figure, show_file, show_table, show_values
from gpattention.run_folder import files, loading
from gpattention.run_folder.identity import flatten, input_files
from gpattention.run_folder.interactions import NUMBERS, loci_of, read_interactions
from gpattention.run_folder.predictions import read_predictions
from gpattention.run_folder.preprocessing import Preprocessing
from gpattention.scores.conformal import calibrate
from gpattention.sweeps.summaries.results import OVERALL

NEEDED = (
    files.METRICS,
    files.CONFIG,
    files.IDENTITY,
    files.PREPROCESSING,
    files.HISTORY,
    files.PREDICTIONS,
    files.VALIDATION_PREDICTIONS,
)
SCORES = {
    "r2": "test R2",
    "correlation": "correlation",
    "r2_ceiling": "noise ceiling",
    "r2_over_ceiling": "R2 / ceiling",
    "coverage": "90 % coverage",
    "interval_width": "interval width",
}
MOST_INTERACTIONS = 20
INTERVALS = (
    "Split-conformal intervals: a new phenotype of the same population lies in its interval as often as the level says, "
    "whatever the map. The width comes from the errors on the validation part. In the figures the band is 3 standard deviations "
    "of what finite parts make."
)


class Record(NamedTuple):
    """What a finished run has left, without its map and its data.

    Attributes:
        validation, test: predictions, by columns id, environment, measured and predicted.
        history: a row an epoch.
    """

    folder: Path
    metrics: dict[str, Any]
    config: dict[str, Any]
    identity: dict[str, Any]
    preprocessing: Preprocessing
    history: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame

    @property
    def has_epochs(self) -> bool:
        return len(self.history) > 1


def read_record(folder: Path) -> Record:
    """The files of a finished run that a report shows; its data are not needed.

    Raises:
        InputError: the run is not complete, damaged, or of another version.
    """
    files.refuse_incomplete(folder, NEEDED[:2])
    identity = files.read_object_of(folder, files.IDENTITY)
    files.refuse_another_format(folder, identity.get("results_format"))
    files.refuse_incomplete(folder, NEEDED)
    try:
        history = pd.read_csv(folder / files.HISTORY)
        history[["epoch", "val/r2"]]
    except UNREADABLE as error:
        refuse(folder / files.HISTORY, "as one row an epoch", error, files.MEND)
    return Record(
        folder,
        files.read_metrics(folder),
        loading.read_config(folder),
        identity,
        Preprocessing.read(folder / files.PREPROCESSING, files.MEND),
        history,
        read_predictions(folder, "val").reset_index(),
        read_predictions(folder, "test").reset_index(),
    )


def describe_run(folder: Path) -> tuple[str, str, list[Section]]:
    """Title, subtitle and sections of the report of a run."""
    record = read_record(folder)
    metrics = record.metrics
    ceiling = metrics.get("test/r2_ceiling")
    subtitle = (
        f"Test R2 {metrics['test/r2']:.4f}"
        + (f", noise ceiling {ceiling:.4f}" if ceiling is not None else "")
        + f". {metrics['n_loci']:,} loci, {metrics['n_train']:,} / {metrics['n_val']:,} / {metrics['n_test']:,} individuals for "
        "training, validation and test."
    )
    sections = [
        results(record),
        *trait(record),
        uncertainty(record),
        training(record),
        *interactions(record),
        data_summary(record),
        *readings({folder.resolve().name: record}),
        Section("Configuration", tables=[configuration(record.config)]),
        provenance(record),
        Section("To make it again", commands=commands(record)),
    ]
    return f"Run {folder.resolve().name}", subtitle, sections


def commands(record: Record) -> list[str]:
    """The command that fitted it, unless it was started from Python, and the one that makes it again and compares."""
    verify = f"gpattention verify run={shlex.quote(str(record.folder))}"
    words = record.metrics["made_with"].get("overrides")
    return [verify] if words is None else [f"python train.py {shlex.join(words)}", verify]


def results(record: Record) -> Section:
    text = (
        "R2 is 1 - SS_res / SS_tot on test individuals that took no part in training or in any choice; the noise ceiling is the "
        "R2 of the true map."
    )
    figure = figures.predicted_against_measured(record.test, record.metrics)
    caption = "Predicted against measured test phenotypes, in original units."
    table = show_table(scores_by_environment(record), "Scores on the test part, and R2 on the validation part.")
    return Section("Results", [text], [table], [show_figure(figure, caption)])


def scores_by_environment(record: Record) -> pd.DataFrame:
    """A row per environment, and their mean where they are several."""
    metrics, names = record.metrics, record.preprocessing.environment_names
    n_test = record.test.groupby("environment")["measured"].count()
    rows = []
    for name in [*names, *([OVERALL] if len(names) > 1 else [])]:
        suffix = "" if name == OVERALL else f"/{name}"
        n = n_test.sum() if name == OVERALL else n_test[name]
        scores = {heading: metrics.get(f"test/{score}{suffix}") for score, heading in SCORES.items()}
        rows.append({"environment": name, "test values": n, "validation R2": metrics.get(f"val/r2{suffix}"), **scores})
    return pd.DataFrame(rows).dropna(axis="columns", how="all")


def uncertainty(record: Record) -> Section:
    table = calibrate(record.validation, record.test)
    if table.empty:
        return Section("Uncertainty", ["There are too few validation values for prediction intervals."])
    caption = "Coverage of test values in intervals of several levels."
    return Section("Uncertainty", [INTERVALS], pictures=[show_figure(figures.calibration(table), caption)])


def training(record: Record) -> Section:
    metrics = record.metrics
    keys = (
        "n_parameters",
        "n_epochs",
        "best_epoch",
        "train/passes",
        "fit_seconds",
        "segregants_per_second",
        "peak_memory_mib",
    )
    values = {key: metrics[key] for key in keys if key in metrics}
    pictures = []
    if record.has_epochs:
        figure = figures.learning_curve(record.history.to_dict("records"), metrics["best_epoch"])  # type: ignore[arg-type]
        pictures = [
            show_figure(
                figure,
                "Validation R2 and training loss by epoch; the epoch kept is that of the highest validation score.",
            )
        ]
    return Section("Training", tables=[show_values(values, "Size and effort.", "quantity")], pictures=pictures)


def trait(record: Record) -> list[Section]:
    """What the maps of `model=auto` say of the trait."""
    text, sheet, picture = (record.folder / name for name in files.TRAIT)
    if not all(path.is_file() for path in (text, sheet, picture)):
        return []
    try:
        table = pd.read_csv(sheet, sep="\t")
    except UNREADABLE as error:
        refuse(sheet, "as a table", error, files.MEND)
    caption = "Test R2 of every map, and its gain over the first, with 95 % intervals by paired bootstrap of test individuals."
    figure = show_file(picture, "The maps on the test part; the mean over environments where they are several.")
    return [Section("What the trait is", [text.read_text()], [show_table(table, caption)], [figure])]


def interactions(record: Record) -> list[Section]:
    """The strongest sets that a search has found, where there was one."""
    table = read_interactions(record.folder)
    if table is None:
        return []
    n_by_environment = table["environment"].value_counts(sort=False)
    counts = ", ".join(f"{name} {n}" for name, n in n_by_environment.items()) or "none"
    text = (
        f"Sets of loci whose alleles multiply, found by testing all sets and chosen together. Interactions: {counts}."
    )
    shown = table[["environment", *NUMBERS, "alternatives"]].copy()
    shown.insert(1, "loci", [":".join(loci) for loci in loci_of(table)])
    strongest = shown.sort_values("variance_explained", ascending=False, kind="stable").head(MOST_INTERACTIONS)
    caption = f"The strongest, at most {MOST_INTERACTIONS}; all of them are in {files.INTERACTIONS}."
    return [Section("Interactions", [text], tables=[show_table(strongest, caption)] if len(table) else [])]


def data_summary(record: Record) -> Section:
    then = record.preprocessing
    parts = {"validation values": record.validation, "test values": record.test}
    table = pd.DataFrame({"environment": then.environment_names, "training values": then.n_train_values})
    for heading, part in parts.items():
        table[heading] = table["environment"].map(part.groupby("environment")["measured"].count())
    table = table.assign(mean=then.mean, sd=then.sd)
    inputs = {f"data.{key}": record.identity.get(f"data.{key}") for key in input_files(record.config["data"])}
    values = {
        "coding of the genotypes": then.coding,
        "loci used": f"{len(then.loci_index):,} of {then.n_columns:,}",
        **{f"SHA-256 of {key}": value for key, value in inputs.items()},
        "SHA-256 of genotypes, phenotypes and split": record.metrics["made_with"].get("data_sha256"),
    }
    caption = "Measured values by environment; mean and standard deviation of the training part in original units."
    return Section("Data", tables=[show_table(table, caption), show_values(values, "Genotypes and files.", "what")])


def readings(records: Mapping[str, Record]) -> list[Section]:
    """What `gpattention read` has found in the maps, by the names to call them, where it was asked."""
    pictures = [
        show_file(path, f"{name}: {path.stem.replace('_', ' ')}.")
        for name, record in records.items()
        for path in sorted((record.folder / files.READING).glob("*.png"))
    ]
    if not pictures:
        return []
    text = f"Found by gpattention read; the tables of these figures are in the folder {files.READING} of each run."
    return [Section("What the maps have learned", [text], pictures=pictures)]


def configuration(config: Mapping[str, Any], caption: str = "The resolved configuration.") -> Table:
    return show_values(flat(config), caption)


def flat(nested: Mapping[str, Any]) -> dict[str, Any]:
    """Values by their full keys, as they would be written in YAML."""
    values = {key: value for group, node in nested.items() for key, value in flatten(group, node, set())}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}


def provenance(record: Record) -> Section:
    return Section(
        "Made with",
        tables=[show_values(flat(record.metrics["made_with"]), "Program, versions, seeds and device.", "what")],
    )
