"""ToldTraces: what is told of the selected traces by rules, errors, operations and the ways of people: the questions that
need whole traces, and what all questions share.
"""

import time
from collections.abc import Hashable
from dataclasses import replace

import numpy as np

from diamond_viewer.clickhouse.bench import MakeBench, examine, settle
from diamond_viewer.clickhouse.benches import Benches
from diamond_viewer.clickhouse.binding import Bound
from diamond_viewer.clickhouse.cluster_health import ClusterFigures, feed_state
from diamond_viewer.clickhouse.connection import Connection
from diamond_viewer.clickhouse.differences import DIFFERENCES
from diamond_viewer.clickhouse.examined import Examined
from diamond_viewer.clickhouse.layout import Layout
from diamond_viewer.clickhouse.logs import search_logs
from diamond_viewer.clickhouse.marked import ALL_MARKS, MarkedTraces
from diamond_viewer.clickhouse.metrics import ClusterMetrics
from diamond_viewer.clickhouse.opened import OpenedTraces
from diamond_viewer.clickhouse.people import Named, named_in, placed, said_in
from diamond_viewer.clickhouse.pulse import Pulse
from diamond_viewer.clickhouse.rows import TraceRows
from diamond_viewer.clickhouse.selection import Column, Extent, Selection, rows_of_window
from diamond_viewer.clickhouse.selections import WHOLE, Selections
from diamond_viewer.clickhouse.watched import watching
from diamond_viewer.diagnosis.finding import Finding
from diamond_viewer.diagnosis.found import FoundPage
from diamond_viewer.query.log_query import LogQuery
from diamond_viewer.query.query import Query
from diamond_viewer.query.terms import Carries, Field, Overlaps, Term
from diamond_viewer.query.troubled import ranked_troubles
from diamond_viewer.telemetry.found_logs import FoundLogs
from diamond_viewer.telemetry.metrics import MetricCatalogue, SeriesPoints
from diamond_viewer.telemetry.model import FeedState, Health
from diamond_viewer.telemetry.service_map import ServiceMap
from diamond_viewer.telemetry.tallies import ErrorGroups, Operations
from diamond_viewer.telemetry.ways import TROUBLE_FLAGS, Troubles, Watching, Way

JOURNEY_TRACES, JOURNEY_SPANS = 300, 20_000  # of one person are looked at together, as in memory


class ToldTraces:
    def __init__(self, cluster: Connection, make_bench: MakeBench) -> None:
        self._cluster = cluster
        self._make_bench = make_bench
        self._pulse = Pulse(cluster)
        self._selections = Selections(self)
        self._marked = MarkedTraces(self)
        self._rows = TraceRows(self, make_bench, self._marked)
        self._opened = OpenedTraces(self, make_bench)
        self._examined = Examined(self, make_bench)
        self._benches = Benches(self, make_bench)
        self._figures = ClusterFigures(self)
        self._metrics = ClusterMetrics(self, make_bench)
        self._said: tuple[object, FeedState] = (None, FeedState(ready=True))

    @property
    def cluster(self) -> Connection:
        return self._cluster

    @property
    def layout(self) -> Layout:
        return self._pulse.layout()

    def extent(self) -> Extent:
        return self._pulse.extent()

    def close(self) -> None:
        self._examined.close()
        self._pulse.close()
        self._cluster.close()

    def version(self) -> int:
        """Of what the cluster holds, and of what has been found out about it."""
        return self._pulse.version() + self._examined.version

    # -- what needs whole traces

    def errors(self, query: Query, now_ns: int, limit: int, *, fingerprint: str = "", examples: int = 3) -> ErrorGroups:
        found = self._selected(query, now_ns, "errors")
        failed = replace(found.chosen(found.error_count > 0), is_exact=False)
        laid = self._benches.of(("errors", found.terms), failed)
        settle(laid.bench, query, now_ns)
        answer = laid.bench.errors(query, now_ns, limit, fingerprint=fingerprint, examples=examples)
        return replace(answer, is_complete=laid.is_complete, scanned_to_ns=laid.scanned_to_ns)

    def operations(self, query: Query, now_ns: int, limit: int) -> Operations:
        found = self._selected(query, now_ns, "operations")
        laid = self._benches.of(("all", found.terms), found)
        settle(laid.bench, query, now_ns)
        answer = laid.bench.operations(query, now_ns, limit)
        return replace(answer, is_complete=laid.is_complete, scanned_to_ns=laid.scanned_to_ns)

    def service_map(self, query: Query, now_ns: int) -> ServiceMap:
        found = self._selected(query, now_ns, "service_map")
        laid = self._benches.of(("all", found.terms), found)
        settle(laid.bench, query, now_ns)
        answer = laid.bench.service_map(query, now_ns)
        return replace(answer, is_complete=laid.is_complete, scanned_to_ns=laid.scanned_to_ns)

    def findings(self, query: Query, now_ns: int) -> FoundPage:
        version = self.version()
        found = self._selected(query, now_ns, "findings")
        is_complete = self._examined.examine(found) and found.is_complete
        told = self._examined.findings(found, query.values("finding"))
        first = (query.page - 1) * query.limit
        page = told[first : first + query.limit]
        return FoundPage(page, len(told), version, is_complete, scanned_to_ns=found.scanned_to_ns)

    def similar(self, fingerprint: str, since_ns: int, until_ns: int) -> int:
        found = self._whole(Overlaps(since_ns, until_ns))
        return self._examined.count_like(found.chosen(found.starts >= since_ns), fingerprint)

    def people_alike(self, fingerprint: str, since_ns: int, until_ns: int) -> int:
        """Nobody has looked at everybody's visits: see ``differences``."""
        return 0

    def journey(self, user: str, since_ns: int, until_ns: int) -> tuple[Finding, ...]:
        terms = (Carries(Field.USER, user), _window(since_ns, until_ns))
        found = self._whole(*terms)
        found = found.chosen(np.arange(min(len(found), JOURNEY_TRACES)))
        found = found.chosen(found.span_count.cumsum() <= JOURNEY_SPANS)
        laid = self._benches.of(("way", *terms), replace(found, is_exact=False))
        return laid.bench.journey(user, since_ns, until_ns)

    def way(self, field: str, value: str, since_ns: int, until_ns: int) -> Way:
        terms = (Carries(Field(field), value), _window(since_ns, until_ns))
        laid = self._benches.of(("way", *terms), self._whole(*terms))
        examine(laid.bench)
        answer = laid.bench.way(field, value, since_ns, until_ns)
        return replace(answer, is_complete=laid.is_complete, scanned_to_ns=laid.scanned_to_ns)

    def troubles(self, field: str, text: str, since_ns: int, until_ns: int, limit: int) -> Troubles:
        found, people = self._people(Field(field), text, _window(since_ns, until_ns))
        flags = self._flags(found, TROUBLE_FLAGS)
        return replace(
            ranked_troubles(people.names, people.places, flags[people.rows], found.starts[people.rows], limit),
            most_names=0 if people.is_all else len(people.names),
            is_complete=found.is_complete,
            scanned_to_ns=found.scanned_to_ns,
        )

    def watching(self, since_ns: int, until_ns: int) -> Watching:
        found, lessons = self._people(Field.LESSON, "", _window(since_ns, until_ns))
        theirs = replace(found.chosen(np.unique(lessons.rows)), is_exact=False)
        answer = watching(self, theirs, len(lessons.names))
        return replace(answer, is_complete=found.is_complete, scanned_to_ns=found.scanned_to_ns)

    def logs(self, query: LogQuery, now_ns: int, buckets: int) -> FoundLogs:
        version = self.version()
        return replace(search_logs(self, self._make_bench, query, now_ns, buckets), version=version)

    def metrics(self) -> MetricCatalogue:
        return self._metrics.bench().metrics()

    def series(self, metric: str) -> tuple[SeriesPoints, ...]:
        return self._metrics.bench().series(metric)

    # -- what is said of the cluster

    def feed(self) -> FeedState:
        """Asks nobody: what was last seen of the cluster."""
        extent, fault = self._pulse.known()
        if (extent, fault) != self._said[0]:
            self._said = (extent, fault), feed_state(self._cluster, extent, fault)
        return self._said[1]

    def health(self) -> Health:
        """While the cluster cannot be asked: what was last known of it, and why."""
        extent, fault = self._pulse.known()
        if fault is None:
            extent = self.extent()
            self._figures.renew(self.version())
        rows = extent.rows if extent else 0
        return Health(
            version=self._pulse.last_version + self._examined.version,
            traces=self._figures.traces,
            spans=rows - self._figures.duplicate_spans,
            lines=rows,
            duplicate_spans=self._figures.duplicate_spans,
            memory_bytes=0,
            feed=self.feed(),
            counters=self._figures.counters,
            differences=tuple(difference.sentence for difference in DIFFERENCES),
            layout=layout.name if (layout := self._pulse.known_layout) else "",
        )

    # -- what all questions share

    def _selected(self, query: Query, now_ns: int, asker: str) -> Selection:
        """The traces that match, decided by whole traces where the SQL cannot; ``asker`` as in ``Selections.of``."""
        found = self._within(*query.terms(now_ns), asker=(asker, query.page, query.limit, query.sort))
        return found if found.is_exact else self._examined.decided(found, query, now_ns)

    def _within(self, *terms: Term, asker: Hashable) -> Selection:
        return self._selections.of(terms, self._pulse.version(), asker)

    def _whole(self, *terms: Term) -> Selection:
        """For pages that stand still: everything, or the newest of what is too much, or of what takes too long."""
        until_s = time.monotonic() + self._cluster.address.timeout_s
        while not (found := self._within(*terms, asker=WHOLE)).is_through and time.monotonic() < until_s:
            pass
        return found

    def _people(self, field: Field, text: str, window: Overlaps) -> tuple[Selection, Named]:
        """The traces of the window, and who is named in them: asked at the same time where it is known beforehand which rows
        these are."""
        if not self._selections.is_one_slice((window,)):
            found = self._whole(window)
            return found, named_in(self, found, field, text)
        bound = Bound()
        rows = rows_of_window(self, (window,), bound)
        found, said = self._cluster.together(
            lambda: self._whole(window), lambda: said_in(self, rows, bound, field, text)
        )
        return found, placed(found, said)

    def _flags(self, found: Selection, wanted: int = ALL_MARKS) -> Column:
        """The wanted flags of the selected traces at least: what rules tell as far as they were examined."""
        flags: Column = self._marked.flags(found, wanted) | self._examined.flags(found)
        return flags


def _window(since_ns: int, until_ns: int) -> Overlaps:
    """Who asks from 0 on has asked for no time: that is bounded as any such question is (``Selections``)."""
    return Overlaps(since_ns or None, until_ns)
