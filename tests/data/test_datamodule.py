"""From training data to batches: nothing missing reaches a batch."""

import numpy as np
import pytest
import torch
from small_data import a_data_set as make_data
from small_data import data_module

from gpattention.data.splits import split_individuals
from gpattention.errors import InputError

NAN = float("nan")
N = 200
IDS = tuple(f"line{i}" for i in range(N))


def loaders(module):
    return {"train": module.train_dataloader(), "val": module.val_dataloader(), "test": module.test_dataloader()}


@pytest.mark.parametrize("part", ["train", "val", "test"])
@pytest.mark.parametrize("n_environments", [1, 3])
def test_batches_hold_every_individual_of_the_part_once(part, n_environments):
    distinct = np.random.default_rng(1).choice([-1, 1], (N, 60)).astype(np.int8)
    data = make_data(n_environments, share_missing=0.3, genotype=distinct, locus_names=None)
    module = data_module(data, batch_size=16)
    train = split_individuals(IDS).train
    mean, sd = np.nanmean(data.phenotype[train], axis=0), np.nanstd(data.phenotype[train], axis=0)
    row_of, seen = {genotype.tobytes(): row for row, genotype in enumerate(data.genotype)}, []
    for batch in loaders(module)[part]:
        for genotype, phenotype, weight in zip(*(x.numpy() for x in batch[:3]), strict=True):
            row = row_of[genotype.astype(np.int8).tobytes()]
            measured = ~np.isnan(data.phenotype[row])
            np.testing.assert_array_equal(weight, measured)
            expected = np.where(measured, (data.phenotype[row] - mean) / sd, 0)
            np.testing.assert_allclose(phenotype, expected, rtol=1e-5, atol=1e-6)
            seen.append(row)
    in_part = getattr(split_individuals(IDS), part)
    measured_rows = in_part[~np.isnan(data.phenotype[in_part]).all(axis=1)]
    assert sorted(seen) == measured_rows.tolist()
    if part != "train":
        assert seen == measured_rows.tolist()


@pytest.mark.parametrize("batching", ["shuffled", "one_pass"])
@pytest.mark.parametrize("n_environments", [1, 4])
def test_no_batch_holds_nan(batching, n_environments):
    module = data_module(make_data(n_environments, share_missing=0.4), batching=batching, batch_size=9)
    for loader in loaders(module).values():
        for batch in loader:
            assert all(torch.isfinite(tensor).all() for tensor in batch[:3])
            assert all(tensor.dtype == torch.float32 for tensor in batch[:3])
            assert batch.phenotype.shape == batch.weight.shape == (len(batch.genotype), n_environments)


def test_one_pass_keeps_the_order_and_shuffled_does_not():
    data = make_data()
    train = split_individuals(IDS).train
    one_pass = torch.cat([batch.genotype for batch in data_module(data, batching="one_pass").train_dataloader()])
    shuffled = torch.cat([batch.genotype for batch in data_module(data).train_dataloader()])
    np.testing.assert_array_equal(one_pass, data.genotype[train])
    assert not torch.equal(one_pass, shuffled)


@pytest.mark.parametrize(("drop_last", "n_batches", "n_rows"), [(False, 5, 144), (True, 4, 128)])
def test_batch_size_and_drop_last(drop_last, n_batches, n_rows):
    loader = data_module(make_data(), batch_size=32, drop_last=drop_last).train_dataloader()
    sizes = [len(batch.genotype) for batch in loader]
    assert len(loader) == len(sizes) == n_batches
    assert sum(sizes) == n_rows


def test_batch_seed_sets_the_order_and_nothing_else():
    def order(seed: int) -> torch.Tensor:
        return torch.cat([b.genotype for b in data_module(make_data(), batch_seed=seed).train_dataloader()])

    assert torch.equal(order(1), order(1))
    assert not torch.equal(order(1), order(2))
    assert sorted(order(1).tolist()) == sorted(order(2).tolist())


def test_evaluation_batches_cover_many_individuals():
    module = data_module(make_data(n=8000))
    assert len(module.training_data.split.test) == 1200
    sizes = [len(batch.genotype) for batch in module.test_dataloader()]
    assert len(sizes) > 1
    assert sum(sizes) == 1200


def test_probabilities_stay_probabilities():
    genotype = np.random.default_rng(1).uniform(-1, 1, (N, 12)).astype(np.float32)
    module = data_module(make_data(genotype=genotype, coding="probability"))
    batch = next(iter(module.val_dataloader()))
    np.testing.assert_array_equal(batch.genotype, genotype[split_individuals(IDS).val])


@pytest.mark.parametrize(("batch_size", "n_environments", "wanted"), [(64, 18, 4), (64, 7, 9), (64, 8, 8), (4, 9, 1)])
def test_balanced_batches_have_the_published_sizes(batch_size, n_environments, wanted):
    module = data_module(make_data(n_environments), batching="balanced", batch_size=batch_size)
    assert module.sampler.batch_size == wanted * n_environments
    assert module.rows_per_epoch == len(module.sampler) * wanted * n_environments
    chosen = data_module(make_data(n_environments), batching="balanced", n_per_environment=2)
    assert chosen.sampler.batch_size == 2 * n_environments


def test_only_environments_trained_on_have_weight():
    module = data_module(make_data(3, 0.3), train_environments=["24C", "25C"])
    weight = module.train.weight
    assert not weight[:, 0].any()
    assert (weight.sum(1) > 0).all()
    measured = ~np.isnan(module.training_data.data.phenotype[module.training_data.split.train])
    assert weight.sum() == measured[:, 1:].sum()
    assert module.batch_of(module.training_data.split.val).weight[:, 0].any()


def test_standard_errors_become_weights():
    error = np.where(np.arange(N) % 2, 0.1, 5.0)[:, None]
    module = data_module(make_data(standard_error=error), weights="standard_error")
    precise = np.isin(module.training_data.split.train % 2, [1])
    weight = module.train.weight[:, 0].numpy()
    assert weight[precise].min() > weight[~precise].max()
    assert weight.mean() == pytest.approx(1, rel=1e-5)
    assert set(module.batch_of(module.training_data.split.test).weight.unique().tolist()) == {1.0}


@pytest.mark.parametrize("batch_size", [0, -5])
def test_refuses_a_batch_of_nobody(batch_size):
    with pytest.raises(InputError, match=f"data.batch_size is {batch_size}: give a number from 1 on"):
        data_module(make_data(), batch_size=batch_size)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n_per_environment": 0}, "takes 0 individuals for each"),
        ({"batch_size": 10**4}, "has 1..: lower data.n_per_environment"),
    ],
)
def test_refuses_balanced_batches_that_cannot_be_filled(arguments, words):
    with pytest.raises(InputError, match=words):
        data_module(make_data(3), batching="balanced", **arguments).sampler  # noqa: B018
