import numpy as np
import pytest
import torch

from gpattention.data.mapped import MappedRows, stays_in_file, take_columns
from gpattention.errors import InputError


@pytest.fixture
def genotype(tmp_path):
    np.save(tmp_path / "g.npy", np.random.default_rng(0).integers(-1, 2, (500, 40)).astype(np.int8))
    return np.load(tmp_path / "g.npy", mmap_mode="r")


@pytest.mark.parametrize("in_file", [False, True])
def test_columns_are_copied(genotype, in_file, monkeypatch):
    monkeypatch.setattr("gpattention.data.mapped.BYTES_AT_ONCE", 40 * 7)
    index = np.array([3, 5, 39])
    chosen = take_columns(genotype, index, in_file)
    assert isinstance(chosen, np.memmap) == in_file
    np.testing.assert_array_equal(chosen, np.array(genotype)[:, index])


def test_rows_are_read_as_a_tensor_would_give_them(genotype):
    rows = np.array([7, 2, 400, 3])
    mapped = MappedRows(genotype, rows, torch.device("cpu"))
    tensor = torch.from_numpy(np.array(genotype)[rows])
    for index in (torch.tensor([3, 0, 0]), slice(1, 3), slice(None)):
        assert torch.equal(mapped[index], tensor[index])
    assert len(mapped) == 4


def test_place_follows_the_memory_that_is_free(genotype, monkeypatch):
    assert stays_in_file(genotype, 40, "file")
    assert not stays_in_file(genotype, 40, "memory")
    assert not stays_in_file(genotype, 40, "auto")
    monkeypatch.setattr("gpattention.data.mapped.SHARE_OF_MEMORY", 1e-9)
    assert stays_in_file(genotype, 40, "auto")
    assert not stays_in_file(np.array(genotype), 40, "auto")
    with pytest.raises(InputError, match="goes with data=prepared"):
        stays_in_file(np.array(genotype), 40, "file")
