"""Fig. A7: attention maps of a network."""

from matplotlib.figure import Figure

from gpattention.errors import InputError
from gpattention.interpret import attention_maps
from gpattention.paper.source import Source, one_run


def draw(source: Source) -> Figure:
    """The averaged maps of every layer and head, by kind of query and key.

    Raises:
        InputError: there is not one run, or its map has no softmax attention.
    """
    if len(source.blocks) > 1:
        raise InputError(
            f"this figure is of one map and the runs have {', '.join(source.blocks)}: choose with blocks=[attention]"
        )
    (figure,) = attention_maps.read(source.open(one_run(source, source.blocks[0]))).figures.values()
    return figure
