import logging

import pytest

from gpattention.sweeps import live_table
from gpattention.sweeps.live_table import Board
from gpattention.sweeps.workers import Outcome


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(live_table.time, "monotonic", lambda: now[0])
    return now


def test_lines_tell_what_is_done_what_runs_and_what_is_left(clock, caplog):
    caplog.set_level(logging.INFO)
    with Board(4) as shown:
        shown.started("a")
        shown.started("b")
        clock[0] = 10
        shown.ended(Outcome("a", metrics={"test/r2": 0.5}))
        shown.epoch("b", 5, 10, 0.25)
        assert "running" not in caplog.text  # a line was said just now
        clock[0] = 50
        shown.epoch("b", 8, 10, 0.5)
        shown.ended(Outcome("b", error="no disk"))
        shown.started("c")
        shown.ended(Outcome("c"))
    assert caplog.messages == [
        "started: a",
        "started: b",
        "done: a, test R2 0.5000, 10 s; 1 of 4 done, about 0:00:30 left",
        "running: b epoch 8/10, 0.5000; 1 of 4 done, about 0:01:01 left",
        "failed: b: no disk",
        "started: c",
        "stopped early: c; 1 of 4 done, 1 failed, about 0:00:50 left",
    ]


def test_time_left_is_no_less_than_that_of_the_run_that_takes_longest(clock):
    shown = Board(3)
    shown.done = 2
    shown.running["long"] = (0.0, "", 0.1)
    clock[0] = 9
    assert shown.time_left() == ", about 0:01:21 left"
