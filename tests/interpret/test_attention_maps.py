import numpy as np
import pytest
import torch
from conftest import SMALL

from gpattention.config import compose_config
from gpattention.errors import InputError
from gpattention.interpret import attention_maps
from gpattention.interpret.fitted_map import open_map
from gpattention.runs.run import run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attention_maps")
    more = ["data.temperatures=[25,30,35]", "model.init_std=0.5"]
    run(compose_config([*SMALL, *more, "model=multi_environment_attention", "model.n_layers=2"]), folder / "token")
    run(
        compose_config([*SMALL, *more[1:], "model=transformer", "model.n_heads=4", "model.n_layers=2"]),
        folder / "heads",
    )
    run(compose_config([*SMALL, "model=attention_bounded"]), folder / "bounded")
    return folder


def softmax(scores):
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def test_maps_of_locus_and_environment_tokens_against_numpy(folder, monkeypatch):
    """One individual and environment at a time, tokens built as the paper says."""
    monkeypatch.setattr(attention_maps, "BLOCK_VALUES", 7 * 49)  # seven individuals at once
    fitted = open_map(folder / "token", n_backgrounds=20)
    reading = attention_maps.read(fitted)
    maps = reading.arrays["attention_maps"]
    weights = {
        name: value.detach().numpy().astype(float) for name, value in fitted.run.module.network.named_parameters()
    }
    d = weights["embedding"].shape[1]
    expected = np.zeros((3, 2, 7, 7))
    for genotype in fitted.genotype:
        for environment in range(3):
            token = np.hstack([genotype[:, None] * weights["embedding"], np.zeros((6, 3)), np.ones((6, 1))])
            last = np.concatenate([np.zeros(d), np.eye(3)[environment], [1]])
            token = np.vstack([token, last])
            for layer in range(2):
                query, key, value = np.split(token @ weights[f"query_key_value.{layer}"], 3, axis=1)
                attended = softmax(query @ key.T)
                expected[environment, layer] += attended / 20
                token = attended @ value
    np.testing.assert_allclose(maps["locus_locus"][:, 0], expected[:, :, :6, :6].mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(maps["environment_locus"][:, 0], expected[:, :, 6, :6].transpose(1, 0, 2), rtol=1e-4)
    np.testing.assert_allclose(maps["locus_environment"][:, 0], expected[:, :, :6, 6].transpose(1, 2, 0), rtol=1e-4)
    for environment in range(3):
        own = maps["environment_environment"][:, 0, environment]
        np.testing.assert_allclose(own[:, environment], expected[environment, :, 6, 6], rtol=1e-4)
        assert np.isnan(np.delete(own, environment, axis=1)).all()
    assert len([axes for axes in reading.figures["attention"].axes if axes.images]) == 8
    table = reading.tables["attention"]
    assert len(table) == 12
    square = maps["locus_locus"][1, 0]
    last = table[table["layer"] == 2]
    np.testing.assert_allclose(last["received"], (square.sum(axis=0) - square.diagonal()) / 5)
    np.testing.assert_allclose(last["from_environments"], maps["environment_locus"][1, 0].mean(axis=0))


def test_every_head_has_a_map_whose_rows_add_up_to_1(folder):
    maps = attention_maps.read(open_map(folder / "heads")).arrays["attention_maps"]
    assert set(maps) == {"locus_locus"}
    assert maps["locus_locus"].shape == (2, 4, 6, 6)
    np.testing.assert_allclose(maps["locus_locus"].sum(axis=-1), 1, rtol=1e-6)
    assert np.ptp(maps["locus_locus"], axis=1).max() > 0.01


def test_watching_changes_nothing_and_ends(folder):
    network = open_map(folder / "heads").run.module.network
    genotype = torch.ones(3, 6)
    before = network(genotype)
    with attention_maps.watched(network) as seen:
        torch.testing.assert_close(network(genotype), before)
        assert len(seen) == 2
    network(genotype)
    assert len(seen) == 2


def test_maps_without_softmax_attention_are_refused(folder):
    with pytest.raises(InputError, match="has no softmax attention; it is there with model=attention"):
        attention_maps.read(open_map(folder / "bounded"))
