"""A sweep as a page."""

import shutil

import pandas as pd
import pytest
from pages import read

from gpattention.report.report import report


def test_maps_of_a_sweep_are_read_for_it(swept, tmp_path):
    shutil.copytree(swept, tmp_path / "moved")
    page = read(report(sweep=str(tmp_path / "moved"), what=["effects"]))
    assert "What the maps have learned" in page.headings
    assert len(page.sources) == 1 + 4 + 4 + 2 * 4  # effects, and their agreement with the truth


def test_sweep(swept, tmp_path):
    page = read(report(sweep=str(swept), output_file=str(tmp_path / "new" / "page.html")))
    assert "Two <maps> & their difference" in page.text  # escaped, and read back
    assert "Differences between maps" in page.headings
    assert len(page.sources) == 1 + 4 + 4  # the summary, predictions and calibration of each run
    by_header = {table[0][0]: table for table in page.tables}
    differences = pd.read_csv(swept / "differences.csv")
    assert float(by_header["first"][1][5]) == pytest.approx(differences["difference"][0], abs=1e-4)
    header, *rows = by_header["run"]
    assert [row[0] for row in rows] == [f"{name}, split_seed={k}" for name in ("linear", "pairwise") for k in (0, 1)]
    results = pd.read_csv(swept / "results.csv")
    assert [float(row[header.index("test R2")]) for row in rows] == pytest.approx(results["test/r2"].tolist(), abs=1e-4)
    assert "python sweep.py sweep=tiny data.n_loci=6 folder=" in page.text


def test_moved_sweep_and_the_report_of_one_of_its_runs(swept, tmp_path):
    shutil.copytree(swept, tmp_path / "moved")
    read(report(sweep=str(tmp_path / "moved")))
    (one, *_) = sorted((tmp_path / "moved").glob("linear*"))
    page = read(report(run=str(one)))
    assert len(page.sources) == 2  # one pass has no learning curve
