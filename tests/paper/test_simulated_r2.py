import numpy as np
import pandas as pd
from paper_sources import source

from gpattention.paper import simulated_r2


def test_r2_against_epsilon_and_against_training_segregants(sweeps):
    figure = simulated_r2.draw(source(sweeps.epsilon, sweeps.size))
    left, right = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["L = 6", "L = 6, ε = 0.3"]
    results = pd.read_csv(sweeps.epsilon / "results.csv")
    labels = [line.get_label() for line in left.containers]
    assert labels == ["linear", "linear + pairwise", "attention"]
    for line, block in zip(left.containers, ("linear", "pairwise", "attention"), strict=True):
        part = results[results["block"] == block]
        np.testing.assert_allclose(line.lines[0].get_xydata()[:, 0], [0.3, 1])
        np.testing.assert_allclose(line.lines[0].get_xydata()[:, 1], part["test/r2"])
    sizes = pd.read_csv(sweeps.size / "results.csv")
    np.testing.assert_allclose(right.containers[0].lines[0].get_xydata()[:, 0], sizes["n_train"])
    assert right.get_xscale() == "log"
