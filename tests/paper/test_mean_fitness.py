import numpy as np
import pytest
from paper_sources import source

from gpattention.errors import InputError
from gpattention.paper import mean_fitness
from gpattention.paper.source import read_source


def test_mean_fitness_against_temperature(sweeps):
    (axes,) = mean_fitness.draw(source(sweeps.environments)).axes
    (line,) = axes.get_lines()
    folder = read_source([str(sweeps.environments)], [], None, []).results[0]["folder"][0]
    noiseless = np.load(f"{folder}/truth.npz")["noiseless"]
    np.testing.assert_allclose(line.get_xydata(), np.stack([[25, 30, 35], noiseless.mean(axis=0)], axis=1))
    with pytest.raises(InputError, match="no run is of simulated data at several temperatures"):
        mean_fitness.draw(source(sweeps.epsilon))
