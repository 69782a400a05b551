import pandas as pd

from gpattention.output import terminal


def test_cells_stand_as_they_are(capsys):
    terminal.print_table(pd.DataFrame({"data.environments": ["[ypd]", "[/x]"], "r2": [0.5, float("nan")]}), "[title]")
    printed = capsys.readouterr().out
    for text in ("[ypd]", "[/x]", "[title]", "0.5000", "test R2"):
        assert text in printed


def test_long_paths_are_folded_and_numbers_are_whole(capsys):
    path = "/a/folder/with/many/folders/in/it/" * 6
    terminal.print_table(pd.DataFrame({"first": [path], "interval": ["+0.0914 to +0.1202"], "r2": [0.25]}), "t")
    printed = capsys.readouterr().out
    assert "+0.0914 to +0.1202" in printed
    assert "0.2500" in printed
    lines = [line.split("│")[1].strip() for line in printed.splitlines() if line.startswith("│")]
    assert "".join(lines) == path


def test_a_table_without_rows(capsys):
    terminal.print_table(pd.DataFrame({"first": pd.Series(dtype=str), "r2": pd.Series(dtype=float)}), "nothing")
    assert "test R2" in capsys.readouterr().out
