import sqlite3
from contextlib import closing

import pytest
from conftest import SMALL

from gpattention.config import check_config, compose_config
from gpattention.errors import InputError
from gpattention.sweeps import search, sweep
from gpattention.sweeps.sweep import Options
from gpattention.sweeps.sweep_file import Sweep, parse

optuna = pytest.importorskip("optuna")

SWEEP = Sweep(
    title="t",
    folder="f",
    common=["data=simulated", *SMALL],
    blocks={"attention": ["model=attention", "model.embedding_dim=int(interval(2,5))", "model.n_layers=choice(1,2)"]},
    analysis="search",
    n_trials=4,
)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(sweep, "read_sweep", lambda *_: SWEEP)


@pytest.mark.parametrize(
    ("override", "wanted"),
    [
        ("a=int(interval(2,5))", optuna.distributions.IntDistribution(2, 5)),
        ("a=interval(2,5)", optuna.distributions.FloatDistribution(2.0, 5.0)),
        ("a=tag(log,interval(0.1,1))", optuna.distributions.FloatDistribution(0.1, 1.0, log=True)),
        ("a=choice(1,x)", optuna.distributions.CategoricalDistribution(["1", "x"])),
        ("a=1,2", optuna.distributions.CategoricalDistribution(["1", "2"])),
        ("a=range(1,4)", optuna.distributions.CategoricalDistribution(["1", "2", "3"])),
    ],
)
def test_distributions(override, wanted):
    assert search.distribution(parse([override])[0]) == wanted


@pytest.mark.parametrize("override", ["a=interval(5,2)", "a=tag(log,interval(0,1))"])
def test_bad_intervals_are_refused(override):
    with pytest.raises(InputError, match="a needs an interval from a smaller to a larger value"):
        search.distribution(parse([override])[0])


@pytest.mark.slow
def test_search_goes_on_where_it_was_cut_off(tmp_path, small, monkeypatch):
    first, failed = sweep.run_sweep("mine", [], tmp_path, Options(n_trials=2, workers=2))
    assert not failed
    assert first["state"].tolist() == ["finished"] * 2
    assert first["model.embedding_dim"].between(2, 5).all()
    with closing(sqlite3.connect(tmp_path / "study.sqlite3")) as database:
        ((name,),) = database.execute("select study_name from studies").fetchall()
    study = search.open_study(tmp_path / "study.sqlite3", name)
    interrupted = study.ask({"model.embedding_dim": optuna.distributions.IntDistribution(2, 5)})
    assert search.n_finished(study) == 2
    results, failed = sweep.run_sweep("mine", [], tmp_path, Options(workers=1))
    assert not failed
    assert len(results) == 4
    assert results["trial"].tolist() == [0, 1, 3, 4]  # the interrupted one was 2 and is asked for again as 3
    assert results["model.embedding_dim"].iloc[2] == interrupted.params["model.embedding_dim"]
    assert results["folder"].iloc[:2].tolist() == first["folder"].tolist()
    for column in ("score", "val/r2"):
        assert results[column].notna().all()
    assert (results["score"] - results["val/r2"]).abs().max() < 1e-6
    assert (tmp_path / "results.png").stat().st_size > 1000


def test_another_space_is_another_search(tmp_path, small, monkeypatch):
    sweep.run_sweep("mine", [], tmp_path, Options(n_trials=1))
    results, _ = sweep.run_sweep("mine", ["model.embedding_dim=int(interval(3,4))"], tmp_path, Options(n_trials=1))
    assert results["trial"].tolist() == [0]
    assert results["model.embedding_dim"].between(3, 4).all()


def test_trial_that_fails_is_told_and_counts(tmp_path, small):
    bad = ["training.learning_rate=1e30"]
    for _ in range(2):  # the second time another is made in its place
        results, failed = sweep.run_sweep("mine", bad, tmp_path, Options(n_trials=1))
        assert results.empty
        assert len(failed) == 1
        assert "no longer finite" in failed[0].error


def test_equal_trials_at_the_same_time_are_one_run(tmp_path, monkeypatch):
    space = ["model=attention", "model.n_layers=choice(1,2)"]
    monkeypatch.setattr(sweep, "read_sweep", lambda *_: SWEEP._replace(blocks={"attention": space}))
    results, failed = sweep.run_sweep("mine", [], tmp_path, Options(n_trials=6, workers=2))
    assert not failed
    assert len(results) == 6
    assert results["folder"].nunique() == 2
    assert (results.groupby("folder")["score"].nunique() == 1).all()


def test_other_data_are_another_search():
    space = {"a": optuna.distributions.IntDistribution(1, 2)}
    config = check_config(compose_config(SMALL))
    other = check_config(compose_config([*SMALL, "data.seed=1"]))
    tracked = check_config(compose_config([*SMALL, "logger=none"]))
    assert search.name_of_study(config, space) != search.name_of_study(other, space)
    assert search.name_of_study(config, space) == search.name_of_study(tracked, space)


def test_poor_trials_are_stopped_early():
    study = optuna.create_study(pruner=search.pruner(), direction="maximize")
    for score in range(search.RANDOM_TRIALS):
        trial = study.ask()
        for epoch in range(1, 12):
            trial.report(0.8 + score / 100, epoch)
        study.tell(trial, 0.8 + score / 100)
    trial = study.ask()
    stopped = []
    for epoch in range(1, 12):
        trial.report(0.1, epoch)
        stopped.append(trial.should_prune())
    assert stopped == [False] * search.WARM_UP_EPOCHS + [True] * (11 - search.WARM_UP_EPOCHS)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"blocks": {"a": ["model=linear"], "b": ["model=pairwise"]}}, "a search has one block and n_trials"),
        ({"blocks": {"a": ["model=linear"]}}, "nothing is searched over: give an interval"),
        ({"n_trials": None}, "a search has one block and n_trials"),
    ],
)
def test_what_is_no_search_is_refused(change, words, tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "read_sweep", lambda *_: SWEEP._replace(**change))
    with pytest.raises(InputError, match=words):
        sweep.run_sweep("mine", [], tmp_path)


def test_optuna_that_is_not_installed_is_told(tmp_path, small, monkeypatch):
    monkeypatch.setattr(search, "is_installed", lambda _: False)
    with pytest.raises(InputError, match=r"pip install 'gpattention\[optuna\]'"):
        sweep.run_sweep("mine", [], tmp_path)
