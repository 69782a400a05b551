import shlex

import pytest
from conftest import SMALL

from gpattention.config import check_config, compose_config
from gpattention.report.command import literal, train_command, values_of


@pytest.mark.parametrize(
    "options",
    [
        ["model=pairwise"],
        ["model=attention", "profile=paper", "training.learning_rate=1e-3", "data.temperatures=[25,30]"],
        ["model=transformer", "profile=notebook", "model.environment=joint", "seed=7"],
        ["data=table", "data.genotype_file='a b.tsv'", "data.phenotype_file=p.csv", "data.environments=['30C',A]"],
        ["data=prepared", "data.folder=../a/set", "model=kernel", "data.max_correlation=0.94"],
    ],
)
def test_command_gives_the_configuration_again(options):
    config = check_config(compose_config([*SMALL[:1], *options]))
    words = shlex.split(train_command(config))
    assert words[:2] == ["python", "train.py"]
    assert values_of(check_config(compose_config(words[2:]))) == values_of(config)
    assert len(words) <= len(options) + 2 + 4


def test_no_command_where_keys_cannot_say_it():
    config = check_config(compose_config(SMALL))
    config["callbacks"] = {"mine": {"_target_": "lightning.pytorch.callbacks.Timer"}}
    assert train_command(config) is None


@pytest.mark.parametrize(
    "value",
    ["it's", "a b", "30C", "1e-3", "a,b", "x=y", "[a]", "${x}", "é", "", "\\", "a\\'b", 0.1, 3, None, True, ["a", 1.5]],
)
def test_values_are_read_back(value):
    from hydra.core.override_parser.overrides_parser import OverridesParser

    assert OverridesParser.create().parse_override(f"key={literal(value)}").value() == value
