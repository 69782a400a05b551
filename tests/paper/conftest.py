from pathlib import Path
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from gpattention import artifacts
from gpattention.identity import RESULTS_FORMAT
from gpattention.planning import plan
from gpattention.run import run
from gpattention.sweep import collect

TINY = ["data=simulated", "data.n_segregants=300", "data.n_loci=6", "trainer=cpu", "trainer.max_epochs=1"]
TEMPERATURES = "data.temperatures=[25,30,35]"
NETWORK = ["model=attention", "model.embedding_dim=3", "model.init_std=0.3"]


def make_sweep(folder, blocks, common=()):
    """A sweep's folder, its runs made in this process."""
    folder.mkdir()
    planned = plan("tiny", {label: [*TINY, *common, *block] for label, block in blocks.items()}, folder)
    for one in planned:
        run(OmegaConf.create(one.config), one.folder)
    collect(planned).to_csv(folder / "results.csv", index=False)
    manifest = {"results_format": RESULTS_FORMAT, "sweep": "tiny", "title": "Tiny", "scale": None, "overrides": []}
    artifacts.write_json(folder / "sweep.json", manifest)
    return folder


@pytest.fixture(scope="package")
def sweeps(tmp_path_factory):
    """Tiny sweeps over epsilon, over segregants, over environments, and of transfer."""
    folder: Path = tmp_path_factory.mktemp("sweeps")
    several = {
        "linear": ["model=linear", TEMPERATURES],
        "attention": [*NETWORK, TEMPERATURES, "data.environments=[25C],[30C],[35C]"],
        "multi": ["model=multi_environment_attention", "model.embedding_dim=3", TEMPERATURES],
    }
    target = ["data.target_environment=25C", "data.target_values=60,100"]
    return SimpleNamespace(
        epsilon=make_sweep(
            folder / "epsilon",
            {"linear": ["model=linear"], "pairwise": ["model=pairwise"], "attention": NETWORK},
            ["data.epsilon=0.3,1"],
        ),
        size=make_sweep(
            folder / "size", {"linear": ["model=linear"]}, ["data.epsilon=0.3", "data.n_segregants=300,600"]
        ),
        environments=make_sweep(folder / "environments", several),
        transfer=make_sweep(folder / "transfer", {"linear": ["model=linear", TEMPERATURES, *target]}),
    )
