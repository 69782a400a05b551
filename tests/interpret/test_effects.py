import numpy as np
import pandas as pd
import pytest
from conftest import SMALL

from gpattention.config import compose_config
from gpattention.interpret import effects
from gpattention.interpret.fitted_map import open_map
from gpattention.interpret.genome import lay_out
from gpattention.run_folder.loading import load_run
from gpattention.runs.run import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two environments of a simulated cross, and a regression and a network on them."""
    folder = tmp_path_factory.mktemp("effects")
    common = [*SMALL, "data.temperatures=[25,30]", "data.epsilon=0.5"]
    run(compose_config([*common, "model=pairwise"]), folder / "pairwise")
    run(compose_config([*common, "model=linear"]), folder / "linear")
    run(compose_config([*common, "model=transformer", "model.environment=token"]), folder / "token")
    return folder


def test_effects_of_a_linear_map_are_twice_its_coefficients(folder):
    finished = load_run(folder / "linear")
    expected = 2 * finished.module.coefficients.numpy() * finished.preprocessing.sd
    table = effects.read(open_map(folder / "linear")).tables["effects"]
    for column, name in enumerate(["25C", "30C"]):
        part = table[table["environment"] == name]
        np.testing.assert_allclose(part["effect"], expected[:, column], rtol=1e-6)
        np.testing.assert_allclose(part["sd"], 0, atol=1e-12)
        assert part["locus"].tolist() == finished.preprocessing.locus_names
    assert {"chromosome", "position_bp"} <= set(table)


def test_effects_of_a_pairwise_map_depend_on_the_background_as_its_coefficients_say(folder):
    fitted = open_map(folder / "pairwise", n_backgrounds=10)
    coefficients = fitted.run.module.coefficients.numpy() * fitted.run.preprocessing.sd
    arrays = effects.read(fitted).arrays["effects_by_background"]
    g = fitted.genotype.astype(float)
    pair = dict(zip(zip(*fitted.run.module.pair_index.tolist(), strict=True), coefficients[6:], strict=True))
    for locus in range(6):
        expected = 2 * coefficients[locus] + sum(
            2 * np.outer(g[:, other], pair[min(locus, other), max(locus, other)])
            for other in range(6)
            if other != locus
        )
        np.testing.assert_allclose(arrays["effect"][:, locus], expected, rtol=1e-5, atol=1e-9)
    assert arrays["background"].tolist() == list(fitted.ids)


def test_truth_of_a_simulation_is_read_beside_the_map(folder):
    """The true effects follow from the coefficients in truth.npz."""
    fitted = open_map(folder / "token", n_backgrounds=20)
    reading = effects.read(fitted)
    arrays = reading.arrays["effects_by_background"]
    with np.load(folder / "token" / "truth.npz") as truth:
        power = np.array([[1, 1], [-5, 0], [25, 0]])
        linear, epistatic = truth["linear_coefficients"].T @ power, truth["epistatic_coefficients"].T @ power
        sets = truth["interacting_loci"]
    g = fitted.genotype.astype(float)
    for locus in range(6):
        expected = np.tile(0.5 / 6 * linear[locus], (20, 1))
        for number, members in enumerate(sets.tolist()):
            if locus in members:
                rest = g[:, [k for k in members if k != locus]].prod(axis=1)
                expected += 0.5 / 6 * np.outer(rest, epistatic[number])
        np.testing.assert_allclose(arrays["true_effect"][:, locus], -0.02 * expected, rtol=1e-5, atol=1e-9)
    agreement = reading.tables["effects_agreement"].set_index("environment")
    x, y = arrays["true_effect"][:, :, 1].ravel(), arrays["effect"][:, :, 1].ravel()
    assert agreement.loc["30C", "pearson_per_background"] == pytest.approx(np.corrcoef(x, y)[0, 1], rel=1e-4)
    assert agreement.loc["30C", "slope_averaged"] == pytest.approx(
        np.polyfit(arrays["true_effect"][:, :, 1].mean(0), arrays["effect"][:, :, 1].mean(0), 1)[0], rel=1e-3
    )
    assert set(reading.figures) == {"effects", "effects_agreement"}


def test_figure_shows_every_locus_of_every_environment():
    loci = pd.DataFrame({"locus": [f"m{k}" for k in range(8)], "chromosome": np.repeat([1, 2], 4), "pos": np.arange(8)})
    effect = np.random.default_rng(0).standard_normal((5, 8, 4))
    table = effects.tabulate(effect, loci, list("abcd"))
    panels = [axes for axes in effects.draw(table, lay_out(loci)).axes if axes.get_visible()]
    assert len(panels) == 4
    shown = np.concatenate(
        [
            points.get_offsets()[:, 1]
            for points in panels[2].collections
            if hasattr(points, "get_sizes") and len(points.get_sizes())
        ]
    )
    np.testing.assert_allclose(shown, effect[:, :, 2].mean(axis=0))
    largest = np.argsort(-abs(effect[:, :, 2].mean(axis=0)))[:5]
    assert {text.get_text() for text in panels[2].texts} == {f"m{k}" for k in largest}


def test_constant_effects_have_no_correlation():
    table = effects.agreement(np.zeros((3, 2, 1)), np.random.default_rng(0).random((3, 2, 1)), ["a"])
    assert np.isnan(table["pearson_per_background"][0])
    assert table["slope_per_background"][0] == 0
