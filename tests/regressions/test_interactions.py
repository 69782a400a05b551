import logging
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import SMALL
from processes import share
from small_data import data_module, fit_solved
from small_runs import small_run

from gpattention.config import compose_config
from gpattention.data.genotype_phenotype import GenotypePhenotypeData
from gpattention.errors import InputError
from gpattention.regressions import interaction_plan
from gpattention.regressions.interactions import Interactions
from gpattention.run_folder import files
from gpattention.run_folder.loading import load_run
from gpattention.runs.run import run

PENALTIES = {"additive_penalties": [0.001, 0.1, 10.0], "interaction_penalties": [0.0, 0.3]}
SETS = [(0, 1), (2, 5, 7), (1, 3, 4, 8)]


def make(n=2000, n_loci=10, n_environments=1, missing=0.0, sets=SETS, noise=0.5, genotype=None):
    rng = np.random.default_rng(0)
    genotype = rng.choice([-1, 1], (n, n_loci)).astype(np.int8) if genotype is None else genotype
    products = np.stack([genotype[:, list(loci)].prod(1) for loci in sets], axis=1) if sets else np.zeros((n, 1))
    phenotype = 10 + 3 * (genotype @ rng.normal(size=(n_loci, n_environments)))
    phenotype += 3 * products @ rng.uniform(1, 2, (products.shape[1], n_environments))
    phenotype += noise * rng.normal(size=phenotype.shape)
    phenotype[rng.random(phenotype.shape) < missing] = np.nan
    return data_module(
        GenotypePhenotypeData(
            genotype=genotype,
            phenotype=phenotype,
            individual_ids=tuple(map(str, range(len(genotype)))),
            environment_names=tuple("ABCD"[:n_environments]),
            coding="signed",
        ),
        batching="one_pass",
    )


def fit(data, n_devices=1, **options):
    return fit_solved(Interactions, data, n_devices, **PENALTIES | options)


def sets_of(module, environment=0):
    rows = module.sets[module.coefficients[:, environment] != 0].tolist()
    return sorted(tuple(locus for locus in row if locus >= 0) for row in rows)


def r2(module, data):
    rows = data.training_data.split.test
    given = module(torch.from_numpy(data.training_data.data.genotype[rows])).numpy()
    wanted = data.training_data.scaling.standardise(data.training_data.data.phenotype[rows])
    return 1 - np.nansum((wanted - given) ** 2) / np.nansum((wanted - np.nanmean(wanted, axis=0)) ** 2)


def test_finds_the_sets_that_make_the_phenotype():
    data = make()
    module = fit(data)
    assert sets_of(module) == sorted(SETS)
    assert r2(module, data) > 0.99
    assert module.order.tolist() == [4]
    assert module.n_fitted() == 10 + 1 + 3


def test_lower_orders_leave_what_is_higher():
    data = make()
    assert sets_of(fit(data, max_order=3)) == sorted(SETS[:2])
    assert sets_of(fit(data, max_order=1)) == []


def test_an_additive_phenotype_has_no_interactions():
    data = make(sets=[], noise=5.0)
    module = fit(data)
    assert sets_of(module) == []
    assert module.order.tolist() == [1]


@pytest.mark.parametrize("environment", ["separate", "shared"])
def test_environments_have_coefficients_of_their_own(environment):
    data = make(n_environments=3, missing=0.3)
    module = fit(data, environment=environment)
    for column in range(3):
        assert sets_of(module, column) == sorted(SETS)
    assert r2(module, data) > 0.99
    coefficients = module.coefficients
    assert (coefficients[:, 0] - coefficients[:, 1]).abs().min() > 1e-4


def test_a_shared_search_finds_what_is_weak_everywhere():
    """z near 3 in each of 16 environments."""
    rng = np.random.default_rng(1)
    genotype = rng.choice([-1, 1], (600, 10)).astype(np.int8)
    phenotype = 0.15 * genotype[:, [1, 6]].prod(1)[:, None] + rng.normal(size=(600, 16))
    names = tuple(f"E{number}" for number in range(16))
    made = GenotypePhenotypeData(genotype, phenotype, tuple(map(str, range(600))), names, "signed")
    data = data_module(made, batching="one_pass")
    options = {"max_order": 2, "interaction_penalties": [0.0]}
    shared, separate = fit(data, environment="shared", **options), fit(data, **options)
    assert shared.sets.tolist() == [[1, 6, -1, -1]]
    assert (shared.coefficients != 0).sum() > (separate.coefficients != 0).sum()


def test_false_discoveries_in_place_of_a_level_let_more_pass():
    data = make(n=400, sets=list(combinations(range(10), 2)), noise=12.0)
    few, many = (sets_of(fit(data, max_order=2, **options)) for options in ({}, {"false_discovery": 0.3}))
    assert set(few) <= set(many)
    assert len(many) > len(few) > 0


@pytest.mark.parametrize("options", [{}, {"environment": "shared"}])
def test_two_processes_find_what_one_does(options):
    wanted = fit_shared(1, options)
    for given in share(2, fit_shared, 2, options):
        for one, other in zip(given, wanted, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-8)


def fit_shared(n_devices, options):
    module = fit(make(n_environments=2, missing=0.2), n_devices, **options)
    return module.sets, module.coefficients, module.additive, module.intercept


def test_copies_of_loci_and_loci_that_hardly_vary_do_no_harm():
    rng = np.random.default_rng(0)
    genotype = rng.choice([-1, 1], (2000, 10)).astype(np.int8)
    genotype[:, 9] = genotype[:, 5]
    genotype[:, 6] = 1
    genotype[:3, 6] = -1
    data = make(genotype=genotype)
    module = fit(data)
    assert len(sets_of(module)) == 3
    assert (2, 5, 7) in sets_of(module) or (2, 7, 9) in sets_of(module)
    table = module.tables(data.training_data)["interactions"]
    three = table[table["order"] == 3].iloc[0]
    assert three["n_alternatives"] == 1
    assert three["posterior"] == pytest.approx(0.5)
    assert three["alternatives"] in ("3:8:10 (0.50)", "3:6:8 (0.50)")


def test_more_loci_than_individuals():
    rng = np.random.default_rng(0)
    genotype = rng.choice([-1, 1], (200, 300)).astype(np.int8)
    data = make(genotype=genotype, n_loci=300, sets=[(0, 1)] * 20, noise=1.0)
    module = fit(data, max_order=2)
    assert module.coefficients.isfinite().all()
    assert (0, 1) in sets_of(module)


@pytest.mark.parametrize(
    ("heredity", "words", "found"),
    [
        ("weak", "strongest sets of 3, with each locus", True),
        ("strong", "strongest loci are tested", True),
        ("none", "none is tested", False),
    ],
)
def test_an_order_that_takes_too_long_is_searched_as_heredity_says(heredity, words, found, monkeypatch, caplog):
    monkeypatch.setattr(interaction_plan, "measured_rate", lambda like: 2e7)
    sets = [(0, 1), (0, 1, 2), (0, 1, 2, 3)]
    data = make(sets=sets)
    with caplog.at_level(logging.INFO):
        module = fit(data, heredity=heredity, max_seconds=0.06)
    assert words in caplog.text
    assert ((0, 1, 2, 3) in sets_of(module)) == found


def test_the_table_says_what_was_found():
    data = make(n_environments=2)
    module = fit(data)
    training = data.training_data
    table = module.tables(training)["interactions"]
    assert list(table["environment"].unique()) == ["A", "B"]
    row = table[(table["environment"] == "B") & (table["order"] == 3)].iloc[0]
    assert [row[f"locus_{k}"] for k in (1, 2, 3, 4)] == ["3", "6", "8", ""]
    rows = training.split.train
    genotype, phenotype = training.data.genotype[rows].astype(float), training.data.phenotype[rows][:, 1]
    products = [genotype[:, list(loci)].prod(1) for loci in SETS]
    design = np.column_stack([np.ones(len(rows)), genotype, *products])
    wanted, left, *_ = np.linalg.lstsq(design, phenotype, rcond=None)
    assert row["coefficient"] == pytest.approx(wanted[-2], rel=1e-3)
    error = np.sqrt(np.linalg.inv(design.T @ design)[-2, -2] * left[0] / (len(rows) - design.shape[1] - 1))
    assert row["standard_error"] == pytest.approx(error, rel=0.02)
    assert row["z"] == pytest.approx(row["coefficient"] / row["standard_error"])
    assert row["variance_explained"] == pytest.approx(wanted[-2] ** 2 * products[1].var() / phenotype.var(), rel=1e-2)
    assert row["posterior"] == 1
    assert row["n_alternatives"] == 0


def test_a_run_leaves_the_table(tmp_path):
    small_run(tmp_path, "model=interactions", "data.n_segregants=2000", "data.n_interactions=3", "data.epsilon=0.2")
    table = pd.read_csv(tmp_path / files.INTERACTIONS, sep="\t")
    assert table["order"].tolist() == [4] * len(table)
    assert len(table) >= 2
    assert table["position_1"].str.contains(":").all()
    assert table["p_corrected"].between(0, 0.05).all()
    assert "interactions.tsv" in (tmp_path / "checksums.txt").read_text()
    restored = load_run(tmp_path).module
    assert len(restored.sets) == len(table)


def test_goes_on_after_a_kill(tmp_path):
    overrides = ["model=interactions", "data.n_segregants=2000", "data.epsilon=0.2", "data.n_interactions=4"]
    wanted = small_run(tmp_path / "whole", *overrides)

    class Killed(Exception):
        pass

    for last_epoch in (0, 2, 5):
        folder = tmp_path / str(last_epoch)

        def stop(epoch, *_, last_epoch=last_epoch):
            if epoch > last_epoch:
                raise Killed

        with pytest.raises(Killed):
            run(compose_config([*SMALL, *overrides]), folder, stop)
        given = run(compose_config([*SMALL, *overrides, "resume=auto"]), folder)
        assert given["test/r2"] == pytest.approx(wanted["test/r2"], abs=1e-12)
        assert given["n_epochs"] == wanted["n_epochs"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_order": 5}, "model.max_order=5: give 1 to 4"),
        ({"max_order": 0}, "model.max_order=0: give 1 to 4"),
        ({"level": 0.0}, "model.level=0.0"),
        ({"false_discovery": 1.0}, "false_discovery=1.0"),
        ({"most_terms": 0}, "model.most_terms=0"),
        ({"max_seconds": 0}, "max_seconds=0"),
        ({"additive_penalties": []}, r"additive_penalties=\[\]"),
        ({"interaction_penalties": [-1.0]}, r"interaction_penalties=\[-1.0\]"),
    ],
)
def test_values_out_of_range_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        Interactions(n_loci=5, environment_names=["A"], **PENALTIES | options)


def test_fewer_than_fifty_individuals_are_refused():
    with pytest.raises(InputError, match="needs 50 training individuals .* B has"):
        data = make(n=120, n_environments=2)
        phenotype = data.training_data.data.phenotype
        phenotype[10:, 1] = np.nan
        made = GenotypePhenotypeData(
            data.training_data.data.genotype, phenotype, data.training_data.data.individual_ids, ("A", "B"), "signed"
        )
        fit(data_module(made, batching="one_pass", val_fraction=0.3, test_fraction=0.3))


def test_one_locus_has_nothing_to_interact_with():
    data = make(n_loci=1, sets=[])
    assert sets_of(fit(data)) == []
