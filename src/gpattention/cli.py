"""The commands: `gpattention train | sweep | predict`, and `train.py` and `sweep.py` beside them."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from gpattention.config import conf_folder, explain
from gpattention.errors import InputError

HELP = """gpattention: maps from genotype to phenotype

  gpattention train [key=value ...]       fit one map, or with -m several; the same as python train.py
  gpattention sweep sweep=NAME [...]      fit the maps of a sweep and compare them; the same as python sweep.py
  gpattention predict run=FOLDER genotype_file=FILE [...]
                                          predict phenotypes of new genotypes with a finished run

Each takes --help."""


def train() -> None:
    """Fit a map, or several with `--multirun`, from command-line overrides."""
    with_messages(hydra.main(str(conf_folder()), "config", "1.3")(train_job))


def train_job(cfg: DictConfig) -> float:
    """One Hydra job; its value is the validation score that sweepers may optimise."""
    from gpattention.run import run

    hydra_config = HydraConfig.get()
    folder = Path(hydra_config.runtime.output_dir)
    if hydra_config.mode is RunMode.MULTIRUN:
        return run(cfg, folder)[cfg.monitor]
    try:
        return run(cfg, folder)[cfg.monitor]
    except InputError as error:  # here, because Hydra would print a line of its own above the message
        stop(str(error))


def predict() -> None:
    """Predict phenotypes of new genotypes with a finished run."""
    with_messages(hydra.main(str(conf_folder()), "predict", "1.3")(predict_job))


def predict_job(cfg: DictConfig) -> None:
    from gpattention.predict import predict

    try:
        predict(cfg)
    except InputError as error:
        stop(str(error))


def sweep() -> None:
    """Fit the maps of a sweep and compare them."""
    from gpattention.sweep import main

    with_messages(main)


def main() -> None:
    """Entry of the `gpattention` command."""
    commands: dict[str, Callable[[], None]] = {"train": train, "sweep": sweep, "predict": predict}
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(HELP)
    elif sys.argv[1] not in commands:
        stop(f"unknown command {sys.argv[1]}: give one of {', '.join(commands)}")
    else:
        commands[sys.argv.pop(1)]()


def with_messages(command: Callable[[], None]) -> None:
    """Run a command; what the user can mend ends in one message and status 2, without a traceback."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to us rather than being printed by Hydra with status 1
    try:
        command()
    except (InputError, HydraException, OmegaConfBaseException) as error:
        stop(str(error) if isinstance(error, InputError) else explain(error))
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)


def stop(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)
