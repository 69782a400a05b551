import pandas as pd
import pytest
from conftest import SMALL

from gpattention.config import check_config, compose_config
from gpattention.errors import InputError
from gpattention.regressions.ladder import Ladder
from gpattention.runs.build import build_data
from gpattention.runs.evaluate import fit_and_test
from gpattention.runs.run import run
from gpattention.runs.rungs import MOST_OF_GAUSSIAN, fit_rung, rung_config


@pytest.fixture(scope="module")
def of_one():
    config = check_config(compose_config([*SMALL, "model=auto", "data.batch_size=48"]))
    return config, build_data(config)


def test_a_rung_brings_its_map_and_how_it_is_trained_and_keeps_the_rest(of_one):
    config, data = of_one
    rung = rung_config(config, "latent", ["model=latent", "model.n_starts=1"], data, 90_061.5)
    assert rung["model"]["_target_"].endswith("LatentTraits") and rung["model"]["n_starts"] == 1
    assert rung["training"]["learning_rate"] == 1e-2 and config["training"]["learning_rate"] != 1e-2
    assert rung["data"] == config["data"] and rung["seed"] == config["seed"]
    assert rung["trainer"] == config["trainer"] | {"max_time": "01:01:01:01"}
    assert (rung["resume"], rung["overwrite"]) == ("never", True)
    assert check_config(compose_config(["model=latent"])).keys() == rung.keys()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["model=auto"], "a rung is one map"),
        (["model=kronecker"], "it is the linear map"),
        (["model=nothing"], "nothing"),
    ],
)
def test_refusals(options, reason, of_one):
    with pytest.raises(InputError, match=reason):
        rung_config(*of_one[:1], "x", options, of_one[1], 10)


def test_a_gaussian_kernel_is_for_few(of_one, monkeypatch):
    config, data = of_one
    options = ["model=kronecker", "model.genotype_kernel=gaussian"]
    assert rung_config(config, "gaussian", options, data, 10)["model"]["genotype_kernel"] == "gaussian"
    monkeypatch.setattr("gpattention.runs.rungs.MOST_OF_GAUSSIAN", 100)
    assert MOST_OF_GAUSSIAN == 5000
    with pytest.raises(InputError, match="up to 100 training individuals"):
        rung_config(config, "gaussian", options, data, 10)


def test_what_was_fitted_before_an_interruption_is_taken(of_one, tmp_path):
    config, data = of_one
    begun = []

    def noted(cfg, folder):
        begun.append(folder)
        return run(cfg, folder)

    for _ in range(2):
        fit_rung(noted, config, tmp_path, data, "linear", ["model=linear"], 60)
    assert begun == [tmp_path / "rungs" / "linear"]


def fit_rungs_alone(folder, datamodule, module, trainer):
    if isinstance(module, Ladder):
        raise KeyboardInterrupt
    return fit_and_test(folder, datamodule, module, trainer)


def test_a_misspelt_rung_is_refused_before_any_is_fitted(tmp_path):
    with pytest.raises(InputError, match="did you mean model.n_latents"):
        run(compose_config([*SMALL, "model=auto", "model.rungs.latent=['model=latent','model.n_latent=3']"]), tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_interrupted_run_goes_on_with_the_rungs_it_has(tmp_path, monkeypatch):
    names = ("sparse", "kronecker", "gaussian", "interactions", "latent", "boosted", "transformer")
    left_out = [f"model.rungs.{name}=null" for name in names]
    words = [*SMALL, "model=auto", *left_out, "+model.rungs.pairwise=['model=pairwise']"]
    with monkeypatch.context() as patch:
        patch.setattr("gpattention.runs.run.fit_and_test", fit_rungs_alone)
        with pytest.raises(KeyboardInterrupt):
            run(compose_config(words), tmp_path)
    first = (tmp_path / "rungs" / "linear" / "best.ckpt").stat().st_mtime_ns
    (tmp_path / "rungs" / "pairwise" / "metrics.json").unlink()  # as if this one had been cut off, with more time left
    metrics = run(compose_config([*words, "resume=auto"]), tmp_path)
    assert pd.read_csv(tmp_path / "ladder.tsv", sep="\t")["map"].tolist() == ["linear", "pairwise"]
    assert (tmp_path / "rungs" / "linear" / "best.ckpt").stat().st_mtime_ns == first
    assert metrics["test/r2"] > 0.5
