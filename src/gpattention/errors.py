"""The one error type meant for users."""


class InputError(ValueError):
    """Something the user gave cannot be used; the message names the value, the place and the cure."""
