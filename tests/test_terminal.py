import pandas as pd

from gpattention import terminal


def test_cells_stand_as_they_are(capsys):
    terminal.print_table(pd.DataFrame({"data.environments": ["[ypd]", "[/x]"], "r2": [0.5, float("nan")]}), "[title]")
    printed = capsys.readouterr().out
    for text in ("[ypd]", "[/x]", "[title]", "0.5000", "test R2"):
        assert text in printed
