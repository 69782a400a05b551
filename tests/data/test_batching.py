"""Order and size of batches, and the gather itself."""

import functools
import operator

import lightning as L
import numpy as np
import pytest
import torch

from gpattention.data.batching import Balanced, Batch, GatherLoader, InOrder, Shuffled
from gpattention.errors import InputError


def epoch_of(sampler, epoch: int = 0) -> list[list[int]]:
    if isinstance(sampler, Shuffled | Balanced):
        sampler.set_epoch(epoch)
    return [rows.tolist() for rows in sampler]


def small_data(n: int = 10) -> Batch:
    rows = torch.arange(n)
    return Batch(
        torch.stack([rows, -rows], dim=1).to(torch.int8), rows[:, None].float() * 10, (rows[:, None] % 2).float()
    )


@pytest.mark.parametrize(("n_rows", "batch_size"), [(10, 3), (9, 3), (2, 5), (1, 1)])
def test_in_order_gives_every_row_once(n_rows, batch_size):
    sampler = InOrder(n_rows, batch_size)
    batches = epoch_of(sampler)
    assert functools.reduce(operator.iadd, batches, []) == list(range(n_rows))
    assert len(batches) == len(sampler)
    assert all(len(rows) == batch_size for rows in batches[:-1])


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "drop_last", "sizes"),
    [
        (10, 3, False, [3, 3, 3, 1]),
        (10, 3, True, [3, 3, 3]),
        (9, 3, False, [3, 3, 3]),
        (9, 3, True, [3, 3, 3]),
        (2, 5, False, [2]),
        (2, 5, True, [2]),
        (5, 5, True, [5]),
    ],
)
def test_shuffled_gives_every_row_at_most_once(n_rows, batch_size, drop_last, sizes):
    sampler = Shuffled(n_rows, batch_size, seed=0, drop_last=drop_last)
    batches = epoch_of(sampler)
    rows = functools.reduce(operator.iadd, batches, [])
    assert [len(batch) for batch in batches] == sizes
    assert len(sampler) == len(sizes)
    assert len(set(rows)) == len(rows)
    assert set(rows) <= set(range(n_rows))


def test_epochs_and_seeds_differ_and_repeat():
    orders = {
        (seed, epoch): tuple(map(tuple, epoch_of(Shuffled(100, 7, seed, False), epoch)))
        for seed in range(3)
        for epoch in range(3)
    }
    assert len(set(orders.values())) == 9
    again = Shuffled(100, 7, 1, False)
    assert tuple(map(tuple, epoch_of(again, 2))) == orders[1, 2]
    assert tuple(map(tuple, epoch_of(again, 0))) == orders[1, 0]


def test_rows_left_over_change_from_epoch_to_epoch():
    sampler = Shuffled(10, 4, 0, True)
    used = [frozenset(functools.reduce(operator.iadd, epoch_of(sampler, epoch), [])) for epoch in range(20)]
    assert len(set(used)) > 1
    assert frozenset.union(*used) == set(range(10))


def test_every_row_is_equally_likely_in_the_first_batch():
    sampler = Shuffled(20, 5, 0, False)
    counts = np.bincount(np.concatenate([epoch_of(sampler, epoch)[0] for epoch in range(800)]), minlength=20)
    assert (np.abs(counts - 200) < 4 * np.sqrt(800 * 0.25 * 0.75)).all()


def test_order_neither_uses_nor_moves_the_global_generator():
    sampler = Shuffled(50, 8, 3, False)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    order = epoch_of(sampler)
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(2)
    assert epoch_of(sampler) == order


def test_loader_gathers_matching_rows_as_floats():
    data = small_data()
    loader = GatherLoader(data, Shuffled(10, 4, 0, False))
    expected = epoch_of(Shuffled(10, 4, 0, False))
    assert len(loader) == 3
    for batch, rows in zip(loader, expected, strict=True):
        assert batch.genotype.dtype == batch.phenotype.dtype == batch.weight.dtype == torch.float32
        assert batch.genotype.tolist() == [[row, -row] for row in rows]
        assert batch.phenotype.tolist() == [[10 * row] for row in rows]
        assert batch.weight.tolist() == [[row % 2] for row in rows]


class Recorder(L.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.epochs: list[list[float]] = []

    def on_train_epoch_start(self) -> None:
        self.epochs.append([])

    def training_step(self, batch: Batch, batch_index: int) -> torch.Tensor:
        self.epochs[-1] += batch.phenotype[:, 0].tolist()
        return (self.weight * batch.phenotype).mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def test_trainer_reshuffles_each_epoch(tmp_path):
    recorder = Recorder()
    trainer = L.Trainer(
        max_epochs=3,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    trainer.fit(recorder, GatherLoader(small_data(30), Shuffled(30, 4, 0, False)))
    assert [sorted(order) for order in recorder.epochs] == [[10.0 * row for row in range(30)]] * 3
    assert len({tuple(order) for order in recorder.epochs}) == 3


def some_measured(n, shares, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).random((n, len(shares))) < shares)


@pytest.mark.parametrize(("n", "n_each", "n_environments"), [(100, 3, 4), (24, 2, 4), (25, 5, 5), (7, 2, 3)])
def test_balanced_serves_nobody_twice_an_epoch(n, n_each, n_environments):
    sampler = Balanced(some_measured(n, [0.5] * n_environments), n_each, seed=0)
    batches = epoch_of(sampler)
    size = n_each * n_environments
    assert len(sampler) == len(batches) == n // size
    assert all(len(rows) == size for rows in batches)
    assert sampler.environment.tolist() == [e for e in range(n_environments) for _ in range(n_each)]
    rows = functools.reduce(operator.iadd, batches, [])
    assert len(set(rows)) == len(rows)


def test_balanced_leftovers_are_drawn_anew_and_everybody_serves_everywhere():
    sampler = Balanced(some_measured(11, [1, 1, 1]), 1, seed=0)
    epochs = [epoch_of(sampler, epoch) for epoch in range(200)]
    left_over = [frozenset(range(11)) - {row for rows in epoch for row in rows} for epoch in epochs]
    assert all(len(rows) == 2 for rows in left_over)
    assert frozenset.union(*left_over) == set(range(11))
    for environment in range(3):
        assert {rows[environment] for epoch in epochs for rows in epoch} == set(range(11))


@pytest.mark.parametrize("balance", ["skip_missing", "resample"])
def test_balanced_epochs_and_seeds_differ_and_repeat(balance):
    measured = some_measured(60, [0.9, 0.3, 0.1])
    orders = {
        (seed, epoch): tuple(map(tuple, epoch_of(Balanced(measured, 2, seed, balance), epoch)))
        for seed in range(3)
        for epoch in range(3)
    }
    assert len(set(orders.values())) == 9
    assert tuple(map(tuple, epoch_of(Balanced(measured, 2, 1, balance), 2))) == orders[1, 2]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("shares", [[1.0, 0.8, 0.05, 0.5], [0.1, 0.1, 0.1, 0.1]])
def test_resampled_batches_hold_measured_individuals_once(seed, shares):
    measured = some_measured(300, shares, seed)
    sampler = Balanced(measured, 3, seed, "resample")
    skipping = Balanced(measured, 3, seed)
    for rows, before in zip(epoch_of(sampler, seed), epoch_of(skipping, seed), strict=True):
        assert len(set(rows)) == len(rows)
        assert measured[rows, sampler.environment].all()
        kept = measured[before, sampler.environment]
        assert torch.equal(torch.tensor(rows)[kept], torch.tensor(before)[kept])


@pytest.mark.parametrize("n_measured", [0, 1, 2, 3])
def test_resampling_gives_way_where_too_few_are_measured(n_measured):
    """Three places a batch and fewer values than that: nobody twice, and the values there are get used."""
    measured = torch.ones(40, 2, dtype=torch.bool)
    measured[n_measured:, 1] = False
    used = set()
    sampler = Balanced(measured, 3, 0, "resample")
    for epoch in range(20):
        for rows in epoch_of(sampler, epoch):
            assert len(set(rows)) == 6
            used |= {row for row in rows[3:] if measured[row, 1]}
    assert used == set(range(n_measured))


def test_every_measured_individual_is_resampled_alike():
    measured = torch.ones(60, 2, dtype=torch.bool)
    measured[10:, 1] = False
    sampler = Balanced(measured, 1, 0, "resample")
    rows = np.concatenate([np.array(epoch_of(sampler, epoch))[:, 1] for epoch in range(200)])
    counts = np.bincount(rows, minlength=60)
    assert not counts[10:].any()
    expected = len(rows) / 10
    assert (abs(counts[:10] - expected) < 5 * np.sqrt(expected)).all()


@pytest.mark.parametrize("n_each", [0, 5])
def test_batch_larger_than_the_training_part_is_refused(n_each):
    with pytest.raises(InputError, match=f"{n_each} individuals for each of 4 environments .* has 19: lower"):
        Balanced(some_measured(19, [1.0] * 4), n_each, seed=0)


def test_loader_gives_one_value_for_each_row_that_serves():
    phenotype = torch.arange(20.0).reshape(10, 2)
    data = Batch(torch.zeros(10, 3, dtype=torch.int8), phenotype, (phenotype > 6).float())
    sampler = Balanced(torch.ones(10, 2, dtype=torch.bool), 2, seed=0)
    for batch, rows in zip(GatherLoader(data, sampler, sampler.environment), epoch_of(sampler), strict=True):
        assert batch.environment.tolist() == [0, 0, 1, 1]
        assert batch.phenotype.tolist() == [2 * row + e for row, e in zip(rows, [0, 0, 1, 1], strict=True)]
        assert batch.weight.tolist() == [float(value > 6) for value in batch.phenotype.tolist()]
