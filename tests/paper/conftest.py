from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny_sweeps import make_sweep

TEMPERATURES = "data.temperatures=[25,30,35]"
NETWORK = ["model=attention", "model.embedding_dim=3", "model.init_std=0.3"]


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
