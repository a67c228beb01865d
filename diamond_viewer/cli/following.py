"""What comes in while somebody looks on: which traces have grown, which have come to rest, and which of them match."""

import threading
import time
from collections import OrderedDict

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.store import Adoption, SealedSpans
from diamond_viewer.telemetry.model import FeedState
from diamond_viewer.telemetry.otlp import Batch

REST_S = 1.0  # a trace that has not grown for so long has come to rest; its parts come with the exporters' batches
MAX_REMEMBERED = 100_000  # traces and spans that were told


class Followed:
    """A ``TraceWriter`` that notes what it passes on to the store; the feed's thread writes, another asks."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._added: list[Batch] = []
        self._batches: list[Batch] = []
        self._grown_s: OrderedDict[str, float] = OrderedDict()

    def is_held(self, digest: bytes) -> bool:
        return self._store.is_held(digest)

    def add(self, batch: Batch, digest: bytes) -> None:
        self._store.add(batch, digest)
        if batch.names:
            self._added.append(batch)

    def commit(self) -> None:
        self._store.commit()
        if not self._added:
            return
        added, self._added = self._added, []
        now_s = time.monotonic()
        with self._lock:
            self._batches += added
            for trace_id in {trace_id for batch in added for trace_id in trace_ids_of(batch)}:
                self._grown_s[trace_id] = now_s
                self._grown_s.move_to_end(trace_id)

    def report(self, state: FeedState) -> None:
        self._store.report(state)

    def adopt(self, spans: SealedSpans) -> Adoption:
        return self._store.adopt(spans)

    def take_batches(self) -> list[Batch]:
        """What has become visible since the last call, line by line."""
        with self._lock:
            batches, self._batches = self._batches, []
        return batches

    def take_rested(self, rest_s: float = REST_S) -> list[str]:
        """Traces that have grown and have now not grown for so long; each is given out once until it grows again."""
        before_s = time.monotonic() - rest_s
        rested = []
        with self._lock:
            for trace_id, grown_s in self._grown_s.items():  # the longest ago first
                if grown_s > before_s:
                    break
                rested.append(trace_id)
            for trace_id in rested:
                del self._grown_s[trace_id]
        return rested


class Remembered:
    """The last keys, so many of them."""

    def __init__(self, most: int = MAX_REMEMBERED) -> None:
        self._most = most
        self._keys: OrderedDict[object, None] = OrderedDict()

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def add(self, key: object) -> bool:
        """False when it was there."""
        is_new = key not in self._keys
        self._keys[key] = None
        self._keys.move_to_end(key)
        if len(self._keys) > self._most:
            self._keys.popitem(last=False)
        return is_new


def trace_ids_of(batch: Batch) -> set[str]:
    packed = batch.trace_ids
    return {packed[at : at + 16].hex() for at in range(0, len(packed), 16)}
