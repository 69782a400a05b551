import numpy as np
import pandas as pd

from gpattention.interpret.genome import lay_out, mark_chromosomes
from gpattention.output import figures


def test_chromosomes_lie_side_by_side_in_their_order():
    loci = pd.DataFrame(
        {"locus": list("abcde"), "chromosome": ["II", "II", "X", "X", "I"], "position_bp": [5, 105, 0, 200, 7]}
    )
    genome = lay_out(loci)
    assert genome.names == ("II", "X", "I")
    np.testing.assert_array_equal(genome.chromosome, [0, 0, 1, 1, 2])
    np.testing.assert_allclose(np.diff(genome.position), [100, 3, 200, 3])
    np.testing.assert_allclose(genome.centre, [50, 203, 306])
    _, axes = figures.new_axes()
    mark_chromosomes(axes, genome)
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["II", "X", "I"]


def test_without_chromosomes_loci_are_numbered():
    for loci in (pd.DataFrame({"locus": ["a", "b"]}), pd.DataFrame({"locus": ["a", "b"], "chromosome": [1, None]})):
        genome = lay_out(loci)
        np.testing.assert_array_equal(genome.position, [1, 2])
        assert genome.names == ()
