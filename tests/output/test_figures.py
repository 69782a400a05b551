import numpy as np
import pandas as pd
import pytest

from gpattention.output import figures

HISTORY = [{"epoch": k, "val/r2": 0.1 * k, "train/loss": 1 - 0.1 * k} for k in range(1, 6)]


def test_learning_curve_shows_the_history_and_the_epoch_kept():
    (axes,) = figures.learning_curve(HISTORY, best_epoch=4).axes
    r2, fit, best = axes.get_lines()
    np.testing.assert_allclose(r2.get_xydata(), [[k, 0.1 * k] for k in range(1, 6)])
    np.testing.assert_allclose(fit.get_ydata(), [0.1 * k for k in range(1, 6)])
    assert list(best.get_xdata()) == [4, 4]


def test_learning_curve_without_training_loss_and_with_one_epoch():
    (axes,) = figures.learning_curve([{"epoch": 1, "val/r2": -3.0}], best_epoch=1).axes
    assert len(axes.get_lines()) == 2


@pytest.mark.parametrize("n_environments", [1, 3, 6])
def test_every_environment_has_a_panel_with_its_values(n_environments):
    names = [f"env{k}" for k in range(n_environments)]
    rows = [
        {"environment": name, "measured": k + j / 9, "predicted": 2.0 * k}
        for k, name in enumerate(names)
        for j in range(5)
    ]
    rows[0]["measured"] = np.nan
    scores = {f"test/r2/{name}": 0.5 for name in names}
    panels = [
        axes for axes in figures.predicted_against_measured(pd.DataFrame(rows), scores).axes if axes.get_visible()
    ]
    assert len(panels) == n_environments
    assert [len(axes.collections[0].get_offsets()) for axes in panels] == [4] + [5] * (n_environments - 1)


def test_comparison_has_a_bar_for_every_run_and_the_ceiling(tmp_path):
    summary = pd.DataFrame({"name": ["linear", "transformer"], "r2": [0.3, 0.9], "r2_ceiling": [0.96, 0.96]})
    figure = figures.comparison(summary, "title")
    (axes,) = figure.axes
    assert [bar.get_height() for bar in axes.patches] == [0.3, 0.9]
    assert axes.get_lines()[0].get_ydata()[0] == pytest.approx(0.96)
    figures.save(figure, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
