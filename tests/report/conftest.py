import pytest
from conftest import SMALL
from tiny_sweeps import make_sweep
from written_runs import write_run

from gpattention.config import compose_config


@pytest.fixture(scope="session")
def networks(tmp_path_factory):
    """A run of a network in two environments."""
    folder = tmp_path_factory.mktemp("run") / "net"
    options = ["model=transformer", "model.environment=joint", "data.temperatures=[25,30]"]
    write_run(compose_config([*SMALL, *options]), folder, [*SMALL, *options])
    return folder


@pytest.fixture(scope="session")
def swept(tmp_path_factory):
    """A sweep of two regressions over two splits."""
    blocks = {"linear": ["model=linear"], "pairwise": ["model=pairwise"]}
    folder = tmp_path_factory.mktemp("sweep") / "out"
    return make_sweep(folder, blocks, ["data.split_seed=0,1"], "Two <maps> & their difference")
