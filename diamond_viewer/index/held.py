"""HeldTraces: the readers' side of the store in memory. Any number of readers ask while one writer lays blocks into segments.

One lock: a reader holds it while it looks at columns; originals are decompressed and decoded outside of it. What leaves the
store are values, never live arrays.
"""

import threading
from dataclasses import replace

import numpy as np

from diamond_viewer.index import answers
from diamond_viewer.index.attached import key_of_id
from diamond_viewer.index.departed import Departed
from diamond_viewer.index.opening import TraceLines, opened, sketched
from diamond_viewer.index.places import NOWHERE, Keys, PlaceTable
from diamond_viewer.index.scanning import scan
from diamond_viewer.index.segment import Place, Segment
from diamond_viewer.index.summaries import summary
from diamond_viewer.query.query import Query
from diamond_viewer.query.terms import Field
from diamond_viewer.telemetry.model import Facets, Histogram, Page, Stats, Trace, TraceSummary
from diamond_viewer.telemetry.sketch import TraceSketch

FIRST_SEGMENT = 2**20  # what is adopted later is older and counts down from here
NUMBER_BITS = 32
NUMBER_MASK = 2**NUMBER_BITS - 1

SEARCH_NS = 200_000_000  # spent on originals before a search answers with what was found so far
STATS_NS = 100_000_000


class HeldTraces:
    """Segments by number, oldest first when sorted, and where each trace lives in them."""

    def __init__(self, departed: Departed) -> None:
        self._departed = departed
        self._lock = threading.RLock()
        self._open = Segment(FIRST_SEGMENT)
        self._segments: dict[int, Segment] = {FIRST_SEGMENT: self._open}
        self._places = PlaceTable()
        self._version = 0

    def version(self) -> int:
        return self._version

    def search(self, query: Query, now_ns: int) -> Page:
        self._scan(query, now_ns, SEARCH_NS)
        with self._lock:
            return answers.search(list(self._segments.values()), query, now_ns, self._version)

    def trace(self, trace_id: str) -> Trace | None:
        found = self._lines_of(trace_id)
        return opened(found) if found else None

    def sketch(self, trace_id: str) -> TraceSketch | None:
        found = self._lines_of(trace_id)
        return sketched(found) if found else None

    def summary(self, trace_id: str) -> TraceSummary | None:
        key = key_of_id(trace_id)
        if key is None:
            return None
        with self._lock:
            place = self._place(int(self._places.find(key)[0]))
            return self._full_summary(place, key) if place else None

    def left_ns(self, trace_id: str) -> int:
        key = key_of_id(trace_id)
        with self._lock:
            return self._departed.left_ns(key) if key is not None else 0

    def _full_summary(self, place: Place, key: Keys) -> TraceSummary:
        """The row of a trace with what is attached to it."""
        logs = sum(len(segment.logs.lines_of(key)) for segment in self._segments.values())
        backlinks = sum(len(segment.backlinks.lines_of(key)) for segment in self._segments.values())
        found = summary(*place)
        return replace(found, log_count=logs, backlink_count=backlinks) if logs or backlinks else found

    def _lines_of(self, trace_id: str) -> TraceLines | None:
        """The lines that a trace lies on."""
        key = key_of_id(trace_id)
        if key is None:
            return None
        with self._lock:
            place = self._place(int(self._places.find(key)[0]))
            if place is None:
                return None
            spans, logs, links = [], [], []
            for segment, number in place[0].places_of(place[1]):
                rows = segment.rows_of(number)
                spans += [segment.originals.excerpt(line) for line in np.unique(segment.spans["line"][rows]).tolist()]
            for segment in self._segments.values():
                logs += [segment.originals.excerpt(line) for line in dict.fromkeys(segment.logs.lines_of(key))]
                links += [segment.originals.excerpt(line) for line in dict.fromkeys(segment.backlinks.lines_of(key))]
            return TraceLines(self._full_summary(place, key), spans, logs, links)

    def stats(self, query: Query, now_ns: int) -> Stats:
        self._scan(query, now_ns, STATS_NS)
        with self._lock:
            return answers.stats(list(self._segments.values()), query, now_ns)

    def histogram(self, query: Query, now_ns: int, buckets: int) -> Histogram:
        with self._lock:
            return answers.histogram(list(self._segments.values()), query, now_ns, buckets)

    def facets(self, query: Query, now_ns: int, limit: int) -> Facets:
        with self._lock:
            return answers.facets(list(self._segments.values()), query, now_ns, limit)

    def _scan(self, query: Query, now_ns: int, budget_ns: int) -> None:
        scan(self._lock, lambda: list(self._segments.values()), query.terms(now_ns), budget_ns)

    def values(self, field: str, text: str, limit: int) -> list[tuple[str, int]]:
        with self._lock:
            return answers.values(list(self._segments.values()), Field(field), text, limit)

    def _place(self, place: int) -> Place | None:
        return None if place == NOWHERE else (self._segments[place >> NUMBER_BITS], place & NUMBER_MASK)
