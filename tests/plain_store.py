"""PlainStore: every answer of ``TraceStore`` by plain loops over parsed OTLP/JSON. The truth the index is held against.

It shares no code with ``telemetry/otlp.py`` and ``index/``, only the values of ``telemetry/model.py`` and the query. It
is slow, keeps everything and redacts nothing. What the contract leaves open is decided where it matters and said in that
function's docstring.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

from diamond_viewer.diagnosis.diagnose import Diagnosis, diagnose_journey, diagnosis_of
from diamond_viewer.diagnosis.finding import Finding
from diamond_viewer.diagnosis.found import FoundFinding, FoundPage
from diamond_viewer.query.log_query import LogQuery
from diamond_viewer.query.query import Query
from diamond_viewer.query.terms import Carries, Field, HasFlag, LastsBetween, Overlaps, Term
from diamond_viewer.store import Intervals
from diamond_viewer.telemetry.found_logs import FoundLogs
from diamond_viewer.telemetry.metrics import MetricCatalogue, SeriesPoints
from diamond_viewer.telemetry.model import (
    Facets,
    FeedState,
    Flag,
    Health,
    Histogram,
    Page,
    Scatter,
    ScatterCell,
    Span,
    Stats,
    Trace,
    TraceSummary,
    flag_names,
)
from diamond_viewer.telemetry.scale import log_edges
from diamond_viewer.telemetry.service_map import ServiceMap
from diamond_viewer.telemetry.sketch import TraceSketch, sketch_trace
from diamond_viewer.telemetry.tallies import ErrorGroups, Operations
from diamond_viewer.telemetry.ways import Troubles, Watching, Way
from tests.plain_histogram import histogram_of, most_carried, nearest_rank
from tests.plain_journeys import PlainPeople, followed
from tests.plain_language import holds, http_status_of, route_of
from tests.plain_logs import plain_logs, read_records
from tests.plain_map import plain_map
from tests.plain_metrics import plain_catalogue, plain_series_of
from tests.plain_otlp import Json, content_of, is_one_document, read_documents, read_spans
from tests.plain_tallies import plain_errors, plain_operations
from tests.plain_trace import begins_with, carried, summarise
from tests.plain_ways import plain_troubles, plain_watching, plain_way


class PlainStore(PlainPeople):
    """A ``TraceStore`` that looks at everything for every question."""

    def __init__(self) -> None:
        self._spans: dict[str, dict[str, Span]] = {}  # trace id -> content -> span: a span counts once
        self._summaries: dict[str, TraceSummary] = {}
        self._diagnoses: dict[str, Diagnosis] = {}
        self._rows: list[TraceSummary] = []  # until spans come: a page asks for the same many times ...
        self._values: dict[tuple[str, Field], set[str]] = {}  # ... as for what a trace carries
        self._version = 0
        self._lines = self._bad_lines = self._duplicate_spans = 0
        self._feed: FeedState | None = None
        self._metric_documents: list[Json] = []
        self._log_documents: list[Json] = []

    @classmethod
    def from_files(cls, paths: Iterable[Path | str]) -> Self:
        """Whole files: newline-delimited documents, or one document (an array, pretty-printed) over all of a file."""
        store = cls()
        for path in paths:
            content = Path(path).read_bytes()
            store.add_lines([content] if is_one_document(content) else content.split(b"\n"))
        return store

    @classmethod
    def from_lines(cls, lines: Iterable[bytes | str]) -> Self:
        store = cls()
        store.add_lines(lines)
        return store

    @classmethod
    def from_spans(cls, spans: Iterable[Span]) -> Self:
        store = cls()
        store._settle(store._add_spans(spans))
        return store

    def add_lines(self, lines: Iterable[bytes | str]) -> None:
        """Take more lines; the version moves if any of them was telemetry."""
        lines_before = self._lines
        changed: set[str] = set()
        for line in lines:
            try:
                documents = read_documents(line)
            except ValueError:
                self._bad_lines += 1
                continue
            self._lines += bool(documents)
            self._metric_documents += [document for document in documents if "resourceMetrics" in document]
            self._log_documents += [document for document in documents if "resourceLogs" in document]
            changed |= self._add_spans(span for document in documents for span in read_spans(document))
        self._settle(changed)  # once: a trace may lie on all of the lines
        if self._lines != lines_before:
            self._version += 1

    def _add_spans(self, spans: Iterable[Span]) -> set[str]:
        changed: set[str] = set()
        for span in spans:
            held = self._spans.setdefault(span.trace_id, {})
            content = content_of(span)
            if content in held:
                self._duplicate_spans += 1
            else:
                held[content] = span
                changed.add(span.trace_id)
        return changed

    def _settle(self, changed: set[str]) -> None:
        for trace_id in changed:
            self._diagnoses.pop(trace_id, None)
            self._summaries[trace_id] = summarise(list(self._spans[trace_id].values()))
        if changed:  # what was worked out is out of date
            self._together = None
            self._rows.clear()
            self._values.clear()

    def report(self, state: FeedState) -> None:
        """As a feed would: what ``health`` says of the sources from now on."""
        self._feed = state

    def version(self) -> int:
        return self._version

    def search(self, query: Query, now_ns: int) -> Page:
        matching = self._matching(query, now_ns)
        anchor = query.anchor
        listed = [row for row in matching if anchor is None or _place(row) >= (-anchor.start_ns, anchor.trace_id)]
        figures = {
            "start": lambda row: row.start_ns,
            "duration": lambda row: row.duration_ns,
            "spans": lambda row: row.span_count,
            "errors": lambda row: row.error_count,
        }
        listed.sort(key=lambda row: (-figures[query.sort](row), *_place(row)))
        first = (query.page - 1) * query.limit
        page, newer = tuple(listed[first : first + query.limit]), len(matching) - len(listed)
        return Page(page, total=len(matching), version=self._version, newer=newer)

    def trace(self, trace_id: str) -> Trace | None:
        spans = self._spans.get(trace_id)  # NOT redacted: a test about redaction needs the real store
        return Trace(self._summaries[trace_id], tuple(spans.values())) if spans else None

    def sketch(self, trace_id: str) -> TraceSketch | None:
        return self.sketches([trace_id]).get(trace_id)

    def sketches(self, trace_ids: Sequence[str]) -> dict[str, TraceSketch]:
        return {trace_id: sketch_trace(trace) for trace_id in trace_ids if (trace := self.trace(trace_id))}

    def summary(self, trace_id: str) -> TraceSummary | None:
        row = self._summaries.get(trace_id)
        return None if row is None else self._followed(row)

    def beginning_with(self, digits: str, limit: int) -> tuple[TraceSummary, ...]:
        return tuple(row for row in self.summaries() if begins_with(row.trace_id, digits))[:limit]

    def left_ns(self, trace_id: str) -> int:
        """It forgets nothing."""
        return 0

    def stats(self, query: Query, now_ns: int) -> Stats:
        rows = self._matching(query, now_ns)
        durations = sorted(row.duration_ns for row in rows)
        events: Counter[str] = Counter()
        flags: Counter[str] = Counter()
        failed_users: set[str] = set()
        for row in rows:
            for fact in row.event_facts:
                events[fact.name] += fact.count
            flags.update(flag_names(row.flags))
            if row.flags & Flag.AUTH_FAILURE:
                failed_users.update(row.user_ids)
        return Stats(
            traces=len(rows),
            spans=sum(row.span_count for row in rows),
            error_traces=flags["error"],
            error_spans=sum(row.error_count for row in rows),
            auth_failure_traces=flags["auth-failure"],
            auth_failure_users=len(failed_users),
            slow_traces=flags["slow"],
            slow_db_traces=flags["slow-db"],
            p50_ns=nearest_rank(durations, 50),
            p95_ns=nearest_rank(durations, 95),
            p99_ns=nearest_rank(durations, 99),
            first_start_ns=min((row.start_ns for row in rows), default=0),
            last_start_ns=max((row.start_ns for row in rows), default=0),
            events=dict(events),
            flags={name: count for name, count in flags.items() if count},
        )

    def histogram(self, query: Query, now_ns: int, buckets: int) -> Histogram:
        """``buckets`` equal buckets over the window. Without ``since`` it begins at the first start of what matches; without
        ``until`` it ends now, or without either at the last start.

        The width is ``ceil((last - first + 1) / buckets)``, at least 1 ns: the last ns of the window is in the last
        bucket. Every match is counted: one that began outside the window stands in the bucket nearest to it.
        """
        rows = self._matching(query, now_ns)
        window = query.window(now_ns)
        starts = [row.start_ns for row in rows]
        first = window.since_ns if window.since_ns is not None else min(starts, default=0)
        last = max(starts, default=first) if window.since_ns is None else now_ns
        last = window.until_ns if window.until_ns is not None else last
        width = max(1, -(-(last - first + 1) // buckets))
        return histogram_of(rows, first, width, buckets)

    def scatter(self, query: Query, now_ns: int, columns: int, rows: int) -> Scatter:
        found = self._matching(query, now_ns)
        over_time = self.histogram(query, now_ns, columns)
        durations = [row.duration_ns for row in found]
        edges = log_edges(min(durations, default=1), max(durations, default=1), rows)
        cells = []
        for place in range(rows):
            is_here = [row for row in found if edges[place] <= max(row.duration_ns, edges[0]) < edges[place + 1]]
            here = histogram_of(is_here, over_time.start_ns, over_time.width_ns, columns)
            counted = zip(here.ok, here.auth, here.error, strict=True)
            cells += [ScatterCell(column, place, *counts) for column, counts in enumerate(counted) if any(counts)]
        cells.sort(key=lambda cell: (cell.column, cell.row))
        return Scatter(over_time.start_ns, over_time.width_ns, edges, tuple(cells))

    def facets(self, query: Query, now_ns: int, limit: int) -> Facets:
        rows = self._matching(query, now_ns)
        spans = [list(self._spans[row.trace_id].values()) for row in rows]
        carried = {
            field.value: most_carried([self._carried(row.trace_id, field) - {""} for row in rows], limit)
            for field in Field
        }
        return Facets(
            service=carried["service"],
            operation=carried["operation"],
            status=most_carried([{row.status} for row in rows], limit),
            route=most_carried([set(map(route_of, held)) - {""} for held in spans], limit),
            http_status=most_carried([{str(s) for s in map(http_status_of, held) if s} for held in spans], limit),
            lesson=carried["lesson"],
            user=carried["user"],
            event=carried["event"],
            flag=most_carried([set(flag_names(row.flags)) for row in rows], limit),
            finding=most_carried([{*row.findings, *row.findings_together} for row in rows], limit),
        )

    def errors(self, query: Query, now_ns: int, limit: int, *, fingerprint: str = "", examples: int = 3) -> ErrorGroups:
        traces = [list(self._spans[row.trace_id].values()) for row in self._matching(query, now_ns)]
        return plain_errors(traces, query.window(now_ns), now_ns, limit, fingerprint, examples)

    def operations(self, query: Query, now_ns: int, limit: int) -> Operations:
        traces = [list(self._spans[row.trace_id].values()) for row in self._matching(query, now_ns)]
        return plain_operations(traces, query.window(now_ns), now_ns, limit)

    def values(self, field: str, text: str, limit: int) -> list[tuple[str, int]]:
        """Contains whatever the case, as a reader types; the same number of traces: in the order of the values."""
        counts = Counter(value for trace_id in self._spans for value in self._carried(trace_id, Field(field)) if value)
        found = [(value, count) for value, count in counts.items() if text.casefold() in value.casefold()]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:limit]

    def diagnoses(self, trace_ids: Sequence[str], span_budget: int) -> dict[str, Diagnosis]:
        """The budget is for stores that hold more than a few traces."""
        for trace_id in trace_ids:
            if trace_id not in self._diagnoses and (trace := self.trace(trace_id)):
                self._diagnoses[trace_id] = diagnosis_of(trace)
        known = {trace_id: self._diagnoses[trace_id] for trace_id in trace_ids if trace_id in self._diagnoses}
        return {one: replace(said, journey=self.together().get(one, ())) for one, said in known.items()}

    def findings(self, query: Query, now_ns: int) -> FoundPage:
        rules = query.values("finding")
        found = [
            finding
            for trace_id in (row.trace_id for row in self._matching(query, now_ns))
            for finding in self.diagnoses([trace_id], 0)[trace_id].findings
            if not rules or finding.rule in rules
        ]
        found.sort(key=lambda one: (-one.time_ns, one.trace_ids[0], one.fingerprint))
        alike = Counter(one.fingerprint for one in found)
        first = (query.page - 1) * query.limit
        page = tuple(FoundFinding(one, alike[one.fingerprint]) for one in found[first : first + query.limit])
        over = {one for row in self._matching(query, now_ns) for one in self.together().get(row.trace_id, ())}
        wanted = sorted(
            (one for one in over if not rules or one.rule in rules),
            key=lambda one: (-one.time_ns, one.rule, one.evidence),
        )
        return FoundPage(page, len(found), self._version, journey=tuple(wanted[: query.limit]))

    def similar(self, fingerprint: str, since_ns: int, until_ns: int) -> int:
        rows = [row.trace_id for row in self.summaries() if since_ns <= row.start_ns <= until_ns]
        return sum(
            any(finding.fingerprint == fingerprint for finding in said.findings)
            for said in self.diagnoses(rows, 0).values()
        )

    def journey(self, user: str, since_ns: int, until_ns: int) -> tuple[Finding, ...]:
        window: list[Term] = [Carries(Field.USER, user), Overlaps(since_ns, until_ns)]
        rows = [row for row in self.summaries() if all(self._holds(term, row) for term in window)]
        return diagnose_journey(trace for row in rows if (trace := self.trace(row.trace_id)))

    def way(self, field: str, value: str, since_ns: int, until_ns: int) -> Way:
        chosen = [
            pair for pair in self._between(since_ns, until_ns) if value in self._carried(pair[0].trace_id, Field(field))
        ]
        return plain_way(chosen, field, value)

    def troubles(self, field: str, text: str, since_ns: int, until_ns: int, limit: int) -> Troubles:
        return plain_troubles([row for row, _ in self._between(since_ns, until_ns)], field, text, limit)

    def watching(self, since_ns: int, until_ns: int) -> Watching:
        return plain_watching(self._between(since_ns, until_ns))

    def _between(self, since_ns: int, until_ns: int) -> list[tuple[TraceSummary, list[Span]]]:
        rows = [row for row in self.summaries() if self._holds(Overlaps(since_ns, until_ns), row)]
        return [(row, list(self._spans[row.trace_id].values())) for row in rows]

    def feed(self) -> FeedState:
        return self.health().feed

    def metrics(self) -> MetricCatalogue:
        return plain_catalogue(self._metric_documents)

    def series(self, metric: str) -> tuple[SeriesPoints, ...]:
        return plain_series_of(self._metric_documents, metric)

    def count_events(self, name: str, intervals: Intervals) -> Mapping[str, tuple[int, ...]]:
        counts: dict[str, list[int]] = {}
        for span in (span for held in self._spans.values() for span in held.values()):
            for event in span.events:
                for at, (after_ns, until_ns) in enumerate(intervals):
                    if event.name == name and after_ns < event.time_ns <= until_ns:
                        counts.setdefault(span.service, [0] * len(intervals))[at] += 1
        return {service: tuple(found) for service, found in sorted(counts.items())}

    def logs(self, query: LogQuery, now_ns: int, buckets: int) -> FoundLogs:
        held = read_records(self._log_documents)
        return plain_logs(held, query, now_ns, buckets, self._version, self._names)

    def _names(self, trace_id: str, field: str, value: str) -> bool:
        return trace_id in self._spans and value in self._carried(trace_id, Field(field))

    def service_map(self, query: Query, now_ns: int) -> ServiceMap:
        rows = self._matching(query, now_ns)
        return plain_map(rows, [list(self._spans[row.trace_id].values()) for row in rows], self._spans)

    def health(self) -> Health:
        said = FeedState(ready=True, lines=self._lines + self._bad_lines, bad_lines=self._bad_lines)
        return Health(
            version=self._version,
            traces=len(self._spans),
            spans=sum(len(held) for held in self._spans.values()),
            lines=self._lines,
            duplicate_spans=self._duplicate_spans,
            memory_bytes=0,
            feed=self._feed or said,
        )

    def summaries(self) -> list[TraceSummary]:
        """Every row there is, in the order of the list."""
        if not self._rows:
            self._rows = sorted(map(self._followed, self._summaries.values()), key=_place)
        return list(self._rows)

    def _held_traces(self) -> list[Trace]:
        return [trace for trace_id in self._spans if (trace := self.trace(trace_id))]

    def _followed(self, row: TraceSummary) -> TraceSummary:
        return followed(row, self.together().get(row.trace_id, ()))

    def _matching(self, query: Query, now_ns: int) -> list[TraceSummary]:
        terms = query.terms(now_ns)
        return [row for row in self.summaries() if all(self._holds(term, row) for term in terms)]

    def _holds(self, term: Term, row: TraceSummary) -> bool:
        if isinstance(term, Carries):
            return term.value in self._carried(row.trace_id, term.field)
        if isinstance(term, HasFlag):
            return bool(row.flags & term.flag) == term.wanted
        if isinstance(term, LastsBetween):
            low, high = term.low_ns, term.high_ns
            return (low is None or row.duration_ns >= low) and (high is None or row.duration_ns <= high)
        if isinstance(term, Overlaps):
            since, until, end_ns = term.since_ns, term.until_ns, row.start_ns + row.duration_ns
            return (since is None or end_ns >= since) and (until is None or row.start_ns <= until)
        return holds(term, row, list(self._spans[row.trace_id].values()))

    def _carried(self, trace_id: str, field: Field) -> set[str]:
        if (trace_id, field) not in self._values:
            self._values[trace_id, field] = carried(self._spans[trace_id].values(), field)
        return self._values[trace_id, field]


def _place(row: TraceSummary) -> tuple[int, str]:
    """Newest start first, ties by trace id."""
    return -row.start_ns, row.trace_id
