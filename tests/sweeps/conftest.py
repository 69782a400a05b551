import pytest
from conftest import SMALL

from gpattention.sweeps import sweep


@pytest.fixture(scope="session")
def quickstart(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quickstart")
    results, failed = sweep.run_sweep("quickstart", SMALL, folder)
    assert not failed
    return folder, results


@pytest.fixture
def no_runs(monkeypatch):
    monkeypatch.setattr(sweep, "make", lambda *_: pytest.fail("a run was started"))
