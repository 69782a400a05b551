"""What a configuration makes, and what it cannot make."""

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import SMALL
from sklearn.metrics import r2_score
from small_runs import small_run

from gpattention.config import check_config, compose_config
from gpattention.data.splits import split_individuals
from gpattention.errors import InputError
from gpattention.run_folder import loading
from gpattention.runs.build import build_data
from gpattention.runs.run import run


def test_several_environments_in_one_joint_map(tmp_path):
    metrics = small_run(tmp_path, "model=transformer", "model.environment=joint", "data.temperatures=[25,30,35]")
    each = [metrics[f"test/r2/{name}"] for name in ("25C", "30C", "35C")]
    assert metrics["test/r2"] == pytest.approx(np.mean(each))
    table = pd.read_csv(tmp_path / "predictions_test.tsv", sep="\t")
    for name, value in zip(("25C", "30C", "35C"), each, strict=True):
        part = table[table["environment"] == name]
        assert value == pytest.approx(r2_score(part["measured"], part["predicted"]), abs=1e-5)


@pytest.mark.parametrize(("rows", "part"), [("test", "test"), ("val", "val")])
def test_phenotype_constant_in_a_part_is_refused(rows, part, own_files, tmp_path):
    genotype_file, phenotype_file = own_files
    table = pd.read_csv(phenotype_file, index_col=0)
    split = split_individuals(tuple(table.index))
    table.iloc[getattr(split, rows), 0] = 1.0
    table.to_csv(phenotype_file)
    files = [f"data.genotype_file={genotype_file}", f"data.phenotype_file={phenotype_file}", "data.environments=[A]"]
    with pytest.raises(InputError, match=f"environment A has no two measured values that differ in the {part} part"):
        run(compose_config(["data=table", "model=linear", "trainer=cpu", *files]), tmp_path / "run")


def test_regressions_take_neither_clipping_nor_precision(tmp_path):
    assert (
        small_run(tmp_path, "model=linear", "trainer.gradient_clip_val=1", "trainer.precision=bf16-mixed")["test/r2"]
        > -1
    )


MODES = ["model.environment=joint", "model.environment=token", "model.environment=pooled"]


TEMPERATURES = ["data.temperatures=[23,27,31,35]", "data.n_interactions=2", "data.n_segregants=800"]


@pytest.mark.parametrize("missing", ["own", "target"])
@pytest.mark.parametrize(
    "model",
    [
        *(["model=transformer", mode] for mode in MODES),
        ["model=transformer", MODES[0], "model.environment_encoding=covariate"],
        ["model=transformer", MODES[1], "model.environment_encoding=covariate", "model.covariate_encoder=mlp"],
        ["model=multi_environment_attention", "model.environment_token=shared", "data.balance=resample"],
        ["model=kronecker", "model.genotype_kernel=gaussian", "model.refit=true"],
        ["model=pairwise", "model.environment=pooled"],
        ["model=pairwise_iterative"],
        ["model=kernel", "model.reml_individuals=200"],
        ["model=kernel", "model.genotype_kernel=exponential", "model.exact_up_to=10", "model.refit=true"],
        ["model=linear"],
    ],
    ids=lambda model: " ".join(part.partition("=")[2] for part in model),
)
def test_every_way_of_taking_environments_runs_predicts_and_loads(model, missing, tmp_path):
    """Predictions of the finished run, loaded from its folder, are those of its test."""
    target = ["data.target_environment=27C", "data.target_values=30", "data.target_scaling=shrinkage"]
    options = [*TEMPERATURES, "data.epsilon=1", *(target if missing == "target" else [])]
    metrics = small_run(tmp_path, *model, *options, "training.learning_rate=5e-3")
    test = pd.read_csv(tmp_path / "predictions_test.tsv", sep="\t").pivot(index="id", columns="environment")
    assert test["predicted"].shape == (120, 4)
    finished = loading.load_run(tmp_path)
    truth = np.load(tmp_path / "splits.npz")
    cfg = compose_config([*SMALL, *model, *options])
    config = check_config(cfg)
    data = build_data(config)
    rows = torch.from_numpy(data.data.genotype[truth["test"]]).float()
    with torch.inference_mode():
        again = finished.preprocessing.scaling.restore(finished.module(rows).numpy())
    order = [f"segregant_{row}" for row in truth["test"]]
    given = test["predicted"].loc[order, list(data.data.environment_names)].to_numpy()
    np.testing.assert_allclose(again, given, rtol=1e-6, atol=1e-8)
    assert metrics["train/passes"] > 0
    assert ("n_train_target" in metrics) == (missing == "target")


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model=transformer"], "data have 4 environments and model.environment=none maps one"),
        (["model=transformer", MODES[1], "data.batch_size=100000"], "a balanced batch takes"),
        (
            ["model=transformer", MODES[1], "model.environment_token=shared", "model.embedding_dim=3"],
            "raise model.embedding",
        ),
        (["model=transformer", MODES[0], "trainer.devices=3", "data.batch_size=2"], "3 processes share batches of 2"),
        (["model=linear", "data.target_environment=99C", "data.target_values=3"], "99C is no environment of the data"),
        (["model=linear", "data.target_environment=27C", "data.target_values=9999"], "target_values=9999"),
        (["model=linear", "data.temperatures=[23,23,30]"], "environment 23C occurs more than once"),
        (["model=linear", "monitor=val/r2_target"], "monitor=val/r2_target"),
        (
            ["model=linear", "data.target_environment=27C", "data.target_values=9", "monitor=val/r2/27C"],
            "monitor=val/r2/27C",
        ),
        (
            ["model=transformer", MODES[2], "model.environment_encoding=covariate"],
            "environment=pooled takes no model.env",
        ),
        (
            ["model=transformer", MODES[0], "model.environment_encoding=covariate", "data.environments=[27C]"],
            "covariate temperature is the same in all environments",
        ),
    ],
)
def test_what_environments_cannot_give_is_refused_before_the_folder_is_made(overrides, words, tmp_path):
    with pytest.raises(InputError, match=words):
        small_run(tmp_path / "run", *TEMPERATURES, *overrides)
    assert not (tmp_path / "run").exists()


def test_covariates_are_asked_for_where_a_table_has_none(own_files, tmp_path):
    genotype_file, phenotype_file = own_files
    files = [
        "data=table",
        f"data.genotype_file={genotype_file}",
        f"data.phenotype_file={phenotype_file}",
        "trainer=cpu",
    ]
    model = ["model=transformer", MODES[0], "model.environment_encoding=covariate"]
    with pytest.raises(InputError, match="needs numbers that describe each environment: give data.environment_file"):
        run(compose_config([*files, *model]), tmp_path / "run")
