import itertools
import threading

import pytest

from gpattention.data.prefetch import ahead


def test_items_come_in_order_and_all():
    assert list(ahead(iter(range(100)), 3)) == list(range(100))


def test_error_comes_in_its_place():
    def items():
        yield 1
        raise RuntimeError("lost")

    taken = ahead(items())
    assert next(taken) == 1
    with pytest.raises(RuntimeError, match="lost"):
        next(taken)


def test_no_more_is_made_than_asked_for_and_the_thread_ends():
    made = []
    before = threading.active_count()
    taken = ahead(map(made.append, itertools.count()), 3)
    next(taken)
    taken.close()
    assert len(made) <= 6
    assert threading.active_count() == before
