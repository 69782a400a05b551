import re
import shutil
from html.parser import HTMLParser

import pandas as pd
import pytest
from conftest import SMALL
from tiny_sweeps import make_sweep
from written_runs import write_run

from gpattention.config import compose_config
from gpattention.errors import InputError
from gpattention.report.report import report


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """A run of a network in two environments."""
    folder = tmp_path_factory.mktemp("run") / "net"
    options = ["model=transformer", "model.environment=joint", "data.temperatures=[25,30]"]
    write_run(compose_config([*SMALL, *options]), folder, [*SMALL, *options])
    return folder


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A sweep of two regressions over two splits."""
    blocks = {"linear": ["model=linear"], "pairwise": ["model=pairwise"]}
    folder = tmp_path_factory.mktemp("sweep") / "out"
    return make_sweep(folder, blocks, ["data.split_seed=0,1"], "Two <maps> & their difference")


class Reader(HTMLParser):
    """Tables as lists of rows, headings, sources of images, all addresses, and whether tags are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.headings, self.sources, self.links, self.open, self.text = [], [], [], [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
        elif tag == "img":
            assert attrs["alt"]
            self.sources.append(attrs["src"])
        self.links += [attrs[name] for name in ("href", "src", "action") if name in attrs]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data
        elif self.open and self.open[-1] == "h2":
            self.headings.append(data)


def read(path):
    text = path.read_text()
    page = Reader(text)
    assert page.open == []
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in page.links)  # nothing from elsewhere
    assert not re.search(r"url\(|@import|<script|<link", text)
    for link in page.links:
        if link.startswith("#"):
            assert f'id="{link[1:]}"' in text
    return page


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


def test_refusals(networks, tmp_path):
    with pytest.raises(InputError, match="give the folder of a run or that of a sweep"):
        report()
    with pytest.raises(InputError, match="nowhere is not a folder"):
        report(run="nowhere")
    with pytest.raises(InputError, match="nowhere is not a folder"):
        report(sweep="nowhere")
    (tmp_path / "mine.html").write_text("mine")
    with pytest.raises(InputError, match="mine.html is there already"):
        report(run=str(networks), output_file=str(tmp_path / "mine.html"))
    with pytest.raises(InputError, match="holds no finished sweep: it has no sweep.json, results.csv"):
        report(sweep=str(networks))
