"""The words of the command `sweep.py`."""

import sys

import pytest

from gpattention.errors import InputError
from gpattention.sweeps import command


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sweep=quickstrt"], "unknown sweep quickstrt: did you mean quickstart"),
        (["folder=x"], "no sweep is named"),
        (["sweep=quickstart", "workers=0"], "workers=0: give a whole number from 1 on"),
        (["sweep=quickstart", "launcher=slrum"], "launcher=slrum: did you mean slurm"),
        (["sweep=quickstart", "n_trials=3"], "n_trials=3: sweep=quickstart is no search"),
        (["sweep=search_transformer", "launcher=joblib"], "launcher=joblib does not go with search"),
        (["sweep=quickstart", "launcher=joblib", "workers=2"], "launcher=joblib does not go with workers=2"),
        (["sweep=quickstart", "hydra.launcher.n_jobs=2"], "there is no launcher to set"),
        (["sweep=quickstart", "~data.noise"], "a sweep takes no deletions"),
        (["sweep=quickstart", "scale=paper"], "sweep=quickstart has no such scale"),
    ],
)
def test_command_line_refusals(arguments, words, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["sweep.py", *arguments])
    with pytest.raises(InputError, match=words):
        command.main()


def test_help_names_the_sweeps(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sweep.py", "--help"])
    command.main()
    assert "quickstart" in capsys.readouterr().out
