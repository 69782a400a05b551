import torch
from processes import share

from gpattention import ranks
from gpattention.training.non_finite import FiniteSteps, Unsound

FINE, BAD = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, float("nan"), float("inf")])


def test_first_unsound_step_is_kept_with_its_environments():
    steps = FiniteSteps(3)
    steps.note(0, FINE, torch.tensor(1.0))
    assert steps.found() is None
    for batch, errors in enumerate([FINE, BAD, BAD * torch.nan, FINE]):
        steps.note(batch, errors, torch.tensor(1.0))
    assert steps.found() == Unsound(1, [1, 2])
    assert steps.found() is None


def test_gradients_alone_count():
    steps = FiniteSteps(3)
    steps.note(7, FINE, torch.tensor(float("nan")))
    assert steps.found() == Unsound(7, [])


def look():
    steps = FiniteSteps(3)
    steps.note(4, BAD if ranks.rank() else FINE, torch.tensor(1.0))
    return steps.found()


def test_processes_agree():
    assert share(2, look) == [Unsound(4, [1, 2])] * 2
