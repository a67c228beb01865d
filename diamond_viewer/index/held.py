"""HeldTraces: the readers' side of the store in memory. Any number of readers ask while one writer lays blocks into segments.

One lock: a reader holds it while it looks at columns; originals are decompressed and decoded outside of it. What leaves the
store are values, never live arrays.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from diamond_viewer.index import answers
from diamond_viewer.index.attached import key_of_id
from diamond_viewer.index.beginnings import beginning_with
from diamond_viewer.index.carried import CarriedValues
from diamond_viewer.index.causes import tell as tell_causes
from diamond_viewer.index.cut_lines import CutLines
from diamond_viewer.index.departed_traces import DepartedTraces
from diamond_viewer.index.error_answers import errors
from diamond_viewer.index.event_counts import count_events
from diamond_viewer.index.histograms import histogram, scatter
from diamond_viewer.index.log_answers import Asked, Named, find_logs
from diamond_viewer.index.log_share import LogShare
from diamond_viewer.index.mapping import map_services
from diamond_viewer.index.metric_series import MetricSeries
from diamond_viewer.index.opening import TraceLines, opened, sketched
from diamond_viewer.index.operation_answers import operations
from diamond_viewer.index.originals import Excerpt
from diamond_viewer.index.places import NOWHERE, Keys, PlaceTable, trace_keys
from diamond_viewer.index.requests import tell as tell_requests
from diamond_viewer.index.scanning import scan
from diamond_viewer.index.segment import Place, Segment
from diamond_viewer.index.segment_logs import SegmentLogs
from diamond_viewer.index.span_names import names_of_spans
from diamond_viewer.index.summaries import summary
from diamond_viewer.index.troubles import troubles, watching
from diamond_viewer.index.ways import way
from diamond_viewer.query.log_query import LogQuery
from diamond_viewer.query.query import Query
from diamond_viewer.query.terms import Carries, Field, Overlaps, Term
from diamond_viewer.store import Intervals
from diamond_viewer.telemetry.found_logs import FoundLogs
from diamond_viewer.telemetry.metrics import MetricCatalogue, SeriesPoints
from diamond_viewer.telemetry.model import Facets, Histogram, Page, Scatter, Stats, Trace, TraceSummary
from diamond_viewer.telemetry.service_map import ServiceMap
from diamond_viewer.telemetry.sketch import TraceSketch
from diamond_viewer.telemetry.tallies import ErrorGroups, Operations
from diamond_viewer.telemetry.ways import Troubles, Watching, Way

FIRST_SEGMENT = 2**20  # what is adopted later is older and counts down from here
NUMBER_BITS = 32
NUMBER_MASK = 2**NUMBER_BITS - 1

SEARCH_NS = 120_000_000  # spent on originals before a search answers with what was found so far ...
STATS_NS = 30_000_000  # ... and before its figures do: a page shows its first hits within 300 ms
WORK_NS = 500_000_000  # spent on segments that nobody has asked about errors or operations yet
MAP_NS = 400_000_000  # spent on finding out who calls whom before the map says that it is partial


class HeldTraces:
    """Segments by number, oldest first when sorted, and where each trace lives in them."""

    def __init__(self, departed_traces: DepartedTraces, metrics: MetricSeries, log_share: LogShare) -> None:
        self._departed_traces = departed_traces
        self._log_share = log_share
        self._metrics = metrics
        self._lock = threading.RLock()
        self._open = Segment(FIRST_SEGMENT)
        self._segments: dict[int, Segment] = {FIRST_SEGMENT: self._open}
        self._places = PlaceTable()
        self._version = 0
        self._last_matched: tuple[int, tuple[Term, ...], answers.Matched] | None = None
        self._carried = CarriedValues()
        self._cut_lines = CutLines()
        self._ahead: set[int] = set()  # segments that were worked out at a quiet moment
        self._answered = 0  # how often anybody has asked: what is kept to answer faster may have grown

    def version(self) -> int:
        return self._version

    def search(self, query: Query, now_ns: int) -> Page:
        self._scan(query, now_ns, SEARCH_NS)
        with self._lock:
            return answers.search(self._matched(query, now_ns), query, self._version)

    def trace(self, trace_id: str) -> Trace | None:
        found = self._lines_of(trace_id)
        return opened(found) if found else None

    def sketch(self, trace_id: str) -> TraceSketch | None:
        return self.sketches([trace_id]).get(trace_id)

    def sketches(self, trace_ids: Sequence[str]) -> dict[str, TraceSketch]:
        found = {trace_id: lines for trace_id in trace_ids if (lines := self._lines_of(trace_id)) is not None}
        return dict(zip(found, sketched(list(found.values())), strict=True))

    def summary(self, trace_id: str) -> TraceSummary | None:
        key = key_of_id(trace_id)
        if key is None:
            return None
        with self._lock:
            place = self._place(int(self._places.find(key)[0]))
            return self._full_summary(place, key) if place else None

    def beginning_with(self, digits: str, limit: int) -> tuple[TraceSummary, ...]:
        with self._lock:
            return beginning_with(list(self._segments.values()), digits, limit)

    def _place_of(self, trace_id: str) -> Place | None:
        key = key_of_id(trace_id)
        return None if key is None else self._place(int(self._places.find(key)[0]))

    def _held_places(self, trace_ids: Iterable[str]) -> dict[str, Place]:
        """Of those of these traces that are held, in their order, each once."""
        keys = {trace_id: key for trace_id in trace_ids if (key := key_of_id(trace_id)) is not None}
        places = self._places.find(np.concatenate(list(keys.values()))).tolist() if keys else []
        found = {trace_id: self._place(place) for trace_id, place in zip(keys, places, strict=True)}
        return {trace_id: place for trace_id, place in found.items() if place is not None}

    def left_ns(self, trace_id: str) -> int:
        key = key_of_id(trace_id)
        with self._lock:
            return self._departed_traces.left_ns(key) if key is not None else 0

    def _full_summary(self, place: Place, key: Keys) -> TraceSummary:
        """The row of a trace with what is attached to it."""
        logs = sum(len(segment.logs.rows_of(key)) for segment in self._segments.values())
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
            spans: list[Excerpt] = []
            logs: list[Excerpt] = []
            links: list[Excerpt] = []
            for segment, number in place[0].places_of(place[1]):
                rows = segment.rows_of(number)
                spans += [segment.originals.excerpt(line) for line in np.unique(segment.spans["line"][rows]).tolist()]
            for segment in self._segments.values():
                logs += segment.logs.excerpts_of(key)
                links += [segment.originals.excerpt(line) for line in dict.fromkeys(segment.backlinks.lines_of(key))]
            return TraceLines(self._full_summary(place, key), spans, logs, links)

    def stats(self, query: Query, now_ns: int) -> Stats:
        self._scan(query, now_ns, STATS_NS)
        with self._lock:
            return answers.stats(self._matched(query, now_ns))

    def histogram(self, query: Query, now_ns: int, buckets: int) -> Histogram:
        with self._lock:
            return histogram(self._matched(query, now_ns).matches, query, now_ns, buckets)

    def scatter(self, query: Query, now_ns: int, columns: int, rows: int) -> Scatter:
        with self._lock:
            return scatter(self._matched(query, now_ns).matches, query, now_ns, columns, rows)

    def facets(self, query: Query, now_ns: int, limit: int) -> Facets:
        with self._lock:
            return answers.facets(self._matched(query, now_ns), limit)

    def _matched(self, query: Query, now_ns: int) -> answers.Matched:
        """What matches now. A page asks for list, figures, histogram and facets of the same: it is looked up once."""
        terms = query.terms(now_ns)
        self._answered += 1
        if self._last_matched is not None and self._last_matched[:2] == (self._version, terms):
            return self._last_matched[2]
        found = answers.matched(list(self._segments.values()), terms)
        if found.is_final:
            self._last_matched = self._version, terms, found
        return found

    def errors(self, query: Query, now_ns: int, limit: int, *, fingerprint: str = "", examples: int = 3) -> ErrorGroups:
        self._scan(query, now_ns, STATS_NS)
        self._work_out(tell_causes)
        with self._lock:
            return errors(self._matched(query, now_ns), query.window(now_ns), now_ns, limit, fingerprint, examples)

    def operations(self, query: Query, now_ns: int, limit: int) -> Operations:
        self._scan(query, now_ns, STATS_NS)
        self._work_out(tell_requests)
        with self._lock:
            return operations(self._matched(query, now_ns), query.window(now_ns), now_ns, limit)

    def _work_out(self, tell: Callable[[Segment], bool]) -> None:
        """Newest segment first, as many as there is time for; the writer may come between two."""
        deadline_ns = time.monotonic_ns() + WORK_NS
        with self._lock:
            numbers = sorted(self._segments, reverse=True)
        for number in numbers:
            with self._lock:
                segment = self._segments.get(number)
                is_news = segment is not None and tell(segment)
            if is_news and time.monotonic_ns() > deadline_ns:
                return

    def work_ahead(self) -> bool:
        """Work out one packed segment's errors and operations before anybody asks; False when there is none left.

        Once for each: what had to go for want of room is worked out again by who asks, and not in a circle.
        """
        with self._lock:
            ahead = [one for one in self._segments.values() if not one.is_open and one.number not in self._ahead]
            if not ahead:
                return False
            segment = max(ahead, key=lambda one: one.number)
            self._ahead = (self._ahead & self._segments.keys()) | {segment.number}
            tell_causes(segment)
        with self._lock:  # a reader or the writer may come between
            tell_requests(segment)
        return True

    def logs(self, query: LogQuery, now_ns: int, buckets: int) -> FoundLogs:
        key = key_of_id(query.trace) if query.trace else None
        named = tuple(
            Named(field.value, value, self._keys_carrying(field, value))
            for field, value in ((Field.USER, query.user), (Field.LESSON, query.lesson))
            if value
        )
        asked = Asked(query, query.window(now_ns), key, named, query.words)
        found = find_logs(self._lock, self._held_logs, asked, SEARCH_NS, buckets)
        return replace(found, version=self._version, held_since_ns=self._log_share.held_since_ns)

    def _held_logs(self) -> list[SegmentLogs]:
        self._answered += 1
        return [segment.logs for segment in self._segments.values()]

    def _keys_carrying(self, field: Field, value: str) -> Keys:
        """The keys of the traces that name a user or a lesson."""
        with self._lock:
            matches = answers.matched(list(self._segments.values()), (Carries(field, value),)).matches
            high, low = (answers.joined(matches, half, np.uint64) for half in ("high", "low"))
            return trace_keys(high, low)

    def service_map(self, query: Query, now_ns: int) -> ServiceMap:
        self._scan(query, now_ns, STATS_NS)
        return map_services(self._lock, lambda: self._matched(query, now_ns), self._place_of_key, MAP_NS)

    def _place_of_key(self, key: Keys) -> Place | None:
        return self._place(int(self._places.find(key)[0]))

    def _scan(self, query: Query, now_ns: int, budget_ns: int) -> None:
        scan(self._lock, lambda: list(self._segments.values()), query.terms(now_ns), budget_ns)

    def values(self, field: str, text: str, limit: int) -> list[tuple[str, int]]:
        with self._lock:
            self._answered += 1
            return self._carried.values(list(self._segments.values()), Field(field), text, limit)

    def names_of_spans(self, service: str, limit: int) -> list[tuple[str, int]]:
        with self._lock:
            return names_of_spans(list(self._segments.values()), service, limit)

    def way(self, field: str, value: str, since_ns: int, until_ns: int) -> Way:
        with self._lock:
            return way(list(self._segments.values()), Field(field), value, Overlaps(since_ns, until_ns))

    def troubles(self, field: str, text: str, since_ns: int, until_ns: int, limit: int) -> Troubles:
        with self._lock:
            return troubles(list(self._segments.values()), Field(field), text, Overlaps(since_ns, until_ns), limit)

    def watching(self, since_ns: int, until_ns: int) -> Watching:
        with self._lock:
            return watching(list(self._segments.values()), Overlaps(since_ns, until_ns))

    def metrics(self) -> MetricCatalogue:
        return self._metrics.catalogue()

    def series(self, metric: str) -> tuple[SeriesPoints, ...]:
        return self._metrics.series(metric)

    def count_events(self, name: str, intervals: Intervals) -> Mapping[str, tuple[int, ...]]:
        with self._lock:
            return count_events(list(self._segments.values()), name, intervals)

    def _spare_bytes(self) -> int:
        """What is only kept to answer faster."""
        last_bytes = self._last_matched[2].size_bytes if self._last_matched is not None else 0
        last_bytes += self._carried.size_bytes
        return last_bytes + sum(segment.spare_bytes for segment in self._segments.values())

    def _drop_spare(self) -> None:
        self._last_matched = None
        self._carried = CarriedValues()
        self._cut_lines.clear()
        for segment in self._segments.values():
            segment.drop_spare()

    def _place(self, place: int) -> Place | None:
        return None if place == NOWHERE else (self._segments[place >> NUMBER_BITS], place & NUMBER_MASK)
