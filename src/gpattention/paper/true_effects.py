"""Figs. 2d and A3: effect sizes of maps against those of the simulated truth."""

import numpy as np
from matplotlib.figure import Figure

from gpattention.errors import InputError
from gpattention.interpret.effects import effect_sizes
from gpattention.paper import panels as style
from gpattention.paper.source import Source, columns_of, name_of, one_run


def draw_per_background(source: Source) -> Figure:
    """Fig. 2d: the effect of every locus in every background."""
    return draw(source, averaged=False)


def draw_averaged(source: Source) -> Figure:
    """Fig. A3: the effect of every locus, averaged over backgrounds."""
    return draw(source, averaged=True)


def draw(source: Source, averaged: bool) -> Figure:
    """A panel for each map, networks before regressions as in the paper, with Pearson's correlation.

    Raises:
        InputError: a run's data are not simulated, or a block has several runs.
    """
    blocks = sorted(source.blocks, key=lambda name: name in ("linear", "pairwise"))
    folders = {block: one_run(source, block) for block in blocks}
    side = style.PAGE_INCHES / max(3, len(blocks))
    figure, panels = style.new_grid(1, len(blocks), width=side * len(blocks), height=side + 0.4)
    for axes, (block, folder) in zip(panels, folders.items(), strict=True):
        fitted = source.open(folder)
        if fitted.truth is None:
            raise InputError(f"{folder}: the true map of its loci is not known; this figure is of simulated data")
        column, n = columns_of(fitted, source.environment), len(fitted.environment_names)
        effect, true = (
            effect_sizes(predict, fitted.genotype, n)[:, :, column] for predict in (fitted.predict, fitted.truth)
        )
        x, y = (true.mean(axis=0), effect.mean(axis=0)) if averaged else (true.ravel(), effect.ravel())
        style.scatter(axes, np.asarray(x), np.asarray(y), name_of(block), size=12 if averaged else 3)
        axes.set_xlabel("true effect size", fontsize=style.LABEL)
        axes.locator_params(nbins=4)
    panels[0].set_ylabel("predicted effect size", fontsize=style.LABEL)
    return figure
