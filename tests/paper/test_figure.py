import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gpattention.checks import check_node
from gpattention.config import compose_config, plain_values
from gpattention.errors import InputError
from gpattention.paper import against_linear, environments, mean_fitness, simulated_r2, transfer, true_effects
from gpattention.paper.figure import FIGURES, draw_figure
from gpattention.paper.source import read_source
from gpattention.run_folder.predictions import read_predictions


def source(*folders, where=(), blocks=None, **more):
    return read_source([str(folder) for folder in folders], [], blocks, list(where), n_backgrounds=20, **more)


def heights(axes):
    return [bar.get_height() for bar in axes.patches]


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


def test_transfer_against_training_values(sweeps):
    (axes,) = transfer.draw(source(sweeps.transfer)).axes
    results = pd.read_csv(sweeps.transfer / "results.csv")
    (line,) = axes.containers
    np.testing.assert_allclose(line.lines[0].get_xydata()[:, 0], results["n_train_target"])
    np.testing.assert_allclose(line.lines[0].get_xydata()[:, 1], results["test/r2_target"])


def test_mean_fitness_against_temperature(sweeps):
    (axes,) = mean_fitness.draw(source(sweeps.environments)).axes
    (line,) = axes.get_lines()
    folder = read_source([str(sweeps.environments)], [], None, []).results[0]["folder"][0]
    noiseless = np.load(f"{folder}/truth.npz")["noiseless"]
    np.testing.assert_allclose(line.get_xydata(), np.stack([[25, 30, 35], noiseless.mean(axis=0)], axis=1))
    with pytest.raises(InputError, match="no run is of simulated data at several temperatures"):
        mean_fitness.draw(source(sweeps.epsilon))


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


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_written_as_pdf_and_png(name, sweeps, tmp_path):
    folders = {"2d": "epsilon", "A3": "epsilon", "2c": "epsilon", "A2": "epsilon", "5b": "transfer", "5c": "transfer"}
    settings = {"where": ["data.epsilon=0.3"]} if name in ("2d", "A3") else {}
    if name in ("A4", "A5"):
        settings = {"blocks": ["linear", "multi"]}
    if name == "A7":
        settings = {"blocks": ["multi"]}
    folder = str(getattr(sweeps, folders.get(name, "environments")))
    paths = draw_figure(name=name, sweep=folder, folder=str(tmp_path / "out"), n_backgrounds=10, **settings)
    assert [path.name for path in paths] == [f"fig{name}.pdf", f"fig{name}.png"]
    assert paths[0].read_bytes().startswith(b"%PDF")
    assert paths[1].read_bytes().startswith(b"\x89PNG")


def test_runs_in_place_of_a_sweep_and_a_sweep_that_moved(sweeps, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(sweeps.environments, moved)
    folder = read_source([str(moved)], [], None, []).results[0]["folder"][0]
    assert folder.startswith(str(moved))
    table = read_source([], [folder], None, []).results[0]
    assert table["block"].tolist() == ["linear"]
    (path, _) = draw_figure(name=3, runs=[folder])
    assert path.parent == Path(folder) / "figures"


def break_folder(folder, how):
    if how == "run lost":
        shutil.rmtree(next(folder.glob("linear*")))
    elif how == "not collected":
        (folder / "results.csv").unlink()
    elif how == "other version":
        (folder / "sweep.json").write_text('{"results_format": 0}')
    else:
        (folder / "results.csv").write_bytes(b"\x00\xff" * 50)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("run lost", "lacks 1 of the .* runs of its results.csv: linear.*give the sweep's command again"),
        ("not collected", "holds no finished sweep: it has no results.csv"),
        ("other version", "holds results of format 0, by gpattention"),
        ("damaged", "results.csv"),
    ],
)
def test_broken_sweep_folders_are_refused(how, words, sweeps, tmp_path):
    shutil.copytree(sweeps.size, tmp_path / "broken")
    break_folder(tmp_path / "broken", how)
    with pytest.raises(InputError, match=words):
        draw_figure(name="3", sweep=str(tmp_path / "broken"))


@pytest.mark.parametrize(
    ("which", "settings", "words"),
    [
        ("epsilon", {"name": "7"}, "name=7: "),
        ("epsilon", {"name": "2d"}, "has 2 runs and this figure shows one: choose it with where"),
        ("epsilon", {"name": "5b"}, "needs a sweep with data.target_environment"),
        ("environments", {"name": "2c"}, "needs a sweep that varies data.epsilon or data.n_segregants"),
        ("epsilon", {"name": "2d", "where": ["data.epsilonn=0.3"]}, "did you mean data.epsilon"),
        ("epsilon", {"name": "2d", "where": ["data.epsilon=0.4"]}, "the sweep has 0.3, 1"),
        ("epsilon", {"name": "3", "blocks": ["linaer"]}, "did you mean linear"),
        ("environments", {"name": "A4", "blocks": ["attention"]}, "choose with blocks"),
        ("epsilon", {"name": "A4"}, "several runs are of environment 30C"),
        ("epsilon", {"name": "3", "runs": ["x"]}, "give the folder of a sweep, or of runs"),
        ("epsilon", {"name": "3", "sweep": None, "runs": ["nowhere"]}, "nowhere is no finished run"),
        ("epsilon", {"name": "3", "sweep": "nowhere"}, "nowhere is not a folder"),
    ],
)
def test_refusals(which, settings, words, sweeps):
    with pytest.raises(InputError, match=words):
        draw_figure(**{"sweep": str(getattr(sweeps, which))} | settings)


def test_configuration_has_the_arguments():
    cfg = compose_config(["name=3"], "figure")
    check_node("", plain_values(cfg), draw_figure)
