import pytest

from gpattention.hydra_targets import options
from gpattention.output import help as of_commands


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("# One sentence. Another.\na: 1\n", "One sentence"),
        (
            "# Growth (Bloom et al. 2013), Fig. A2, Eq. 14 and\n# more: 0.5 of it. And so on\n",
            "Growth (Bloom et al. 2013), Fig. A2, Eq. 14 and more: 0.5 of it",
        ),
        ("# @package _global_\n# An experiment\ndefaults: []\n# not this\n", "An experiment"),
        ("# A fit. 3,000 epochs\n", "A fit"),
    ],
)
def test_the_first_sentence_of_a_file_is_what_it_is(text, first, tmp_path):
    (tmp_path / "a.yaml").write_text(text)
    assert of_commands.first_sentence(tmp_path / "a.yaml") == first


def test_every_option_says_what_it_is_and_the_default_is_marked():
    text = of_commands.command_help("config")
    lines = [line.split() for line in text.splitlines()]
    for option in options("model"):
        assert any(line[:1] == [option] and len(line) > 3 for line in lines), option
    assert text.count("(default)") == 6
    assert "$" not in text


def test_keys_of_a_command_are_shown_where_its_help_asks_for_them():
    text = of_commands.command_help("prepare")
    assert "min_allele_frequency: null" in text


def test_sweeps_are_listed():
    assert "fig2c " in of_commands.list_sweeps()
