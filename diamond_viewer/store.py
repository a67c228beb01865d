"""TraceStore: the questions every page may ask, and nothing else.

``index.memory.MemoryStore`` answers them from memory. Whoever else answers them (a cluster) gets the same pages.
Every method may be called from any thread; every answer is a frozen value that no later write changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from enum import Enum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:  # nothing here is run: who only writes need not wait for the rules and the language of those who ask
    from diamond_viewer.diagnosis.diagnose import Diagnosis
    from diamond_viewer.diagnosis.finding import Finding
    from diamond_viewer.diagnosis.found import FoundPage
    from diamond_viewer.query.log_query import LogQuery
    from diamond_viewer.query.query import Query
    from diamond_viewer.telemetry.counts import Counts
    from diamond_viewer.telemetry.found_logs import FoundLogs
    from diamond_viewer.telemetry.metrics import MetricCatalogue, SeriesPoints
    from diamond_viewer.telemetry.model import (
        Facets,
        FeedState,
        Health,
        Histogram,
        Page,
        Scatter,
        Stats,
        Trace,
        TraceSummary,
    )
    from diamond_viewer.telemetry.otlp import Batch
    from diamond_viewer.telemetry.service_map import ServiceMap
    from diamond_viewer.telemetry.sketch import TraceSketch
    from diamond_viewer.telemetry.tallies import ErrorGroups, Operations
    from diamond_viewer.telemetry.ways import Troubles, Watching, Way


class StoreError(Exception):
    """The store cannot answer now; the message is one sentence for readers that says what to do, without secrets.

    Any question may raise it, of a store that is elsewhere. The next question finds out by itself whether it still holds.
    """


def _stays() -> bool:
    return False


# Whether who asks has gone away meanwhile: a store that is elsewhere then stops. Whoever asks for a browser sets it.
reader_has_left: ContextVar[Callable[[], bool]] = ContextVar("reader_has_left", default=_stays)

Intervals = Sequence[tuple[int, int]]  # ``(after_ns, until_ns]``: ascending, none overlaps another


class TraceStore(Protocol):
    def version(self) -> int:
        """A number that moves when anything a query could see has changed."""
        ...

    def search(self, query: Query, now_ns: int) -> Page:
        """The page of matching traces that ``query.page`` and ``query.limit`` name, in the order of ``query.sort``:
        the largest first, ties newest start first, then by trace id.

        ``query.anchor`` keeps the page where the reader is: only traces at or below it are listed, those above are counted
        in ``Page.newer``. ``Page.total`` counts both.
        """
        ...

    def trace(self, trace_id: str) -> Trace | None:
        """The whole trace, decoded from its original lines and redacted; None when it is not held."""
        ...

    def sketch(self, trace_id: str) -> TraceSketch | None:
        """The whole trace like ``trace``, each span decoded in full only when it is asked for: what a page of it needs."""
        ...

    def sketches(self, trace_ids: Sequence[str]) -> dict[str, TraceSketch]:
        """Several of them, by trace id, without those that are not held; faster than one by one, and all in memory at once.
        What is attached to them from elsewhere, log records and links, may be missing."""
        ...

    def summary(self, trace_id: str) -> TraceSummary | None:
        """The trace's row of the list, without looking at its lines; None when it is not held. It differs when the trace has
        grown."""
        ...

    def beginning_with(self, digits: str, limit: int) -> tuple[TraceSummary, ...]:
        """At most ``limit`` of the traces whose id begins with these 8 to 31 hex digits in lower case, newest start first, ties
        by trace id; with the one that these digits are when zeros before them were left out, as ids of 64 bits are written."""
        ...

    def left_ns(self, trace_id: str) -> int:
        """When a trace had to leave memory, in ns since 1970; 0 when it did not, or when that is no longer remembered."""
        ...

    def stats(self, query: Query, now_ns: int) -> Stats:
        """Figures over everything that matches; paging does not matter."""
        ...

    def histogram(self, query: Query, now_ns: int, buckets: int) -> Histogram:
        """Starts of matching traces over the query's window, or over what matches when the query has none."""
        ...

    def scatter(self, query: Query, now_ns: int, columns: int, rows: int) -> Scatter:
        """Starts and durations of matching traces, over the same time as ``histogram``; the rows grow logarithmically
        (``telemetry.scale``) from the shortest to the longest. What lasts less than 1 ns is in the first row."""
        ...

    def facets(self, query: Query, now_ns: int, limit: int) -> Facets:
        """Of each field at most ``limit`` values of the matching traces, most frequent first, ties by value."""
        ...

    def errors(self, query: Query, now_ns: int, limit: int, *, fingerprint: str = "", examples: int = 3) -> ErrorGroups:
        """Root causes of errors in the matching traces: at most ``limit`` groups, the most frequent first, ties by key.

        With a ``fingerprint`` only that group, if there is one. Each group names ``examples`` traces, newest cause first.
        """
        ...

    def operations(self, query: Query, now_ns: int, limit: int) -> Operations:
        """What the matching traces did: requests, jobs and other roots, and their database statements; of each kind at most
        ``limit``, those that took most time first, ties by key."""
        ...

    def values(self, field: str, text: str, limit: int) -> list[tuple[str, int]]:
        """Values of a field (``user``, ``lesson``, ``service``, ``operation``, ``event``) that contain ``text``, with the
        number of traces each, most frequent first."""
        ...

    def diagnoses(self, trace_ids: Sequence[str], span_budget: int) -> dict[str, Diagnosis]:
        """What the rules say of traces, by trace id. Those that are not held are left out, as are those that are not known
        already and have more spans than are left of the budget: each is decoded in full. One that has grown since it was
        diagnosed, and for which nothing is left, comes as it was then."""
        ...

    def findings(self, query: Query, now_ns: int) -> FoundPage:
        """What rules found in the matching traces, a page as ``query.page`` and ``query.limit`` say; of the rules that the
        filter ``finding`` names, if it names some."""
        ...

    def similar(self, fingerprint: str, since_ns: int, until_ns: int) -> int:
        """How many traces that began in the window have a finding of this fingerprint, as far as they have been examined."""
        ...

    def people_alike(self, fingerprint: str, since_ns: int, until_ns: int) -> int:
        """How many users have a finding of this fingerprint over several of their traces that happened in the window, as far
        as their visits have been looked at."""
        ...

    def journey(self, user: str, since_ns: int, until_ns: int) -> tuple[Finding, ...]:
        """What is wrong over the traces that name the user and lie in the window, the newest of them if there are very many;
        beyond what each trace shows alone."""
        ...

    def way(self, field: str, value: str, since_ns: int, until_ns: int) -> Way:
        """Every trace that names the user or the lesson (``field`` is ``user`` or ``lesson``) and lies in the window, with the
        events that tell what happened; empty when there is none."""
        ...

    def troubles(self, field: str, text: str, since_ns: int, until_ns: int, limit: int) -> Troubles:
        """At most ``limit`` users or lessons that contain every word of ``text``, whatever its case, with what went wrong in
        their traces in the window."""
        ...

    def watching(self, since_ns: int, until_ns: int) -> Watching:
        """Figures over the traces of all lessons in the window: what one lesson is compared with."""
        ...

    def logs(self, query: LogQuery, now_ns: int, buckets: int) -> FoundLogs:
        """A page of the log records that match, newest first, records of one time in an order that stays; with their number,
        and when they were in ``buckets`` equal buckets over the window, its open ends at the first and the last match.

        The parameters are those of ``log_query.PARAMETERS``. A record is of a user (a lesson) when it names the user itself,
        or a held trace that it belongs to does. Its level is ``severity.level_of``, its time ``Log.time_ns``; one without a
        time (0) lies in no window that has a beginning. ``log_query.says`` decides about words, of the redacted record.
        """
        ...

    def feed(self) -> FeedState:
        """What the feed last said of itself: the same object until it says something else. Waits for nobody."""
        ...

    def metrics(self) -> MetricCatalogue:
        """Every metric that is held, by name, and what could not be."""
        ...

    def series(self, metric: str) -> tuple[SeriesPoints, ...]:
        """All series of a metric; empty when there is none."""
        ...

    def count_events(self, name: str, intervals: Intervals) -> Mapping[str, tuple[int, ...]]:
        """How many span events of this name happened in each interval, by the service of their span; a service without any
        is left out."""
        ...

    def service_map(self, query: Query, now_ns: int) -> ServiceMap:
        """Who calls whom in the traces that match, newest first for as long as may be taken."""
        ...

    def health(self) -> Health:
        """Counts, memory, and what the feed last said of itself."""
        ...


@runtime_checkable
class CountingStore(Protocol):
    """A store that sees everything come in counts it, for Prometheus; one that others write to cannot."""

    def counts(self) -> Counts:
        """What has come since the start, each span once, when it came. No figure ever goes down, whatever has to leave."""
        ...


@runtime_checkable
class NamesOfSpans(Protocol):
    """A store that knows which spans belong to which service, for the lists that Jaeger's pages choose from."""

    def names_of_spans(self, service: str, limit: int) -> list[tuple[str, int]]:
        """At most ``limit`` names of spans of the service with their kinds (as in ``telemetry.model``), in order."""
        ...


class Adoption(Enum):
    """What became of sealed spans: taken; or some are held already and the file must be read line by line; or there is no
    room for anything that old."""

    TAKEN = "taken"
    HAS_REPEATS = "has repeats"
    NO_ROOM = "no room"


class SealedSpans(Protocol):
    """The spans of one file as another process packed them; only the store knows what is inside. It can be pickled."""

    @property
    def size_bytes(self) -> int: ...


class TraceWriter(Protocol):
    """What the feed writes to: one thread only, the only writer."""

    def is_held(self, digest: bytes) -> bool:
        """True when a line with this digest (16 bytes, XXH3-128 of the line) was added before and is held, or is remembered
        though it had to leave; its spans are then counted as duplicates, and the caller need not decode it again."""
        ...

    def add(self, batch: Batch, digest: bytes) -> None:
        """Take the spans and metric points of one line. Readers see them after the next ``commit``."""
        ...

    def commit(self) -> None:
        """Make visible what was added; ``version`` moves if anything was."""
        ...

    def report(self, state: FeedState) -> None:
        """Replace what the feed says of itself, for ``health``."""
        ...

    def adopt(self, spans: SealedSpans) -> Adoption:
        """Take what a ``SealedWriter`` made of one file, older than everything that is held."""
        ...


class SpanBench(TraceStore, TraceWriter, Protocol):
    """A store for a few traces that are taken out of a larger one: what it was given at once, it answers about."""


class SealedWriter(TraceWriter, Protocol):
    """Packs one file for another process."""

    def handed_over(self) -> SealedSpans:
        """Everything that was added. The writer is not to be used any more."""
        ...
