import pytest

from gpattention.checks import check_node
from gpattention.config import compose_config, plain_values
from gpattention.errors import InputError
from gpattention.paper.figure import FIGURES, draw_figure


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
