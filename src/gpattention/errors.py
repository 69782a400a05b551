"""How a run ends before its time, in words meant for users."""

import signal


class InputError(ValueError):
    """Something the user gave cannot be used; the message names the value, the place and the cure."""


class Preempted(SystemExit):
    """The run was asked to end and can go on later; an exit with a status of its own, so that a multirun ends with it."""

    STATUS = 128 + signal.SIGTERM

    def __init__(self, message: str) -> None:
        super().__init__(self.STATUS)
        self.message = message

    def __str__(self) -> str:
        return self.message


class RunLost(RuntimeError):
    """A process of the run ended by a fault or a signal, and the run with it."""


class NotReproduced(RuntimeError):
    """A finished run made again has given other results."""
