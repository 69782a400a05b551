import numpy as np
from paper_sources import source

from gpattention.paper import true_effects


def test_effects_against_truth_are_in_the_order_of_the_paper(sweeps):
    given = source(sweeps.epsilon, where=["data.epsilon=0.3"])
    per_background, averaged = true_effects.draw_per_background(given), true_effects.draw_averaged(given)
    names = [axes.get_title().split("\n")[0] for axes in per_background.axes]
    assert names == ["attention", "linear", "linear + pairwise"]
    assert len(per_background.axes[0].collections[0].get_offsets()) == 20 * 6
    assert len(averaged.axes[0].collections[0].get_offsets()) == 6
    # What the linear map says of a locus is the same in every background, and twice its coefficient.
    predicted = np.unique(np.round(per_background.axes[1].collections[0].get_offsets()[:, 1], 10))
    assert predicted.size == 6
