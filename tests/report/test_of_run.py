"""A run as a page."""

import shutil

import pandas as pd
import pytest
from conftest import SMALL
from pages import read
from small_runs import small_run

from gpattention.errors import InputError
from gpattention.report.of_run import describe_run
from gpattention.report.report import report
from gpattention.run_folder import files


def test_run(networks):
    page = read(report(run=str(networks)))
    assert page.headings == [
        "Results",
        "Uncertainty",
        "Training",
        "Data",
        "Configuration",
        "Made with",
        "To make it again",
    ]
    assert len(page.sources) == 3
    header, *rows = page.tables[0]
    scores = pd.DataFrame(rows, columns=header).set_index("environment")
    assert scores.index.tolist() == ["25C", "30C", "mean"]
    predictions = pd.read_csv(networks / "predictions_test.tsv", sep="\t")
    part = predictions[predictions["environment"] == "30C"]
    r2 = 1 - ((part["measured"] - part["predicted"]) ** 2).mean() / part["measured"].var(ddof=0)
    assert float(scores["test R2"]["30C"]) == pytest.approx(r2, abs=1e-4)
    settings = dict(page.tables[-2][1:])
    assert settings["data.temperatures"] == "[25, 30]"
    assert settings["fine_tune_from"] == "null"
    assert f"python train.py {' '.join(SMALL)} model=transformer" in page.text
    assert f"gpattention verify run={networks}" in page.text


def test_what_was_read_in_a_map_is_shown(networks, tmp_path):
    shutil.copytree(networks, tmp_path / "net")
    (tmp_path / "net" / "reading").mkdir()
    shutil.copy(networks / "learning_curve.png", tmp_path / "net" / "reading" / "effects.png")
    page = read(report(run=str(tmp_path / "net")))
    assert "What the maps have learned" in page.headings
    assert len(page.sources) == 4


def break_run(folder, how):
    if how == "not finished":
        (folder / "metrics.json").unlink()
    elif how == "earlier":
        (folder / "predictions_val.tsv").unlink()
    elif how == "other version":
        text = (folder / "identity.json").read_text().replace('"results_format": 2', '"results_format": 0')
        (folder / "checksums.txt").unlink()
        (folder / "identity.json").write_text(text)
    elif how == "history":
        (folder / "metrics.csv").write_bytes(b"\xff\x00\n" * 9)
    else:
        (folder / "config.yaml").write_text("model: {")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("not finished", "is not a complete run: it has no metrics.json"),
        ("earlier", "is not a complete run: it has no predictions_val.tsv"),
        ("other version", "holds results of format 0, by gpattention"),
        ("history", "metrics.csv cannot be read as one row an epoch"),
        ("configuration", "config.yaml"),
    ],
)
def test_broken_runs_are_refused_and_an_earlier_report_stays(how, words, networks, tmp_path):
    shutil.copytree(networks, tmp_path / "net")
    (tmp_path / "net" / "report.html").write_text("earlier")
    break_run(tmp_path / "net", how)
    with pytest.raises(InputError, match=words):
        report(run=str(tmp_path / "net"))
    assert (tmp_path / "net" / "report.html").read_text() == "earlier"


def test_interactions_found_are_listed(tmp_path):
    small_run(tmp_path, "model=interactions", "data.n_segregants=2000", "data.n_interactions=3", "data.epsilon=0.2")
    _, _, sections = describe_run(tmp_path)
    section = next(one for one in sections if one.title == "Interactions")
    found = pd.read_csv(tmp_path / files.INTERACTIONS, sep="\t")
    assert f"30C {len(found)}" in section.paragraphs[0]
    assert ":".join(found.loc[0, [f"locus_{k}" for k in (1, 2, 3, 4)]]) in str(section.tables[0])
