"""Optimizers and schedules by name and by `_target_`: what is made is what torch makes of the same arguments."""

import pytest
import torch
from torch import nn

from gpattention.errors import InputError
from gpattention.training.optimizers import build_optimizer, build_schedule, check_optimizer


def trained(optimizer, schedule=None, n_steps=8):
    """A parameter after some steps on a quadratic, and the learning rates on the way."""
    (parameter,) = optimizer.param_groups[0]["params"]
    rates = []
    for _ in range(n_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.zero_grad()
        ((parameter - torch.tensor([3.0, -1.0])) ** 2).sum().backward()
        optimizer.step()
        if schedule is not None:
            schedule.step()
    return parameter.detach(), rates


def one():
    return [nn.Parameter(torch.tensor([1.0, 2.0]))]


@pytest.mark.parametrize(
    ("node", "wanted"),
    [
        ("adam", lambda p: torch.optim.Adam(p, lr=0.1, weight_decay=0.01)),
        ("adamw", lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.01)),
        (
            {"_target_": "torch.optim.SGD", "momentum": 0.9, "nesterov": True},
            lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.01, momentum=0.9, nesterov=True),
        ),
        ({"_target_": "torch.optim.adamw.AdamW"}, lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.01)),
    ],
)
def test_an_optimizer_is_that_of_torch(node, wanted):
    given, expected = trained(build_optimizer(node, one(), 0.1, 0.01)), trained(wanted(one()))
    torch.testing.assert_close(given[0], expected[0])


def test_one_cycle_is_that_of_torch():
    optimizer, same = (torch.optim.SGD(one(), lr=0.1, momentum=0.9) for _ in range(2))
    given = build_schedule("one_cycle", optimizer, 0.1, 0.4, 9)
    wanted = torch.optim.lr_scheduler.OneCycleLR(same, max_lr=0.1, total_steps=9, pct_start=0.4)
    assert given["interval"] == "step"
    assert trained(optimizer, given["scheduler"])[1] == trained(same, wanted)[1]


def test_a_schedule_by_name_takes_its_own_arguments_and_the_number_of_steps():
    optimizer = torch.optim.SGD(one(), lr=0.1, momentum=0.9)
    cosine = {"_target_": "torch.optim.lr_scheduler.CosineAnnealingLR", "T_max": 8, "interval": "step"}
    given = build_schedule(cosine, optimizer, 0.1, 0.3, 100)
    assert given["interval"] == "step"
    rates = trained(optimizer, given["scheduler"])[1]
    assert rates == pytest.approx([0.05 * (1 + torch.cos(torch.tensor(k * torch.pi / 8)).item()) for k in range(8)])
    plateau = {"_target_": "torch.optim.lr_scheduler.ReduceLROnPlateau", "mode": "max", "monitor": "val/r2_pooled"}
    given = build_schedule(plateau, optimizer, 0.1, 0.3, 100)
    assert (given["interval"], given["monitor"]) == ("epoch", "val/r2_pooled")
    counted = {"_target_": "torch.optim.lr_scheduler.OneCycleLR", "max_lr": 0.5}
    given = build_schedule(counted, torch.optim.SGD(one(), lr=0.1, momentum=0.9), 0.1, 0.3, 100)
    assert (given["interval"], given["scheduler"].total_steps) == ("step", 100)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"optimizer": {"_target_": "os.system"}}, r"training.optimizer._target_=os.system is not of this program"),
        (
            {"optimizer": {"_target_": "torch.optim.lr_scheduler.StepLR"}},
            "is not what training is for: give a class of opt",
        ),
        ({"optimizer": {"_target_": "torch.optim.Optimizer"}}, "is not what training is for"),
        ({"optimizer": {"_target_": "lion_pytorch.Lion"}}, "lion_pytorch.Lion is not there: mend the name"),
        ({"optimizer": {"momentum": 0.9}}, "training.optimizer has no _target_"),
        ({"optimizer": {"_target_": "torch.optim.SGD", "momentm": 1}}, "did you mean training.optimizer.momentum"),
        ({"optimizer": {"_target_": "torch.optim.SGD", "lr": 1}}, "unknown key training.optimizer.lr"),
        ({"optimizer": {"_target_": "torch.optim.SGD", "momentum": -1}}, "SGD refuses its arguments .Invalid momentum"),
        ({"optimizer": {"_target_": "torch.optim.SGD", "foreach": {"_target_": "os.getcwd"}}}, "a plain value"),
        ({"optimizer": {"_target_": "torch.optim.Rprop"}, "weight_decay": 0.1}, "weight_decay=0.1: Rprop takes none"),
        ({"optimizer": {"_target_": "torch.optim.LBFGS"}}, "training.schedule: OneCycleLR refuses"),
        ({"schedule": {"_target_": "torch.optim.SGD"}}, "training.schedule._target_=torch.optim.SGD is not what"),
        ({"schedule": {"_target_": "torch.optim.lr_scheduler.StepLR"}}, "StepLR refuses its arguments"),
    ],
)
def test_refusals_come_before_any_training(change, words):
    settings = {"optimizer": "adamw", "schedule": "one_cycle", "learning_rate": 0.1, "weight_decay": 0.0}
    with pytest.raises(InputError, match=words):
        check_optimizer(**settings | {"warmup_fraction": 0.3} | change)
