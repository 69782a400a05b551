import numpy as np
import pytest

from gpattention.paper import panels


def test_a_scatter_plot_tells_the_correlation_of_all_points():
    rng = np.random.default_rng(0)
    x = rng.normal(size=panels.MOST_POINTS + 1000)
    y = 0.5 * x + rng.normal(size=x.size)
    _, (axes,) = panels.new_grid(1, 1, width=3, height=3)
    found = panels.scatter(axes, x, y, "A")
    assert found == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert axes.get_title() == f"A\nr = {found:.3f}"
    assert len(axes.collections[0].get_offsets()) == panels.MOST_POINTS


def test_environments_fill_the_width_of_a_page():
    figure, shown = panels.one_per_environment(8)
    assert len(shown) == 8
    assert figure.get_figwidth() == panels.PAGE_INCHES
    assert sum(axes.get_visible() for axes in figure.axes) == 8
    assert panels.one_per_environment(1)[0].get_figwidth() == panels.COLUMN_INCHES
