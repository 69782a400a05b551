import pandas as pd
import pytest
from conftest import SMALL

from gpattention.config import compose_config, plain_values
from gpattention.errors import InputError
from gpattention.interpret.read import READINGS, read
from gpattention.runs.run import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("read") / "run"
    run(compose_config([*SMALL, "model=attention"]), folder)
    return folder


def test_tables_and_figures_lie_in_the_run_folder_and_go_with_it(folder):
    made = read(run=str(folder), what=["effects"], n_backgrounds=20)
    assert made == folder / "reading"
    names = {path.name for path in made.iterdir()}
    assert {"effects.tsv", "effects.pdf", "effects.png", "effects_by_background.npz"} <= names
    assert not [name for name in names if name.endswith(".tmp")]
    assert len(pd.read_csv(made / "effects.tsv", sep="\t")) == 6
    assert (made / "effects.pdf").read_bytes().startswith(b"%PDF")
    run(compose_config([*SMALL, "model=linear", "overwrite=true"]), folder)
    assert not made.exists()


def test_unknown_readings_are_refused(folder):
    with pytest.raises(InputError, match="what=efects: did you mean .*effects"):
        read(run=str(folder), what=["efects"])
    with pytest.raises(InputError, match="what is empty: give one or more of effects"):
        read(run=str(folder), what=[])


def test_configuration_of_the_command_has_every_argument_and_its_help_every_reading():
    import inspect

    cfg = compose_config(["run=x"], "read")
    assert set(plain_values(cfg)) == set(inspect.signature(read).parameters)
    from gpattention.hydra_targets import conf_folder

    text = (conf_folder() / "read.yaml").read_text()
    assert all(f"\n                             {name} " in text for name in READINGS)
