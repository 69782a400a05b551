"""Runs through Hydra's launchers: a SLURM cluster, or joblib on one machine."""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from hydra import initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.utils import JobStatus
from hydra.types import HydraContext, RunMode

from gpattention.checks import is_installed, suggest
from gpattention.errors import InputError
from gpattention.hydra_targets import conf_folder
from gpattention.sweeps.sweep_file import escape_quotes

log = logging.getLogger(__name__)

PLUGINS = {"slurm": "hydra_plugins.hydra_submitit_launcher", "joblib": "hydra_plugins.hydra_joblib_launcher"}


def check(launcher: str) -> None:
    """Refuse a launcher that is unknown, not installed, or without its cluster."""
    if launcher not in PLUGINS:
        raise InputError(f"launcher={launcher}: {suggest(launcher, PLUGINS)}")
    if not is_installed(PLUGINS[launcher]):
        raise InputError(
            f"launcher={launcher} needs a package that is not installed: pip install 'gpattention[{launcher}]'"
        )
    if launcher == "slurm" and shutil.which("sbatch") is None:
        raise InputError(
            "launcher=slurm: sbatch is not on this machine: start the sweep on a login node, or take workers=N"
        )


def launch(launcher: str, settings: Sequence[str], folder: Path, jobs: list[tuple[str, list[str]]]) -> dict[str, str]:
    """Make runs, each in a subfolder by its name with its overrides; returns messages of those that failed."""
    from gpattention.runs.hydra_job import train_job

    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        common = [
            f"launcher={launcher}",
            "hydra.mode=MULTIRUN",
            *settings,
            f"hydra.sweep.dir='{escape_quotes(str(folder.resolve()))}'",
        ]
        config = hydra.compose_config("config", common, run_mode=RunMode.MULTIRUN, with_log_configuration=False)
        HydraConfig.instance().set_config(config)
        context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks(config))
        plugin = Plugins.instance().instantiate_launcher(hydra_context=context, task_function=train_job, config=config)
        overrides = [[*common, *texts, f"hydra.sweep.subdir='{name}'"] for name, texts in jobs]
        try:
            results = plugin.launch(overrides, initial_job_idx=0)
        except Exception as error:
            # A task that was killed, or a cluster that went away: what is finished is in its folder.
            log.info("%s waits no longer: %s: %s", launcher, type(error).__name__, error)
            log.info("other jobs may still be running; when they are done start the sweep again")
            return {}
    return {
        name: f"{type(result._return_value).__name__}: {result._return_value}"
        for (name, _), result in zip(jobs, results, strict=True)
        if result.status is JobStatus.FAILED
    }
