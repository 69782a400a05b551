"""Work of another thread, done ahead."""

import queue
import threading
from collections.abc import Generator, Iterator
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterator[T], n_ahead: int = 3) -> Generator[T]:
    """The same items, up to `n_ahead` of them made by another thread while this one works. An error comes in its place."""
    waiting: queue.Queue[tuple[T] | BaseException | None] = queue.Queue(n_ahead)
    stopped = threading.Event()

    def give(item: tuple[T] | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                waiting.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def take_all() -> None:
        try:
            for item in items:
                give((item,))
                if stopped.is_set():
                    return
            give(None)
        except BaseException as error:
            give(error)

    thread = threading.Thread(target=take_all, daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item[0]
    finally:
        stopped.set()
        thread.join()
