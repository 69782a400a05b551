import numpy as np
import pandas as pd
from paper_sources import source

from gpattention.paper import against_linear
from gpattention.run_folder.predictions import read_predictions


def test_network_against_linear_in_every_environment(sweeps):
    given = source(sweeps.environments, blocks=["linear", "attention"])
    figure = against_linear.draw_predictions(given)
    assert [axes.get_title().split("\n")[0] for axes in figure.axes] == ["25C", "30C", "35C"]
    folders = given.results[0]
    linear = read_predictions(folders.loc[folders["block"] == "linear", "folder"].iloc[0])["predicted"]
    other = read_predictions(folders.loc[folders["block"] == "attention", "folder"].iloc[1])["predicted"]
    both = pd.concat([linear, other], axis=1, join="inner").to_numpy()
    correlation = np.corrcoef(both.T)[0, 1]
    assert figure.axes[1].get_title().endswith(f"r = {correlation:.3f}")
    effects = against_linear.draw_effects(given)
    assert len(effects.axes[0].collections[0].get_offsets()) == 6
    assert len(effects.axes[0].texts) == 6  # every locus is among the 20 largest
