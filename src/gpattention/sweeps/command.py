"""The command `sweep.py`: its words read, the sweep made."""

import logging
import signal
import sys
from pathlib import Path
from typing import Any

from gpattention.errors import InputError, Preempted

HELP = """Fit the maps of a sweep and compare them. A run that is finished is not repeated, one that was cut off goes on.

Usage: python sweep.py sweep=NAME [scale=NAME] [workers=N] [launcher=NAME] [folder=FOLDER] [key=value] ...

  sweep     a file of conf/sweeps, or a file of your own, sweep=my_sweep.yaml
  scale     small (default) or paper, where the sweep has both
  workers   runs at a time, each with its GPUs (trainer.devices=N) or its share of the cores
            (default: as many as the GPUs suffice for, without one as the cores up to four)
  launcher  slurm or joblib: the runs go there instead, with hydra.launcher.KEY=VALUE as its settings
  n_trials  of a search
  folder    where the run folders, results.csv, summary.csv and results.png go (default: the sweep's own)
  key=value overrides for every run, as for train.py; of a key that the sweep varies, the values to take instead;
            overwrite=true repeats what is finished

Sweeps
{sweeps}

Exit status: 0, 1 where a run failed (the others are made and collected), 2 where nothing could be run, 143 where SIGTERM ended
it and its runs; the same command then goes on."""


def main() -> None:
    """Entry of `sweep.py`: reads the command line."""
    arguments = sys.argv[1:]
    if not arguments or {"-h", "--help"} & set(arguments):
        from gpattention.output.help import list_sweeps

        print(HELP.format(sweeps=list_sweeps()))
        return
    # Not for the help, which is then there at once.
    from gpattention import ranks
    from gpattention.sweeps.sweep import Options, run_sweep
    from gpattention.sweeps.sweep_file import sweep_names

    if ranks.n_started() > 1:
        raise InputError(
            f"sweep.py was started {ranks.n_started()} times, by torchrun or srun: start it once; a run on several devices "
            "(trainer.devices=N) starts its own processes"
        )
    signal.signal(signal.SIGTERM, stop)
    known = ("sweep", "folder", "scale", "workers", "launcher", "n_trials")
    own = {key: value for key, _, value in (text.partition("=") for text in arguments) if key in known}
    settings = tuple(text for text in arguments if text.startswith("hydra.launcher."))
    overrides = [text for text in arguments if text.partition("=")[0] not in known and text not in settings]
    if "sweep" not in own:
        raise InputError(f"no sweep is named: give sweep=NAME, one of {', '.join(sweep_names())}")
    name = own.pop("sweep")
    folder = own.pop("folder", None)
    options = Options(**read_options(own), launcher_settings=settings)
    if settings and options.launcher is None:
        raise InputError(f"{settings[0]}: there is no launcher to set; name one with launcher=slurm")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stdout)
    _, failed = run_sweep(name, overrides, Path(folder) if folder else None, options)
    if failed:
        sys.exit(1)


def stop(*_: object) -> None:
    """On SIGTERM end the sweep; the runs that are under way save where they are."""
    raise Preempted("stopped by SIGTERM; the same command goes on from here")


def read_options(texts: dict[str, str]) -> dict[str, Any]:
    """The values of `Options` that are given, checked."""
    from gpattention.sweeps import clusters

    values: dict[str, Any] = dict(texts)
    for key in ("workers", "n_trials"):
        if key in texts:
            if not texts[key].isdecimal() or not int(texts[key]):
                raise InputError(f"{key}={texts[key]}: give a whole number from 1 on")
            values[key] = int(texts[key])
    if (launcher := texts.get("launcher")) is not None:
        clusters.check(launcher)
    return values
