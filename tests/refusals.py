"""What every refusal must be: the project's own error, soon, with the place and a cure in its message."""

import re
import time

import pytest

from gpattention.errors import InputError

SECONDS = 10  # of the processor
CURE = re.compile(
    r"(mend|give|add|write|set|lower|leave|name|restore|remove|impute|fit|unpack|choose|prepare|is it whole|is it a table|must be "
    r"unique|a table has a header line|did you mean|(it|which|validation|mine) has \w+)"
)


def refused(call, *place):
    """The message with which `call` is refused; it names every part of the place."""
    start = time.process_time()
    with pytest.raises(InputError) as caught:
        call()
    text = str(caught.value)
    assert time.process_time() - start < SECONDS
    for name in place:
        assert name in text, text
    assert CURE.search(text), text
    assert "\n" not in text, text
    return text
