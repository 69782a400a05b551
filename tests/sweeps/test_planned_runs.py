"""Which runs a sweep stands for: all are checked before the first is made."""

import pytest

from gpattention.errors import InputError
from gpattention.sweeps import sweep


def test_bad_override_is_refused_before_any_run(tmp_path, no_runs):
    with pytest.raises(InputError, match="data.epsilon=high"):
        sweep.run_sweep("quickstart", ["data.epsilon=high"], tmp_path)


def test_wrong_type_within_a_grid_is_refused_before_any_run(tmp_path, no_runs):
    with pytest.raises(InputError, match="data.epsilon=high: give a valid number"):
        sweep.run_sweep("quickstart", ["data.epsilon=0,high"], tmp_path)


def test_override_of_what_varies_is_refused(tmp_path):
    with pytest.raises(InputError, match="model=linear: the models are those of the sweep"):
        sweep.run_sweep("quickstart", ["model=linear"], tmp_path)


@pytest.mark.parametrize(
    ("name", "overrides", "words"),
    [
        ("byxrm_46", ["seed=7"], "seed=7: the blocks joint 0 and joint 1 become the same"),
        (
            "transfer_simulated",
            ["data.split_seed=0,1"],
            "starts from transformer others only, which stands for 2 runs before it",
        ),
    ],
)
def test_overrides_that_break_a_sweep_are_refused_before_any_run(name, overrides, words, tmp_path, no_runs):
    with pytest.raises(InputError, match=words):
        sweep.run_sweep(name, overrides, tmp_path)
