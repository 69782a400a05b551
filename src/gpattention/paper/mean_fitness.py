"""Fig. A1: mean simulated fitness against temperature."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from gpattention.errors import InputError
from gpattention.output import figures
from gpattention.paper import panels as style
from gpattention.paper.source import Source
from gpattention.run_folder import files


def draw(source: Source) -> Figure:
    """The mean of the noiseless phenotypes over segregants, of the first run with several temperatures.

    Raises:
        InputError: no run is of simulated data at several temperatures.
    """
    for folder in pd.concat(source.results)["folder"]:
        if not (Path(folder) / files.TRUTH).is_file():
            continue
        truth = files.read_arrays_of(Path(folder), files.TRUTH, ("temperatures", "noiseless"))
        if truth["temperatures"].size > 1:
            break
    else:
        raise InputError(
            "no run is of simulated data at several temperatures: make one with data=simulated data.temperatures=[23,25,27]"
        )
    figure, (axes,) = style.new_grid(1, 1, width=style.COLUMN_INCHES, height=2.6)
    style_of_line = figures.line_style(0)
    axes.plot(truth["temperatures"], truth["noiseless"].mean(axis=0), **style_of_line)
    axes.set_xlabel("temperature (°C)", fontsize=style.LABEL)
    axes.set_ylabel("mean fitness", fontsize=style.LABEL)
    return figure
