import numpy as np
import pandas as pd
from paper_sources import source

from gpattention.paper import transfer


def test_transfer_against_training_values(sweeps):
    (axes,) = transfer.draw(source(sweeps.transfer)).axes
    results = pd.read_csv(sweeps.transfer / "results.csv")
    (line,) = axes.containers
    np.testing.assert_allclose(line.lines[0].get_xydata()[:, 0], results["n_train_target"])
    np.testing.assert_allclose(line.lines[0].get_xydata()[:, 1], results["test/r2_target"])
