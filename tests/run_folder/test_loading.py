"""A run is loaded from its folder alone; what is missing or damaged is named."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import SMALL
from small_runs import small_run

from gpattention.config import check_config, compose_config
from gpattention.errors import InputError
from gpattention.run_folder import loading
from gpattention.runs.build import build_data


def test_load_run_needs_only_the_folder(finished, tmp_path):
    folder, _metrics = finished
    loaded = loading.load_run(folder)
    table = pd.read_csv(folder / "predictions_test.tsv", sep="\t")
    config = compose_config([*SMALL, "model=attention"])
    data = build_data(check_config(config))
    with torch.inference_mode():
        prediction = loaded.module(torch.from_numpy(data.data.genotype[data.split.test]).float())
    restored = loaded.preprocessing.scaling.restore(prediction.numpy())[:, 0]
    np.testing.assert_allclose(restored, table["predicted"], rtol=1e-6)


@pytest.mark.parametrize("name", ["metrics.json", "best.ckpt"])
def test_load_run_names_what_is_missing(name, tmp_path):
    small_run(tmp_path, "model=linear")
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=name):
        loading.load_run(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("best.ckpt", b""),
        ("best.ckpt", b"PK\x03\x04 cut off"),
        ("preprocessing.json", b"{}"),
        ("preprocessing.json", b"[1"),
        ("config.yaml", b""),
        ("config.yaml", b"a: [b"),
    ],
)
def test_damaged_run_is_named(name, content, finished, tmp_path):
    folder, _ = finished
    shutil.copytree(folder, tmp_path / "run")
    (tmp_path / "run" / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"{name} is not what the run wrote .*overwrite=true"):
        loading.load_run(tmp_path / "run")
    (tmp_path / "run" / "checksums.txt").unlink()
    with pytest.raises(InputError, match=r"run is damaged \(.*overwrite=true"):
        loading.load_run(tmp_path / "run")
