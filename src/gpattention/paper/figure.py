"""`gpattention figure`: the figures of the paper, from sweeps and runs."""

import logging
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from gpattention.checks import suggest
from gpattention.errors import InputError
from gpattention.files.atomic import write_bytes
from gpattention.interpret.fitted_map import Accelerator
from gpattention.output import figures
from gpattention.output.silenced_warnings import quiet_libraries
from gpattention.paper import (
    against_linear,
    attention,
    environments,
    mean_fitness,
    simulated_r2,
    transfer,
    true_effects,
)
from gpattention.paper.source import Source, read_source
from gpattention.run_folder.files import FIGURES as FIGURES_FOLDER

log = logging.getLogger(__name__)

FIGURES: dict[str, Callable[[Source], Figure]] = {
    "2c": simulated_r2.draw,
    "2d": true_effects.draw_per_background,
    "3": environments.draw,
    "4b": environments.draw,
    "5b": transfer.draw,
    "5c": transfer.draw,
    "A1": mean_fitness.draw,
    "A2": simulated_r2.draw,
    "A3": true_effects.draw_averaged,
    "A4": against_linear.draw_predictions,
    "A5": against_linear.draw_effects,
    "A6": environments.draw,
    "A7": attention.draw,
}


def draw_figure(
    *,
    name: str | int,
    sweep: str | list[str] | None = None,
    runs: list[str] | None = None,
    blocks: list[str] | None = None,
    where: list[str] | None = None,
    environment: str | int | None = None,
    folder: str | None = None,
    n_backgrounds: int = 1000,
    root: str | None = None,
    accelerator: Accelerator = "auto",
) -> list[Path]:
    """Write a figure of the paper as `figNAME.pdf` and `figNAME.png`; returns both.

    Args:
        name: of the figure: 2c, 2d, 3, 4b, 5b, 5c, A1 to A7.
        sweep: folder of a sweep, or of several.
        runs: folders of runs, in place of a sweep.
        blocks, where: which of the runs, see `read_source`.
        environment: the one to show where a figure shows one; None for the first.
        folder: where the figure goes; None takes `figures` in the folder of the first sweep or run.
        n_backgrounds, root, accelerator: for figures that read a map, see `open_map`.

    Raises:
        InputError: the figure is unknown, or cannot be drawn from these runs.
    """
    name = str(name)
    if name not in FIGURES:
        raise InputError(f"name={name}: {suggest(name, FIGURES, 'the paper')}")
    quiet_libraries()
    sweeps = [sweep] if isinstance(sweep, str) else sweep or []
    source = read_source(
        sweeps,
        runs or [],
        blocks,
        where or [],
        environment=None if environment is None else str(environment),
        n_backgrounds=n_backgrounds,
        root=root,
        accelerator=accelerator,
    )
    figure = FIGURES[name](source)
    target = Path(folder) if folder else Path([*sweeps, *(runs or [])][0]) / FIGURES_FOLDER
    target.mkdir(parents=True, exist_ok=True)
    paths = [target / f"fig{name}.{kind}" for kind in ("pdf", "png")]
    with matplotlib.rc_context({"pdf.fonttype": 42}):  # letters stay letters, which journals ask for
        for path in paths:
            buffer = BytesIO()
            figures.save(figure, buffer, path.suffix[1:])
            write_bytes(path, buffer.getvalue())
    log.info("figure %s in %s", name, " and ".join(map(str, paths)))
    return paths
