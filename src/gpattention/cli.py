"""The commands: `gpattention train | sweep | predict | ...`, and `train.py` and `sweep.py` beside them.

Whatever is heavy is imported by the command that needs it, so that help is there at once.
"""

import logging
import os
import sys
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

from gpattention.errors import InputError, NotReproduced, Preempted, RunLost
from gpattention.hydra_targets import conf_folder
from gpattention.output.exits import end, stop
from gpattention.output.help import command_help
from gpattention.output.secrets import refuse_secret_arguments

log = logging.getLogger(__name__)


# Commands that are a call of one function; `conf/NAME.yaml` holds its arguments.
FUNCTIONS = {
    "prepare": "gpattention.prepare.pipeline.prepare",
    "predict": "gpattention.run_folder.predict.predict",
    "read": "gpattention.interpret.read.read",
    "verify": "gpattention.runs.verify.verify",
    "compare": "gpattention.sweeps.summaries.differences.compare",
    "figure": "gpattention.paper.figure.draw_figure",
    "report": "gpattention.report.report.report",
    "parameters": "gpattention.models.parameters.show_parameters",
}

HELP = """gpattention: maps from genotype to phenotype

  gpattention train [key=value ...]       fit one map, or with -m several; the same as python train.py
  gpattention sweep sweep=NAME [...]      fit the maps of a sweep and compare them; the same as python sweep.py
  gpattention prepare prepare=KIND folder=FOLDER [...]
                                          turn raw genotype files (PLINK, VCF, tables) into a prepared data set
  gpattention predict run=FOLDER genotype_file=FILE [...]
                                          predict phenotypes of new genotypes with a finished run
  gpattention read run=FOLDER [what=[effects,...]]
                                          what a finished run has learned: effect sizes, orders of interaction, ...
  gpattention compare runs=[FOLDER,FOLDER]
                                          differences of test R2 between runs, with intervals
  gpattention report run=FOLDER|sweep=FOLDER
                                          a run or a sweep as one HTML page
  gpattention figure name=NAME sweep=FOLDER
                                          a figure of the paper, from your own runs
  gpattention parameters n_loci=L embedding_dim=D n_environments=E
                                          parameters of every map, and what the paper says
  gpattention verify run=FOLDER           make a finished run again and compare
  gpattention cache [clear]               where prepared data are kept and how large they are; or remove them

All but the last take --help."""


def train() -> None:
    """Fit a map, or several with `--multirun`, from command-line overrides."""

    def job() -> None:
        import hydra

        from gpattention.runs.hydra_job import train_job

        hydra.main(str(conf_folder()), "config", "1.3")(train_job)()

    if not show_help("config"):
        with_messages(job)


def call(name: str) -> None:
    """Run one of FUNCTIONS with the keys of its configuration as arguments."""

    def job() -> None:
        import hydra

        hydra.main(str(conf_folder()), name, "1.3")(partial(call_function, FUNCTIONS[name]))()

    if not show_help(name):
        with_messages(job, name)


def call_function(path: str, cfg: Any) -> None:
    """Call a function with the values of its configuration."""
    from hydra.utils import get_method

    from gpattention.checks import check_node
    from gpattention.config import plain_values

    try:
        function = get_method(path)
        values = plain_values(cfg)
        check_node("", values, function)
        function(**values)
    except InputError as error:
        stop(str(error))
    except NotReproduced as error:
        stop(str(error), 1)


def show_help(name: str) -> bool:
    """Print the help of a command where nothing but that is asked for; with more words Hydra shows what they make of it."""
    if len(sys.argv) == 2 and sys.argv[1] in ("-h", "--help"):
        print(command_help(name))
        return True
    return False


def sweep() -> None:
    """Fit the maps of a sweep and compare them."""
    from gpattention.sweeps.command import main
    from gpattention.sweeps.workers import load_ahead

    if len(sys.argv) > 1 and not {"-h", "--help"} & {*sys.argv}:
        load_ahead()  # before this process loads the program, so that both load at once
    with_messages(main)


def cache() -> None:
    """Tell of the prepared data that runs share, or remove them."""
    from gpattention.files import cache as prepared

    if sys.argv[1:] not in ([], ["clear"]):
        stop(f"gpattention cache {' '.join(sys.argv[1:])}: give nothing more, or clear")
    if sys.argv[1:]:
        print(f"{prepared.clear()} entries removed")
    print(prepared.describe())


def main() -> None:
    """Entry of the `gpattention` command."""
    commands: dict[str, Callable[[], None]] = {"train": train, "sweep": sweep, "cache": cache}
    commands |= {name: partial(call, name) for name in FUNCTIONS}
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(HELP)
    elif sys.argv[1] not in commands:
        stop(f"unknown command {sys.argv[1]}: give one of {', '.join(commands)}")
    else:
        commands[sys.argv.pop(1)]()


def with_messages(command: Callable[[], None], config_name: str = "config") -> None:
    """Run a command; what the user can mend ends in one message and status 2, without a traceback."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to us rather than being printed by Hydra with status 1
    try:
        refuse_secret_arguments(sys.argv[1:])
        command()
    except InputError as error:
        stop(str(error))
    except MemoryError as error:
        stop(f"not enough memory ({error}): ask for fewer individuals or loci")
    except Preempted as error:
        end(str(error), Preempted.STATUS)
    except RunLost as error:
        stop(str(error), 1)
    except (KeyboardInterrupt, SystemExit) as error:
        # The Trainer turns the interrupt of its fit into an exit.
        if isinstance(error, SystemExit) and not isinstance(error.__context__, KeyboardInterrupt):
            raise
        print("stopped", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        stop(words_for(error, config_name))


def words_for(error: Exception, config_name: str) -> str:
    """What to say of an error of Hydra's, or of a file's; anything else is a fault of ours, and raised."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from gpattention.config import explain

    if isinstance(error, HydraException | OmegaConfBaseException):
        return explain(error, config_name)
    if isinstance(error, OSError):
        return str(error)  # names the file and what is wrong with it: a full disk, a folder that may not be written
    # Hydra's own complaint of a group that is null or a number.
    if not isinstance(error, ValueError | TypeError) or came_from_our_work(error):
        raise error
    return f"{explain(error, config_name)}: a group takes the name of one of its options, as in logger=csv"


def came_from_our_work(error: Exception) -> bool:
    """Whether the last of our own lines before the error is of the work, not of reading the configuration."""
    names = [str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [name for name in names if name.startswith("gpattention.")]
    return ours[-1:] not in ([], ["gpattention.cli"], ["gpattention.config"])
