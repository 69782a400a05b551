"""Figs. A4 and A5: a network against the linear map in every environment, by predictions and by effect sizes."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gpattention.errors import InputError
from gpattention.interpret.effects import effect_sizes
from gpattention.output import figures
from gpattention.paper import panels as style
from gpattention.paper.source import Source, name_of
from gpattention.run_folder.predictions import read_predictions

N_NAMED = 20  # loci with the largest effects


def draw_predictions(source: Source) -> Figure:
    """Fig. A4: predicted test phenotypes of the network against those of the linear map."""
    blocks = choose_blocks(source)
    first, second = (predictions_of(folders_of(source, block), block) for block in blocks)
    both = first.to_frame("x").join(second.rename("y"), how="inner").dropna()
    if both.empty:
        raise InputError(
            f"{blocks[0]} and {blocks[1]} have no test individual in common: make both with the same split"
        )
    names = list(dict.fromkeys(both.index.get_level_values("environment")))
    figure, panels = style.one_per_environment(len(names))
    for axes, name in zip(panels, names, strict=True):
        part = both.xs(name, level="environment")
        style.scatter(axes, part["x"].to_numpy(), part["y"].to_numpy(), name, size=2)
    set_labels(figure, blocks, "predicted phenotype")
    return figure


def draw_effects(source: Source) -> Figure:
    """Fig. A5: effect sizes averaged over backgrounds; the loci with the 20 largest are named."""
    blocks = choose_blocks(source)
    first, second = (effects_of(source, folders_of(source, block)) for block in blocks)
    names = [name for name in first if name in second]
    if not names:
        raise InputError(
            f"{blocks[0]} and {blocks[1]} have no environment in common: they have {list(first)} and {list(second)}"
        )
    figure, panels = style.one_per_environment(len(names))
    for axes, name in zip(panels, names, strict=True):
        both = first[name].to_frame("x").join(second[name].rename("y"), how="inner")
        x, y = both["x"].to_numpy(), both["y"].to_numpy()
        style.scatter(axes, x, y, name, size=5)
        largest = np.argsort(-abs(y))[:N_NAMED]
        figures.name_points(axes, x, y, {row: str(both.index[row]) for row in largest}, size=3.5)
    set_labels(figure, blocks, "effect size")
    return figure


def choose_blocks(source: Source) -> tuple[str, str]:
    """The linear map and the network to compare: those two, or `linear` and the first that is no regression."""
    blocks = source.blocks
    others = [name for name in blocks if name not in ("linear", "pairwise")]
    if len(blocks) == 2:
        return (blocks[0], blocks[1])
    if "linear" in blocks and others:
        return "linear", others[0]
    raise InputError(
        f"this figure is of two maps and the runs have {', '.join(blocks)}: choose with blocks=[linear,attention]"
    )


def folders_of(source: Source, block: str) -> list[str]:
    table = pd.concat(source.results)
    return [str(folder) for folder in table.loc[table["block"] == block, "folder"].unique()]


def predictions_of(folders: list[str], block: str) -> pd.Series:
    """Predictions by id and environment, from the runs of one or of each environment."""
    predicted = pd.concat([read_predictions(folder)["predicted"] for folder in folders])
    if predicted.index.has_duplicates:
        refuse_repeats(block, predicted.index[predicted.index.duplicated()][0][1])
    return predicted


def effects_of(source: Source, folders: list[str]) -> dict[str, pd.Series]:
    """Averaged effect sizes by locus, of each environment."""
    effects: dict[str, pd.Series] = {}
    for folder in folders:
        fitted = source.open(folder)
        names = fitted.environment_names
        mean_LE: NDArray[np.float64] = effect_sizes(fitted.predict, fitted.genotype, len(names)).mean(axis=0)
        for column, name in enumerate(names):
            if name in effects:
                refuse_repeats(folder, name)
            effects[name] = pd.Series(mean_LE[:, column], index=pd.Index(fitted.loci["locus"]))
    return effects


def refuse_repeats(what: str, environment: str) -> None:
    raise InputError(
        f"{what}: several runs are of environment {environment}; choose one with where=[KEY=VALUE], by the keys that the sweep varies"
    )


def set_labels(figure: Figure, blocks: tuple[str, str], quantity: str) -> None:
    figure.supxlabel(f"{quantity}, {name_of(blocks[0])}", fontsize=style.LABEL)
    figure.supylabel(f"{quantity}, {name_of(blocks[1])}", fontsize=style.LABEL)
