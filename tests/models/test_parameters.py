import pytest

from gpattention.config import compose_config
from gpattention.errors import InputError
from gpattention.models.parameters import count_parameters, show_parameters
from gpattention.runs.run import run


def table(*sizes):
    return count_parameters(*sizes).set_index("map")


def test_numbers_of_the_paper_and_the_true_ones():
    counts = table(1000, 12, 3, 18)
    assert counts.loc["attention", ["by the paper", "parameters"]].tolist() == [25_297, 26_522]
    assert counts.loc["pairwise", ["by the paper", "parameters"]].tolist() == [500_501, 500_501]
    yeast = table(1164, 12, 3, 18)["parameters"]
    assert yeast[["attention", "multi_environment_attention"]].tolist() == [30_622, 58_733]


@pytest.mark.parametrize(("n_loci", "d", "n_layers", "n_environments"), [(7, 3, 1, 2), (20, 5, 4, 3)])
def test_multi_environment_attention_by_hand(n_loci, d, n_layers, n_environments):
    width = d + n_environments + 1
    by_hand = n_loci * d + 3 * n_layers * width**2 + (n_loci + 1) * width + 1
    assert table(n_loci, d, n_layers, n_environments)["parameters"]["multi_environment_attention"] == by_hand


@pytest.mark.parametrize("model", ["linear", "pairwise", "transformer"])
def test_runs_count_the_same(model, tmp_path):
    size = ["model.embedding_dim=5", "model.n_layers=3"] if model == "transformer" else []
    small = ["trainer=cpu", "trainer.max_epochs=1", "data.n_segregants=200", "data.n_loci=6", *size]
    metrics = run(compose_config([f"model={model}", *small]), tmp_path)
    assert metrics["n_parameters"] == table(6, 5, 3, 2)["parameters"][model]


def test_on_the_terminal(capsys):
    show_parameters(n_loci=1000, embedding_dim=12, n_layers=3, n_environments=18)
    shown = capsys.readouterr().out
    assert "25,297" in shown
    assert "26,522" in shown
    assert "nan" not in shown.lower()
    assert "<NA>" not in shown


def test_sizes_from_1_on():
    with pytest.raises(InputError, match="n_layers=0: give a whole number from 1 on"):
        count_parameters(10, 3, 0, 1)
