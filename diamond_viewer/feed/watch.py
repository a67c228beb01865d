"""One bit, "look again", from watchdog. The only file that knows it.

Notifications get lost (a full queue, a network mount), observers die (an exception, a deleted directory), and none of it is
announced. So what arrives is a hint and nothing else, and before every look somebody checks that the observer still lives.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable

from watchdog.events import (
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

REBUILD_AFTER_S = 1.0  # not more often than this: whatever killed the observer may do so again
RETRY_AFTER_S = 60.0  # when the system refuses watches

# our own reading opens and closes files: events of that kind would wake us for ever
WAKING_EVENTS: list[type[FileSystemEvent]] = [FileModifiedEvent, FileCreatedEvent, FileMovedEvent, FileDeletedEvent]

POLLING_NOTICE = "The system grants no file notifications ({reason}): new lines are looked for twice a second."

log = logging.getLogger(__name__)

Identity = tuple[int, int]


class _Waker(FileSystemEventHandler):
    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._has_failed = False

    def dispatch(self, event: FileSystemEvent) -> None:
        try:
            self._wake()
        except Exception:  # it is the caller's: what it may raise is not known here, and the observer would die of it
            if not self._has_failed:  # once: events come by the thousand
                log.exception("The wake-up call failed: new lines are found by looking twice a second.")
            self._has_failed = True


class Watch:
    """Calls ``wake`` from another thread when something happens in a watched directory. Used by one thread."""

    def __init__(
        self,
        wake: Callable[[], None],
        *,
        make_observer: Callable[[], BaseObserver] = Observer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.notice = ""  # a sentence while there are no notifications
        self.rebuilt = 0  # how often an observer had to be replaced
        self._waker = _Waker(wake)
        self._make_observer = make_observer
        self._clock = clock
        self._observer: BaseObserver | None = None
        self._watched: dict[str, Identity] = {}
        self._not_before_s = float("-inf")

    def aim(self, directories: Iterable[str]) -> None:
        """Watch exactly these directories that exist; replace the observer if it or one of its directories is gone.

        What the system refuses becomes a notice; anything else that watchdog raises is the caller's to tell.
        """
        wanted = {directory: identity for directory in directories if (identity := _identity(directory))}
        if wanted == self._watched and self._is_alive():
            return
        if self._clock() < self._not_before_s:
            return
        self.rebuilt += self._observer is not None and not self._is_alive()
        self.stop()
        self._not_before_s = self._clock() + REBUILD_AFTER_S
        if wanted:
            try:
                self._start(wanted)
            except (OSError, RuntimeError) as error:  # no watch, no descriptor, no thread to be had
                self._start_polling(error)

    def stop(self) -> None:
        observer, self._observer, self._watched = self._observer, None, {}
        if observer is not None:
            try:
                observer.stop()
                if observer.is_alive():
                    observer.join(timeout=1.0)
            except (OSError, RuntimeError):  # its descriptors are gone already, or it never began
                log.debug("the observer did not stop", exc_info=True)

    def _start(self, directories: dict[str, Identity]) -> None:
        self._observer = self._make_observer()
        self._observer.daemon = True
        for directory in directories:
            # a directory behind a symbolic link gives no event at all unless the link is followed
            self._observer.schedule(self._waker, directory, event_filter=WAKING_EVENTS, follow_symlink=True)
        self._observer.start()
        self._watched = directories
        self.notice = ""

    def _start_polling(self, error: Exception) -> None:
        self.stop()
        self._not_before_s = self._clock() + RETRY_AFTER_S
        notice = POLLING_NOTICE.format(reason=f"{error}".rstrip(".") or type(error).__name__)
        if not self.notice:
            log.warning("%s", notice)
        self.notice = notice

    def _is_alive(self) -> bool:
        if not self._watched:
            return True
        observer = self._observer
        return observer is not None and observer.is_alive() and all(emitter.is_alive() for emitter in observer.emitters)

    def threads(self) -> list[threading.Thread]:
        """The threads at work, for tests that end one of them."""
        return [self._observer, *self._observer.emitters] if self._observer is not None else []


def _identity(directory: str) -> Identity | None:
    try:
        status = os.stat(directory)  # noqa: PTH116  (at every look)
    except OSError:
        return None
    return status.st_dev, status.st_ino
