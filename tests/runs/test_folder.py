"""How a run takes its folder: alone, and what it replaces is kept until it is complete."""

import shutil
from pathlib import Path

import pytest
import yaml
from small_runs import contents, small_run

from gpattention.errors import InputError
from gpattention.run_folder import files
from gpattention.runs.folder import held, new_run, put_back


def test_complete_run_is_not_overwritten_unless_asked(tmp_path):
    small_run(tmp_path, "model=linear")
    before = contents(tmp_path)
    with pytest.raises(InputError, match=r"holds a complete run: set overwrite=true"):
        small_run(tmp_path, "model=linear", "data.epsilon=1")
    assert contents(tmp_path) == before
    small_run(tmp_path, "model=linear", "data.epsilon=1", "overwrite=true")
    assert yaml.safe_load((tmp_path / "config.yaml").read_text())["data"]["epsilon"] == 1


def test_run_that_another_process_is_at_is_refused(tmp_path):
    small_run(tmp_path, "model=linear")
    before = contents(tmp_path)
    with held(tmp_path), pytest.raises(InputError, match="another process is at the run in .*: wait for it"):
        small_run(tmp_path, "model=linear", "overwrite=true")
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("monitor=nonsense", r"monitor=nonsense: validation has val/r2, val/r2/30C, val/r2_pooled"),
        ("monitor=val/mse", r"monitor=val/mse: did you mean"),
        ("trainer=gpu", r"there is no GPU"),
        ("trainer.precision=16-mixed", r"needs a GPU"),
        ("trainer.gradient_clip_val=-1", r"trainer.gradient_clip_val=-1"),
        ("model.init_std=-1", r"model.init_std is -1"),
        ("data.fold=1", r"data.split_scheme=fractions takes no data.fold"),
        ("training.learning_rate=1e30", r"no longer finite"),
    ],
)
def test_complete_run_outlives_whatever_stops_the_one_that_would_replace_it(bad, words, finished, tmp_path):
    folder, _ = finished
    shutil.copytree(folder, tmp_path / "run")
    before = contents(tmp_path / "run")
    with pytest.raises(InputError, match=words):
        small_run(tmp_path / "run", "model=attention", "overwrite=true", bad)
    assert contents(tmp_path / "run") == before


def test_complete_run_survives_a_kill_at_any_moment_of_its_replacement(finished, tmp_path, monkeypatch):
    """Break off at the first rename, the second, ... while it is set aside and while it is put back."""
    folder, _ = finished
    rename, steps = Path.rename, len(files.ALL)

    def break_off_after(n):
        done = []

        def limited(path, target):
            if len(done) == n:
                raise SystemExit
            done.append(path)
            return rename(path, target)

        monkeypatch.setattr(Path, "rename", limited)

    for kill_aside, kill_back in [(k, 99) for k in range(steps)] + [(steps, k) for k in range(steps)]:
        copy = tmp_path / f"{kill_aside}-{kill_back}"
        shutil.copytree(folder, copy)
        break_off_after(kill_aside)
        with pytest.raises(SystemExit), new_run(copy):
            (copy / "config.yaml").write_text("half a run")
            break_off_after(kill_back)
            raise SystemExit
        monkeypatch.undo()
        put_back(copy)
        assert contents(copy) == contents(folder), (kill_aside, kill_back)
