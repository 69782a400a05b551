"""The commands of the README and the docs, composed as they stand there."""

import re
import shlex

import pytest
from conftest import ROOT

from gpattention.config import check_config, compose_config
from gpattention.sweeps.sweep_file import expand, merge, read_sweep

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(page):
    blocks = re.findall(r"```bash\n(.*?)```", page.read_text(), flags=re.DOTALL)
    text = "\n".join(blocks).replace("\\\n", " ")
    return [shlex.split(line, comments=True) for line in text.splitlines() if line.strip()]


TRAIN = [(page.name, words) for page in PAGES for words in commands(page) if words[:2] == ["python", "train.py"]]


def first_of_sweep(override):
    """The first of several values, outside brackets."""
    return re.sub(r"^([^\[{]*=[^,\[{]*),.*$", r"\1", override)


@pytest.mark.parametrize(("page", "words"), TRAIN, ids=[" ".join(words[2:]) for _, words in TRAIN])
def test_training_commands_compose(page, words):
    overrides = [first_of_sweep(word) for word in words[2:] if not word.startswith(("-", "hydra."))]
    assert check_config(compose_config(overrides))


SWEEP = [(page.name, words) for page in PAGES for words in commands(page) if words[:2] == ["python", "sweep.py"]]
OF_SWEEPS = ("sweep=", "scale=", "workers=", "launcher=", "folder=", "n_trials=", "hydra.launcher.")


@pytest.mark.parametrize(("page", "words"), SWEEP, ids=[" ".join(words[2:]) for _, words in SWEEP])
def test_sweep_commands_can_be_planned(page, words):
    own = dict(word.split("=", 1) for word in words[2:] if word.startswith(OF_SWEEPS))
    if own["sweep"].endswith(".yaml"):
        return
    sweep = read_sweep(own["sweep"], own.get("scale"))
    blocks = merge(sweep, [word for word in words[2:] if not word.startswith(OF_SWEEPS)])
    for label, block in blocks.items():
        assert sweep.n_trials or expand(label, block)


def test_there_are_commands_to_test():
    assert len(TRAIN) > 8


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    for page in PAGES:
        for words in commands(page):
            if words[0] == "make":
                assert re.search(rf"^{words[1]}:", makefile, flags=re.MULTILINE), words
