"""Waiting for something that another thread or process will do."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from diamond_viewer.feed.feed import Feed

LOOK_EVERY_S = 0.005
PATIENCE_S = 30.0  # for a condition, not for a promise: who passes does not wait for it, and a busy machine is no fault


def until(condition: Callable[[], object], within_s: float = PATIENCE_S) -> None:
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
