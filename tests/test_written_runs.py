"""The run folders that tests write by hand are those of a run."""

import json

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL
from written_runs import write_run

from gpattention.config import compose_config
from gpattention.run_folder.loading import load_run
from gpattention.runs.run import run


@pytest.mark.parametrize(
    "overrides",
    [
        ["model=linear"],
        ["model=transformer", "model.environment=joint", "data.temperatures=[25,30]"],
        ["model=linear", "data.temperatures=[25,30,35]", "data.target_environment=25C", "data.target_values=60"],
    ],
)
def test_a_written_run_has_the_files_and_keys_of_a_real_one(overrides, tmp_path):
    real, written = tmp_path / "real", tmp_path / "written"
    run(compose_config([*SMALL, *overrides]), real, overrides=overrides)
    write_run(compose_config([*SMALL, *overrides]), written, overrides)
    assert {path.name for path in written.iterdir()} == {path.name for path in real.iterdir()}
    for name in ("metrics.json", "identity.json", "preprocessing.json"):
        one, other = (json.loads((folder / name).read_text()) for folder in (written, real))
        assert set(one) == set(other)
    assert (written / "config.yaml").read_text() == (real / "config.yaml").read_text()
    for name in ("predictions_test.tsv", "predictions_val.tsv"):
        one, other = (pd.read_csv(folder / name, sep="\t").drop(columns="predicted") for folder in (written, real))
        pd.testing.assert_frame_equal(one, other)
    one, other = (np.load(folder / "splits.npz") for folder in (written, real))
    assert all(np.array_equal(one[key], other[key]) for key in other)
    history = pd.read_csv(real / "metrics.csv")
    assert set(pd.read_csv(written / "metrics.csv")) == set(history) - {"learning_rate", "step"}
    assert load_run(written).module.state_dict().keys() == load_run(real).module.state_dict().keys()
