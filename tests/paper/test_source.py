import shutil
from pathlib import Path

import pytest

from gpattention.errors import InputError
from gpattention.paper.figure import draw_figure
from gpattention.paper.source import read_source


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
