"""Waiting for something that another thread or process will do."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from diamond_viewer.feed.feed import Feed

LOOK_EVERY_S = 0.005


def until(condition: Callable[[], object], within_s: float = 20.0) -> None:
    """Return as soon as the condition holds; fail when it does not within a time that is far more than enough."""
    end_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end_s, "waited in vain"
        time.sleep(LOOK_EVERY_S)


@contextmanager
def running(feed: Feed) -> Iterator[None]:
    """A feed with its thread, stopped in any case."""
    feed.start()
    try:
        yield
    finally:
        feed.stop()
