"""What a sweep shows while it runs: a live table on a terminal, else a line now and then."""

import logging
import time
from datetime import timedelta

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gpattention.output.progress import console
from gpattention.sweeps.workers import Outcome

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 30
MOST_RUNNING = 3  # of which a line tells


class Board:
    """Runs done, running and failed, the epoch and score of each that runs, and the time left.

    Args:
        total: runs to be made.
    """

    def __init__(self, total: int) -> None:
        self.total, self.done, self.failed = total, 0, 0
        self.begun = self.last_line = time.monotonic()
        self.running: dict[str, tuple[float, str, float]] = {}  # by name: start, epoch and score, share done
        self.live = Live(get_renderable=self.draw, console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> "Board":
        if console.is_terminal:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if console.is_terminal:
            self.live.stop()

    def started(self, name: str) -> None:
        self.running[name] = (time.monotonic(), "", 0.0)
        if not console.is_terminal:
            self.say(f"started: {name}")

    def epoch(self, name: str, epoch: int, n_epochs: int, score: float) -> None:
        start, *_ = self.running[name]
        self.running[name] = (start, f"epoch {epoch}/{n_epochs}, {score:.4f}", epoch / n_epochs)
        if not console.is_terminal and time.monotonic() > self.last_line + SECONDS_BETWEEN_LINES:
            texts = [f"{name} {text}" for name, (_, text, _) in self.running.items()]
            more = f" and {len(texts) - MOST_RUNNING} more" if len(texts) > MOST_RUNNING else ""
            self.say(f"running: {'; '.join(texts[:MOST_RUNNING])}{more}; {self.state()}")

    def ended(self, outcome: Outcome) -> None:
        start, _, _ = self.running.pop(outcome.name)
        self.done += outcome.metrics is not None
        self.failed += outcome.error is not None
        seconds = time.monotonic() - start
        if outcome.metrics is not None:
            self.say(f"done: {outcome.name}, test R2 {outcome.metrics['test/r2']:.4f}, {seconds:.0f} s; {self.state()}")
        elif outcome.error is not None:
            self.say(f"failed: {outcome.name}: {outcome.error}")
        else:
            self.say(f"stopped early: {outcome.name}; {self.state()}")

    def say(self, text: str) -> None:
        self.last_line = time.monotonic()
        log.info("%s", text)

    def state(self) -> str:
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.done} of {self.total} done{failed}{self.time_left()}"

    def time_left(self) -> str:
        """By the share of the work that is done, which takes all runs to be alike, but not before the last that runs ends."""
        now = time.monotonic()
        share = self.done + self.failed + sum(part for _, _, part in self.running.values())
        if share < 1 or share >= self.total:
            return ""
        seconds = (now - self.begun) * (self.total - share) / share
        seconds = max(
            [seconds, *((now - start) * (1 - part) / part for start, _, part in self.running.values() if part)]
        )
        return f", about {timedelta(seconds=round(seconds))} left"

    def draw(self) -> Group:
        table = Table.grid(padding=(0, 2))
        for name, (start, text, _) in self.running.items():
            table.add_row(name, text, str(timedelta(seconds=round(time.monotonic() - start))))
        return Group(Text(f"{self.state()}, {len(self.running)} running"), table)
