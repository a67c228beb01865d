"""The thread that examines traces at quiet moments, and then works out what the errors and operations pages will ask for: not
while a backlog is read, and never for longer than it then rests.
"""

import logging
import threading
import time
from typing import Self

from diamond_viewer.index.examined import ExaminedTraces
from diamond_viewer.resident import give_back

SLICE_NS = 20_000_000  # about what it takes to show a page: a reader waits that long for it, at most
# of memory that answers and decoded traces have left behind between what is still in use: a few ms, without Python's lock
GIVE_BACK_EVERY_S = 5.0
IDLE_S = 0.3  # until traces that came to rest are looked for again

log = logging.getLogger(__name__)


class Examiner:
    def __init__(self, store: ExaminedTraces) -> None:
        self._store = store
        self._stopping = threading.Event()
        self._given_back = (0, 0.0)  # the store's version, and when
        self._thread = threading.Thread(target=self._run, name="examiner", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        self._stopping.set()
        self._thread.join(timeout_s)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        wait_s = 0.0
        while not self._stopping.wait(wait_s):
            wait_s = IDLE_S
            self._give_back()
            if not self._store.is_followed:
                continue
            began_s = time.monotonic()
            try:
                if not self._store.examine(SLICE_NS) or self._store.work_ahead():
                    wait_s = time.monotonic() - began_s
            except Exception:
                log.exception("The examiner stumbled; it goes on at the next look.")

    def _give_back(self) -> None:
        version, now_s = self._store.version(), time.monotonic()
        if version != self._given_back[0] and now_s - self._given_back[1] >= GIVE_BACK_EVERY_S:
            give_back()
            self._given_back = version, now_s
