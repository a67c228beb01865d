"""What ``/metrics`` says: what the viewer has read, and how requests, errors and durations of the traced services develop.

Names and labels are listed in ``docs/integrations.md``; a test holds the two together.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar as Sampled

from diamond_viewer.store import CountingStore, TraceStore
from diamond_viewer.telemetry.counts import BOUNDS_S, LIVE, UNAUTHORIZED_EVIDENCE, Counts, Exemplar, RequestCounts
from diamond_viewer.telemetry.model import Health
from diamond_viewer.telemetry.semconv import AUTH_FAILURE_EVENTS, BUFFERING_EVENT, MISMATCH_EVENT
from diamond_viewer.telemetry.units import NS_PER_SECOND

OPERATION_LABELS = ("phase", "kind", "service", "operation")
BOUNDS = (*map(str, BOUNDS_S), "+Inf")


class Exposition:
    """Of one store; ``said`` to a scraper as it asks in its Accept header: the text, and its content type."""

    def __init__(self, store: TraceStore) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(Collected(store))
        ProcessCollector(registry=self._registry)

    def said(self, accepts: str) -> tuple[bytes, str]:
        encode, content_type = choose_encoder(accepts)
        return encode(self._registry), content_type


class Collected(Collector):
    """What the store says, as metric families."""

    def __init__(self, store: TraceStore) -> None:
        self._store = store
        self._ratchet = Ratchet()

    def describe(self) -> Iterable[Metric]:
        return ()  # names are known without asking the store: nothing else is in the registry

    def collect(self) -> Iterator[Metric]:
        yield from self._ingest(self._store.health())
        if isinstance(self._store, CountingStore):
            yield from _counted(self._store.counts())

    def _ingest(self, health: Health) -> Iterator[Metric]:
        feed = health.feed
        totals = {
            "diamond_lines": ("Lines read from the files.", health.lines),
            "diamond_bad_lines": ("Lines that could not be read.", feed.bad_lines),
            "diamond_read_bytes": ("Bytes read from the files.", feed.bytes_read),
            "diamond_duplicate_spans": ("Spans that came again and were not counted.", health.duplicate_spans),
            "diamond_evicted_spans": ("Spans that had to leave memory.", health.counters.get("evicted_spans", 0)),
            "diamond_evicted_traces": ("Traces that had to leave memory.", health.counters.get("evicted_traces", 0)),
        }
        for name, (sentence, value) in totals.items():
            yield CounterMetricFamily(name, sentence, value=self._ratchet.not_less(name, value))
        events = CounterMetricFamily(
            "diamond_feed_events", "What happened to files and lines; docs/faults.md explains each.", labels=("event",)
        )
        for event, count in sorted(feed.counters.items()):
            events.add_metric((event,), self._ratchet.not_less(f"feed {event}", count))
        yield events
        yield from _state(health)


class Ratchet:
    """A counter that takes something back (a bad line turned out to be the first half of a good one) stays where it was."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._most: dict[str, int] = {}

    def not_less(self, name: str, value: int) -> int:
        with self._lock:
            most = self._most[name] = max(value, self._most.get(name, 0))
        return most


def _state(health: Health) -> Iterator[Metric]:
    feed = health.feed
    gauges = {
        "diamond_ready": ("1 when all that stood in the files at the start has been read.", float(feed.ready)),
        "diamond_lag_seconds": (
            "Age of the oldest line that is written and not read yet.",
            feed.lag_ns / NS_PER_SECOND,
        ),
        "diamond_unread_bytes": ("Bytes that are written and not read yet.", feed.bytes_total - feed.bytes_read),
        "diamond_newest_line_timestamp_seconds": (
            "When the newest line was written; 0 when none has been yet.",
            feed.last_line_ns / NS_PER_SECOND,
        ),
        "diamond_held_since_timestamp_seconds": (
            "From when on traces are held; 0 while none had to leave.",
            health.held_since_ns / NS_PER_SECOND,
        ),
        "diamond_held_traces": ("Traces in memory.", health.traces),
        "diamond_held_spans": ("Spans in memory.", health.spans),
        "diamond_memory_bytes": ("Memory that the index takes.", health.memory_bytes),
        "diamond_memory_budget_bytes": ("Memory that it may take: --memory.", health.budget_bytes),
    }
    for name, (sentence, value) in gauges.items():
        yield GaugeMetricFamily(name, sentence, value=value)
    sources = GaugeMetricFamily("diamond_sources", "Files by what is done with them.", labels=("state",))
    for state, count in sorted(Counter(source.state for source in feed.sources).items()):
        sources.add_metric((state,), count)
    yield sources


def _counted(counts: Counts) -> Iterator[Metric]:
    spans = CounterMetricFamily("diamond_spans", "Spans read, each once.", labels=("phase",))
    for phase, count in counts.spans.items():
        spans.add_metric((phase,), count)
    yield spans
    yield from _requests(counts.requests)
    auth = CounterMetricFamily(
        "diamond_auth_failures",
        f"Sign-in that failed: events in spans, and requests answered with 401 ({UNAUTHORIZED_EVIDENCE}).",
        labels=("phase", "service", "evidence"),
    )
    buffering = CounterMetricFamily(
        "diamond_video_buffering", "Videos that stopped to load.", labels=("phase", "service")
    )
    mismatches = CounterMetricFamily(
        "diamond_resume_mismatches", "Videos that resumed at another place than was saved.", labels=("phase", "service")
    )
    for (phase, what, service), count in sorted({**_zeros(counts), **counts.occurrences}.items()):
        if what == BUFFERING_EVENT:
            buffering.add_metric((phase, written(service)), count)
        elif what == MISMATCH_EVENT:
            mismatches.add_metric((phase, written(service)), count)
        else:
            auth.add_metric((phase, written(service), what), count)
    yield from (auth, buffering, mismatches)
    yield _findings(counts.findings)
    yield GaugeMetricFamily(
        "diamond_folded_operations",
        f"Operations without figures of their own, in 'other' of their service; {counts.folded_limit} means so many or more.",
        value=counts.folded_operations,
    )


def _zeros(counts: Counts) -> dict[tuple[str, str, str], int]:
    """What has not happened yet in services that answer requests: a counter is there before the first time."""
    services = {row.key.service for row in counts.requests if row.key.kind == "request"}
    evidence = (*sorted(AUTH_FAILURE_EVENTS), UNAUTHORIZED_EVIDENCE)
    return {(LIVE, what, service): 0 for what in evidence for service in services}


def _requests(rows: Sequence[RequestCounts]) -> Iterator[Metric]:
    what = "Requests, jobs and other traces"
    requests = CounterMetricFamily("diamond_requests", f"{what}, each once.", labels=OPERATION_LABELS)
    errors = CounterMetricFamily("diamond_request_errors", f"{what} that failed.", labels=OPERATION_LABELS)
    durations = HistogramMetricFamily(
        "diamond_request_duration_seconds", f"How long {what.lower()} took.", labels=OPERATION_LABELS
    )
    began = {row.key for row in rows if row.phase == LIVE}
    for row in rows:
        if row.key not in began:  # from 0 on: of a counter that appears Prometheus cannot tell by how much it has grown
            labels = (LIVE, row.key.kind, written(row.key.service), written(row.key.operation))
            requests.add_metric(labels, 0)
            errors.add_metric(labels, 0)
        labels = (row.phase, row.key.kind, written(row.key.service), written(row.key.operation))
        requests.add_metric(labels, row.count)
        errors.add_metric(labels, row.error_count, exemplar=_sampled(row.error_exemplar))
        buckets = zip(BOUNDS, accumulate(row.buckets), map(_sampled, row.exemplars), strict=True)
        durations.add_metric(
            labels,
            [(bound, count, example) if example else (bound, count) for bound, count, example in buckets],
            row.total_ns / NS_PER_SECOND,
        )
    yield from (requests, errors, durations)


def _findings(findings: Mapping[tuple[str, str], int]) -> Metric:
    found = CounterMetricFamily(
        "diamond_findings", "Traces in which a rule found something; see docs/diagnosis.md.", labels=("phase", "rule")
    )
    for (phase, rule), count in sorted(findings.items()):
        found.add_metric((phase, rule), count)
    return found


def _sampled(example: Exemplar | None) -> Sampled | None:
    if example is None:
        return None
    return Sampled({"trace_id": example.trace_id}, example.duration_ns / NS_PER_SECOND, example.end_ns / NS_PER_SECOND)


def written(text: str) -> str:
    """A text that can be written in UTF-8: a lone surrogate, which JSON may hold, becomes a question mark.

    >>> written("GET /\\ud800")
    'GET /?'
    """
    return text.encode(errors="replace").decode()
