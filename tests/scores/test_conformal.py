import json

import numpy as np
import pandas as pd
import pytest
from conftest import SMALL

from gpattention.config import compose_config
from gpattention.errors import InputError
from gpattention.run_folder.predictions import read_predictions
from gpattention.runs.run import run
from gpattention.scores.conformal import calibrate, half_widths, interval_scores


def table(errors, environment="A"):
    return pd.DataFrame({"environment": environment, "measured": errors, "predicted": 0.0})


def draw(n, rng):
    """Skewed errors in A, few in B, half of C's not measured."""
    c = rng.standard_normal(n)
    c[::2] = np.nan
    return pd.concat([table(rng.exponential(size=n), "A"), table(rng.normal(size=5), "B"), table(c, "C")])


@pytest.mark.parametrize(("n", "level", "k"), [(9, 0.9, 9), (8, 0.9, None), (19, 0.9, 18), (99, 0.95, 95), (1, 0.5, 1)])
def test_half_width_is_the_kth_smallest_error(n, level, k):
    errors = np.random.default_rng(0).normal(size=n)
    wanted = np.inf if k is None else np.sort(np.abs(errors))[k - 1]
    assert half_widths(table(errors), level) == {"A": wanted}


def test_half_width_is_the_conformal_quantile_of_numpy():
    """The method `higher` of numpy's quantile at level (n + 1) / n takes the same value."""
    errors = np.random.default_rng(1).normal(size=237)
    wanted = np.quantile(np.abs(errors), 0.9 * 238 / 237, method="inverted_cdf")
    assert half_widths(table(errors))["A"] == wanted


def test_coverage_is_what_was_promised_whatever_the_errors():
    """Over draws of both parts the mean coverage is k / (n + 1), which is 0.9 exactly for n = 199."""
    rng = np.random.default_rng(2)
    scores = [interval_scores(draw(199, rng), draw(400, rng)) for _ in range(400)]
    for name in ("A", "C"):
        covered = np.array([one[f"test/coverage/{name}"] for one in scores])
        wanted = 0.9 if name == "A" else 90 / 100  # 99 measured values of C
        assert covered.mean() == pytest.approx(wanted, abs=4 * covered.std() / 20)
    assert "test/coverage/B" not in scores[0]  # five values are too few
    widths = [one["test/interval_width/A"] for one in scores]
    assert np.mean(widths) == pytest.approx(2 * np.log(10), rel=0.02)  # 90 % of an exponential


def test_sd_of_the_coverage_is_that_of_repeated_draws():
    rng = np.random.default_rng(3)
    tables = [calibrate(table(rng.normal(size=150)), table(rng.normal(size=300)), np.array([0.9])) for _ in range(600)]
    covered = [one["coverage"].item() for one in tables]
    assert tables[0]["sd"].item() == pytest.approx(np.sqrt(0.09 / 150 + 0.09 / 300))
    assert np.std(covered) == pytest.approx(tables[0]["sd"].item(), rel=0.1)


def test_levels_outside_0_and_1_are_refused():
    for level in (0, 1, 90):
        with pytest.raises(InputError, match=f"level={level}: give a share between 0 and 1"):
            half_widths(table([1.0]), level)


def test_no_interval_from_too_few_values():
    assert interval_scores(table(np.ones(3)), table(np.ones(30))) == {}


MODELS = [
    ["model=linear"],
    ["model=pairwise"],
    ["model=kronecker"],
    ["model=kronecker", "model.refit=true"],
    ["model=transformer", "model.environment=joint"],
    ["model=multi_environment_attention"],
]


@pytest.mark.parametrize("model", MODELS, ids=" ".join)
def test_every_model_leaves_intervals_that_hold(model, tmp_path):
    """Each environment within 3 sd; validation predictions are of the map before it saw these individuals."""
    more = ["data.temperatures=[25,30,35]", "data.n_segregants=1600", "data.epsilon=0.8"]
    metrics = run(compose_config([*SMALL, *more, *model]), tmp_path)
    assert json.loads((tmp_path / "metrics.json").read_text()) == metrics
    sd = np.sqrt(0.09 / metrics["n_test"] + 0.09 / metrics["n_val"])
    for name in ("25C", "30C", "35C"):
        assert metrics[f"test/coverage/{name}"] == pytest.approx(0.9, abs=3 * sd)
        assert metrics[f"test/interval_width/{name}"] > 0
    validation, test = read_predictions(tmp_path, "val"), read_predictions(tmp_path, "test")
    assert len(validation) == 3 * metrics["n_val"]
    again = interval_scores(validation.reset_index(), test.reset_index())
    assert {name: metrics[name] for name in again} == pytest.approx(again, abs=1e-6)
    part = validation.xs("30C", level="environment")
    r2 = (
        1
        - ((part["measured"] - part["predicted"]) ** 2).sum()
        / ((part["measured"] - part["measured"].mean()) ** 2).sum()
    )
    assert r2 == pytest.approx(metrics["val/r2/30C"], abs=1e-5)
    assert (tmp_path / "calibration.png").read_bytes().startswith(b"\x89PNG")
