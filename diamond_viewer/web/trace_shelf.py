"""TraceShelf: traces that were just looked at, laid out already. Opening, polling, folding and searching share the work."""

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from diamond_viewer.store import TraceStore
from diamond_viewer.trace.arranged import Arranged
from diamond_viewer.trace.matches import matching_places

MAX_SPANS = 150_000  # over all traces kept: about 200 MB at most; the newest stays even if it alone is larger
MAX_TRACES = 24
MAX_SEARCHES = 8  # of one trace


@dataclass(slots=True)
class Reading:
    """One trace as it was when it was read."""

    trace: Arranged
    adjusted: Arranged | None = None
    searches: "OrderedDict[tuple[str, bool], tuple[int, ...]]" = field(default_factory=OrderedDict)

    def arranged(self, is_adjusted: bool) -> Arranged:
        if is_adjusted and self.adjusted is None:
            self.adjusted = self.trace.adjusted()
        return self.adjusted if is_adjusted and self.adjusted is not None else self.trace

    def places_of(self, words: str, is_adjusted: bool) -> tuple[int, ...]:
        """Places that match a search."""
        found = self.searches.get((words, is_adjusted))
        if found is None:
            trace = self.arranged(is_adjusted)
            found = matching_places(trace.spans, words, trace.logs_of if trace.logs else None)
            self.searches[words, is_adjusted] = found
            while len(self.searches) > MAX_SEARCHES:
                self.searches.popitem(last=False)
        return found


class TraceShelf:
    """Safe to use from any thread; two that miss the same trace at once both lay it out, and one of them is kept."""

    def __init__(self, store: TraceStore, max_spans: int = MAX_SPANS) -> None:
        self._store = store
        self._max_spans = max_spans
        self._lock = threading.Lock()
        self._readings: OrderedDict[str, Reading] = OrderedDict()

    def reading(self, trace_id: str) -> Reading | None:
        """The trace as it is now; None when it is not held."""
        summary = self._store.summary(trace_id)
        with self._lock:
            kept = self._readings.pop(trace_id, None)
            if kept is not None and summary is not None and kept.trace.summary == summary:
                self._readings[trace_id] = kept
                return kept
        sketch = self._store.sketch(trace_id) if summary is not None else None
        if sketch is None:
            return None
        reading = Reading(Arranged.of(sketch))
        with self._lock:
            self._readings[trace_id] = reading
            while len(self._readings) > MAX_TRACES or (len(self._readings) > 1 and self.span_count > self._max_spans):
                self._readings.popitem(last=False)
        return reading

    def __len__(self) -> int:
        return len(self._readings)

    @property
    def span_count(self) -> int:
        return sum(len(reading.trace.spans) for reading in self._readings.values())
