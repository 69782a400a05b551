import numpy as np
import pandas as pd
from paper_sources import heights, source

from gpattention.paper import environments


def test_bars_in_every_environment(sweeps):
    (axes,) = environments.draw(source(sweeps.environments)).axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["25C", "30C", "35C"]
    results = pd.read_csv(sweeps.environments / "results.csv")
    columns = [f"test/r2/{name}" for name in ("25C", "30C", "35C")]
    of_attention = results[results["block"] == "attention"][columns].to_numpy().diagonal()
    np.testing.assert_allclose(heights(axes)[:3], results.loc[results["block"] == "linear", columns].squeeze())
    np.testing.assert_allclose(heights(axes)[3:6], of_attention)
    two = environments.draw(source(sweeps.environments, sweeps.environments))
    assert [axes.get_title(loc="left") for axes in two.axes] == ["(a)", "(b)"]
