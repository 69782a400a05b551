"""Sweeps as the figures of the paper take them."""

from gpattention.paper.source import read_source


def source(*folders, where=(), blocks=None, **more):
    return read_source([str(folder) for folder in folders], [], blocks, list(where), n_backgrounds=20, **more)


def heights(axes):
    return [bar.get_height() for bar in axes.patches]
