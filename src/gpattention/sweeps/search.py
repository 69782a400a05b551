"""A search over intervals of settings with Optuna: the next trial from those before, poor ones stopped early.

Trials are chosen and stopped by validation alone. The study is kept on disk, so that a search goes on where it was cut off.
"""

import hashlib
import json
import logging
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from hydra.core.override_parser.types import Override
from matplotlib.figure import Figure

from gpattention.checks import is_installed
from gpattention.config import check_config, compose_config
from gpattention.errors import InputError
from gpattention.output import figures
from gpattention.run_folder import files, identity
from gpattention.sweeps.live_table import Board
from gpattention.sweeps.missing_runs import work_through
from gpattention.sweeps.sweep_file import Sweep, name_of, parse
from gpattention.sweeps.workers import Outcome, Workers, default_workers
from gpattention.training import loggers

log = logging.getLogger(__name__)

STUDY = "study.sqlite3"
RANDOM_TRIALS = 8  # before the search learns from them, and before it stops poor ones
WARM_UP_EPOCHS = 5
ENDINGS = {"COMPLETE": "finished", "PRUNED": "stopped early"}


class Trial(NamedTuple):
    """A run of the search."""

    config: dict[str, Any]
    folder: Path
    overrides: list[str]

    @property
    def name(self) -> str:
        return self.folder.name


def run_search(
    name: str, sweep: Sweep, blocks: dict[str, list[str]], folder: Path, n_workers: int | None
) -> tuple[pd.DataFrame, list[Outcome], dict[str, Any]]:
    """Make trials until there are `n_trials`; a row for each, what failed, and the configuration of the loggers.

    Raises:
        InputError: Optuna is not installed, or the sweep is not one block with something to search over.
    """
    if not is_installed("optuna"):
        raise InputError("a search needs a package that is not installed: pip install 'gpattention[optuna]'")
    if len(blocks) != 1 or sweep.n_trials is None:
        raise InputError(f"sweep={name}: a search has one block and n_trials")
    ((label, block),) = blocks.items()
    overrides = parse(block)
    fixed = [one.input_line or "" for one in overrides if not one.is_sweep_override()]
    space = {one.get_key_element(): distribution(one) for one in overrides if one.is_sweep_override()}
    if not space:
        raise InputError(
            f"sweep={name}: nothing is searched over: give an interval, as in 'key=interval(0.1,2)' or 'key=int(interval(1,4))'"
        )
    config = check_config(compose_config(fixed))
    if config["overwrite"]:
        raise InputError("overwrite=true: a search makes no trial again; give another folder")
    study = open_study(folder / STUDY, name_of_study(config, space))
    logger, n_trials = config["logger"], sweep.n_trials
    failed: list[Outcome] = []
    asked: dict[str, list[Any]] = {}  # trials by their run; one with settings like another's waits for it
    with Board(sweep.n_trials) as board:
        board.done = n_finished(study)

        def on_epoch(trial_name: str, epoch: int, n_epochs: int, score: float) -> bool:
            board.epoch(trial_name, epoch, n_epochs, score)
            trial = asked[trial_name][0]
            trial.report(score, epoch)
            return not trial.should_prune()

        def next_run() -> Trial | None:
            while n_finished(study) + len(failed) + sum(map(len, asked.values())) < n_trials:
                trial = study.ask(space)
                one = prepare(name, label, fixed, trial, folder)
                trials = asked.setdefault(one.name, [])
                trials.append(trial)
                if len(trials) == 1:
                    return one
            return None

        def ended(outcome: Outcome) -> None:
            for trial in asked.pop(outcome.name):
                tell(study, trial, outcome, config["monitor"])
                failed.extend([outcome] * (outcome.error is not None))

        n_devices = config["trainer"]["devices"]
        with Workers(n_workers or default_workers(n_devices), folder, on_epoch, n_devices) as workers:
            work_through(workers, board, next_run, ended)
    return collect(study, folder), failed, logger | loggers.run_names(logger, name, "")


def distribution(override: Override) -> Any:
    """Optuna's distribution for a sweep in Hydra's grammar: choice, range, interval, with int() and tag(log, ...)."""
    from optuna import distributions

    value: Any = override.value()
    key = override.get_key_element()
    if override.is_choice_sweep():
        return distributions.CategoricalDistribution(list(override.sweep_string_iterator()))
    if override.is_range_sweep():
        return distributions.CategoricalDistribution(list(override.sweep_string_iterator()))
    logarithmic = "log" in value.tags
    if not value.start < value.end or (logarithmic and value.start <= 0):
        raise InputError(f"{override.input_line}: {key} needs an interval from a smaller to a larger value")
    if isinstance(value.start, int) and isinstance(value.end, int):
        return distributions.IntDistribution(value.start, value.end, log=logarithmic)
    return distributions.FloatDistribution(value.start, value.end, log=logarithmic)


def name_of_study(config: dict[str, Any], space: dict[str, Any]) -> str:
    """A name that changes with what is searched, the data included, so that no trials are taken for those of another."""
    fixed = {key: value for key, value in identity.identify(config).content.items() if key not in space}
    text = json.dumps([fixed, {key: repr(value) for key, value in space.items()}], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def open_study(path: Path, name: str) -> Any:
    """The study on disk. Trials that a killed search was at are asked for again, and go on in their folders."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name=name,
        storage=f"sqlite:///{path}",
        direction="maximize",
        load_if_exists=True,
        pruner=pruner(),
    )
    seed = len(study.get_trials(deepcopy=False))  # another one, so that a search that goes on tries something else
    study.sampler = optuna.samplers.TPESampler(n_startup_trials=RANDOM_TRIALS, seed=seed, constant_liar=True)
    for trial in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        study.enqueue_trial(trial.params)
    return study


def pruner() -> Any:
    """Stops a trial whose best score so far is below the median of the others at the same epoch."""
    import optuna

    return optuna.pruners.MedianPruner(n_startup_trials=RANDOM_TRIALS, n_warmup_steps=WARM_UP_EPOCHS + 1)


def n_finished(study: Any) -> int:
    """Trials that were finished or stopped early; others are made in place of those that failed."""
    return sum(trial.state.name in ENDINGS for trial in study.get_trials(deepcopy=False))


def prepare(name: str, label: str, fixed: list[str], trial: Any, folder: Path) -> Trial:
    """A trial with its configuration, and the folder that its identity names."""
    overrides = [*fixed, *(f"{key}={value}" for key, value in trial.params.items())]
    config = check_config(compose_config(overrides))
    config["resume"] = "auto"
    digest = identity.identify(config).digest
    trial_folder = identity.folder_of(digest, folder, f"{name_of(label)},trial={trial.number}")
    config["logger"] |= loggers.run_names(config["logger"], name, trial_folder.name)
    trial.set_user_attr("folder", str(trial_folder))
    return Trial(config, trial_folder, overrides)


def tell(study: Any, trial: Any, outcome: Outcome, monitor: str) -> None:
    from optuna.trial import TrialState

    if outcome.metrics is not None:
        study.tell(trial, outcome.metrics[monitor])
    elif outcome.stopped:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, state=TrialState.FAIL)


def collect(study: Any, folder: Path) -> pd.DataFrame:
    """A row for every trial: its settings, how it ended, its best validation score, and the metrics if it is finished."""
    rows = []
    for trial in study.get_trials(deepcopy=False):
        if trial.state.name not in ENDINGS:
            continue
        run_folder = Path(trial.user_attrs["folder"])
        is_finished = trial.state.name == "COMPLETE" and files.is_complete(run_folder)
        metrics = files.read_metrics(run_folder) if is_finished else {}
        best = trial.value if metrics else max(trial.intermediate_values.values(), default=None)
        state = ENDINGS[trial.state.name]
        rows.append(
            {"trial": trial.number, "state": state, **trial.params, "score": best, **metrics, "folder": str(run_folder)}
        )
    return pd.DataFrame(rows)


def analyse(results: pd.DataFrame, sweep: Sweep) -> tuple[pd.DataFrame, Figure]:
    """Trials by their best validation score, and how it rose; the test part is left out of sight."""
    settings = [name for name in results if "." in str(name) and "/" not in str(name)]
    summary = results[["trial", "state", "score", *settings]].sort_values("score", ascending=False, na_position="last")
    figure, axes = figures.new_axes(width=5)
    for state, colour in (("finished", figures.BLUE), ("stopped early", figures.GREY)):
        part = results[results["state"] == state]
        axes.scatter(part["trial"], part["score"], s=14, color=colour, label=state)
    finished = results[results["state"] == "finished"]
    axes.step(
        finished["trial"],
        np.maximum.accumulate(finished["score"]),
        where="post",
        color=figures.ORANGE,
        label="best so far",
    )
    axes.set(xlabel="trial", ylabel="validation score")
    if results["score"].notna().any():  # a poor trial or two may fall off the end
        lowest = max(results["score"].min(), results["score"].quantile(0.25) - 0.3)
        axes.set_ylim(lowest - 0.02, results["score"].max() + 0.02)
    axes.set_title(sweep.title, fontsize=8)
    axes.legend(frameon=False, fontsize=7)
    return summary, figure
