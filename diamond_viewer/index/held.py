"""HeldTraces: the readers' side of the store in memory. Any number of readers ask while one writer lays blocks into segments.

One lock: a reader holds it while it looks at columns; originals are decompressed and decoded outside of it. What leaves the
store are values, never live arrays.
"""

import threading
from collections.abc import Mapping

import numpy as np

from diamond_viewer.index import answers
from diamond_viewer.index.event_counts import count_events
from diamond_viewer.index.mapping import map_services
from diamond_viewer.index.metric_series import MetricSeries
from diamond_viewer.index.opening import opened, sketched
from diamond_viewer.index.originals import Excerpt
from diamond_viewer.index.places import NOWHERE, PlaceTable, trace_keys
from diamond_viewer.index.scanning import scan
from diamond_viewer.index.segment import Place, Segment
from diamond_viewer.index.summaries import summary
from diamond_viewer.query.query import Query
from diamond_viewer.query.terms import Field
from diamond_viewer.store import Intervals
from diamond_viewer.telemetry.metrics import MetricCatalogue, SeriesPoints
from diamond_viewer.telemetry.model import Facets, Histogram, Page, Stats, Trace, TraceSummary
from diamond_viewer.telemetry.service_map import ServiceMap
from diamond_viewer.telemetry.sketch import TraceSketch

FIRST_SEGMENT = 2**20  # what is adopted later is older and counts down from here
NUMBER_BITS = 32
NUMBER_MASK = 2**NUMBER_BITS - 1

SEARCH_NS = 200_000_000  # spent on originals before a search answers with what was found so far
STATS_NS = 100_000_000
MAP_NS = 400_000_000  # spent on finding out who calls whom before the map says that it is partial


class HeldTraces:
    """Segments by number, oldest first when sorted, and where each trace lives in them."""

    def __init__(self, metrics: MetricSeries) -> None:
        self._metrics = metrics
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
        found = self._excerpts(trace_id)
        return opened(*found) if found else None

    def sketch(self, trace_id: str) -> TraceSketch | None:
        found = self._excerpts(trace_id)
        return sketched(*found) if found else None

    def summary(self, trace_id: str) -> TraceSummary | None:
        with self._lock:
            place = self._place_of(trace_id)
            return summary(*place) if place else None

    def _place_of(self, trace_id: str) -> Place | None:
        try:
            halves = np.frombuffer(bytes.fromhex(trace_id), ">u8").astype(np.uint64)
        except ValueError:
            return None
        if len(halves) != 2:
            return None
        return self._place(int(self._places.find(trace_keys(halves[:1], halves[1:]))[0]))

    def _excerpts(self, trace_id: str) -> tuple[TraceSummary, list[Excerpt]] | None:
        """The lines that a trace lies on."""
        with self._lock:
            place = self._place_of(trace_id)
            if place is None:
                return None
            wanted = []
            for segment, number in place[0].places_of(place[1]):
                rows = segment.rows_of(number)
                wanted += [segment.originals.excerpt(line) for line in np.unique(segment.spans["line"][rows]).tolist()]
            return summary(*place), wanted

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

    def service_map(self, query: Query, now_ns: int) -> ServiceMap:
        self._scan(query, now_ns, STATS_NS)
        return map_services(self._lock, lambda: list(self._segments.values()), query, now_ns, MAP_NS)

    def _scan(self, query: Query, now_ns: int, budget_ns: int) -> None:
        scan(self._lock, lambda: list(self._segments.values()), query.terms(now_ns), budget_ns)

    def values(self, field: str, text: str, limit: int) -> list[tuple[str, int]]:
        with self._lock:
            return answers.values(list(self._segments.values()), Field(field), text, limit)

    def metrics(self) -> MetricCatalogue:
        return self._metrics.catalogue()

    def series(self, metric: str) -> tuple[SeriesPoints, ...]:
        return self._metrics.series(metric)

    def count_events(self, name: str, intervals: Intervals) -> Mapping[str, tuple[int, ...]]:
        with self._lock:
            return count_events(list(self._segments.values()), name, intervals)

    def _place(self, place: int) -> Place | None:
        return None if place == NOWHERE else (self._segments[place >> NUMBER_BITS], place & NUMBER_MASK)
