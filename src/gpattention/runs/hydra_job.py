"""One job of Hydra: a run, as `train.py` and Hydra's launchers make it."""

import gc
import logging
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from gpattention.errors import InputError
from gpattention.output.exits import stop

log = logging.getLogger(__name__)


def train_job(cfg: DictConfig) -> float:
    """One Hydra job; its value is the validation score that sweepers may optimise."""
    from gpattention.runs.run import run

    folder = Path(HydraConfig.get().runtime.output_dir)
    try:
        return run(cfg, folder, overrides=list(HydraConfig.get().overrides.task))[cfg.monitor]
    except InputError as error:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()  # Hydra made it before the configuration was read
        if HydraConfig.get().mode is RunMode.MULTIRUN:
            log.error("error: %s", error)  # the other jobs go on, and only the first error ends up on the last line
            raise
        stop(str(error))  # here, because Hydra would print a line of its own above the message
    finally:
        gc.collect()  # a Trainer and its map refer to one another; the next job of a multirun needs the memory
