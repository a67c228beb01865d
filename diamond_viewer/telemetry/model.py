"""What the viewer talks about: spans, traces, and the answers to questions about them.

Times are ``int`` nanoseconds since 1970 (a float is only good to 256 ns at today's date), ids are lower-case hex.
Every value here is frozen: it may cross threads and be kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntFlag

AttributeValue = None | bool | int | float | str | bytes | Sequence["AttributeValue"] | Mapping[str, "AttributeValue"]
Attributes = Mapping[str, AttributeValue]

STATUS_UNSET, STATUS_OK, STATUS_ERROR = 0, 1, 2
KIND_UNSPECIFIED, KIND_INTERNAL, KIND_SERVER, KIND_CLIENT, KIND_PRODUCER, KIND_CONSUMER = range(6)

SLOW_SPAN_NS = 1_000_000_000  # a span over 1000 ms is slow: the platform's own rule
SLOW_DATABASE_SPAN_NS = 100_000_000  # a database span over 100 ms is slow: likewise


class Flag(IntFlag):
    """What can be said of a trace at a glance. The bit order is private to the process; ``FLAG_NAMES`` is the contract."""

    ERROR = 1
    AUTH_FAILURE = 2
    SLOW = 4
    SLOW_DB = 8
    BUFFERING = 16
    RESUME_MISMATCH = 32
    EXCEPTION = 64
    INCOMPLETE = 128
    DUPLICATE_CALLS = 256
    N_PLUS_ONE = 512


FLAG_NAMES: Mapping[str, Flag] = {
    "error": Flag.ERROR,
    "auth-failure": Flag.AUTH_FAILURE,
    "slow": Flag.SLOW,
    "slow-db": Flag.SLOW_DB,
    "buffering": Flag.BUFFERING,
    "resume-mismatch": Flag.RESUME_MISMATCH,
    "duplicate-calls": Flag.DUPLICATE_CALLS,
    "n-plus-one": Flag.N_PLUS_ONE,
    "exception": Flag.EXCEPTION,
    "incomplete": Flag.INCOMPLETE,
}


def flag_names(flags: int) -> tuple[str, ...]:
    """The names of the set bits, in the order of the contract.

    >>> flag_names(Flag.SLOW | Flag.ERROR)
    ('error', 'slow')
    """
    return tuple(name for name, bit in FLAG_NAMES.items() if flags & bit)


@dataclass(frozen=True, slots=True)
class Event:
    """A span event. ``time_ns`` is 0 when the producer gave none."""

    name: str
    time_ns: int
    attributes: Attributes
    dropped_attribute_count: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    trace_id: str
    span_id: str
    trace_state: str
    attributes: Attributes
    dropped_attribute_count: int = 0
    flags: int = 0


@dataclass(frozen=True, slots=True)
class Resource:
    attributes: Attributes
    schema_url: str = ""
    dropped_attribute_count: int = 0


@dataclass(frozen=True, slots=True)
class Scope:
    name: str
    version: str
    attributes: Attributes
    schema_url: str = ""
    dropped_attribute_count: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """One span, decoded in full and redacted. ``parent_id`` is empty for a root; ``end_ns`` may lie before ``start_ns``."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: int
    start_ns: int
    end_ns: int
    status_code: int
    status_message: str
    attributes: Attributes
    events: tuple[Event, ...]
    links: tuple[Link, ...]
    resource: Resource
    scope: Scope
    service: str
    trace_state: str = ""
    flags: int = 0
    dropped_attribute_count: int = 0
    dropped_event_count: int = 0
    dropped_link_count: int = 0

    @property
    def has_events(self) -> bool:
        return bool(self.events)

    @property
    def duration_ns(self) -> int:
        """Never negative: a span that ends before it starts (a clock stepped back) lasts 0 and is shown as such."""
        return max(0, self.end_ns - self.start_ns)


@dataclass(frozen=True, slots=True)
class Log:
    """A log record of a trace, decoded in full and redacted. ``span_id`` is empty when it names none, ``name`` (what
    OpenTelemetry calls the event's name) for an ordinary log. ``time_ns`` is when it was observed where no time was given.

    ``severity`` is for readers: ``severity_text``, what the producer wrote, or else the words for its number. ``given_ns`` and
    ``observed_ns`` are the two times as they were written, 0 for one that was not."""

    trace_id: str
    span_id: str
    name: str
    time_ns: int
    severity: str
    severity_number: int
    body: AttributeValue
    attributes: Attributes
    resource: Resource
    scope: Scope
    service: str
    dropped_attribute_count: int = 0
    severity_text: str = ""
    given_ns: int = 0
    observed_ns: int = 0
    flags: int = 0


@dataclass(frozen=True, slots=True)
class ForeignLink:
    """A span of another trace that links to this one: to ``to_span_id``, which may be empty or not be held."""

    trace_id: str
    span_id: str
    name: str
    service: str
    start_ns: int
    to_span_id: str


@dataclass(frozen=True, slots=True)
class EventFact:
    """One kind of event of a trace, for the badges of a row: ``("auth.failed", "no cookie", 2)``."""

    name: str
    detail: str
    count: int


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """A row of the list. ``http_status`` is 0 when no server span carries one; ``findings`` are names of rules that found
    something in it, as far as the trace has been examined; ``awaits_examination``: it has grown since, and will be again by
    itself. ``findings_together``: of rules that found something over several traces of its people, this one among them.

    ``log_count`` (log records of the trace) and ``backlink_count`` (lines with spans elsewhere that link to it) are counted
    when one trace is asked for; rows of the list leave them 0.
    """

    trace_id: str
    name: str
    service: str
    services: tuple[str, ...]
    start_ns: int
    duration_ns: int
    span_count: int
    error_count: int
    event_count: int
    user_ids: tuple[str, ...]
    lesson_ids: tuple[str, ...]
    flags: int
    http_status: int = 0
    slowest_database_ns: int = 0
    event_facts: tuple[EventFact, ...] = ()
    log_count: int = 0
    backlink_count: int = 0
    findings: tuple[str, ...] = ()
    findings_together: tuple[str, ...] = ()
    awaits_examination: bool = field(default=False, compare=False, repr=False)  # nothing about the trace itself

    @property
    def status(self) -> str:
        return "error" if self.flags & Flag.ERROR else "ok"


@dataclass(frozen=True, slots=True)
class Trace:
    """A whole trace; ``spans`` and ``logs`` in no particular order, none twice."""

    summary: TraceSummary
    spans: tuple[Span, ...]
    logs: tuple[Log, ...] = ()

    @property
    def trace_id(self) -> str:
        return self.summary.trace_id


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the list. ``total`` counts every match; ``newer`` those that came in above the page's anchor.

    ``is_complete`` is False while some traces have not been looked through yet: all that start after ``scanned_to_ns`` have.
    The same question again goes on from there. A complete answer has 0 there, or how far back such a question looks at most.
    """

    traces: tuple[TraceSummary, ...]
    total: int
    version: int
    newer: int = 0
    is_complete: bool = True
    scanned_to_ns: int = 0


@dataclass(frozen=True, slots=True)
class Stats:
    """Figures over the traces that match a query. Percentiles are of trace durations, by nearest rank, in ns.

    ``is_complete`` and ``scanned_to_ns`` as in ``Page``.
    """

    traces: int = 0
    spans: int = 0
    error_traces: int = 0
    error_spans: int = 0
    auth_failure_traces: int = 0
    auth_failure_users: int = 0
    slow_traces: int = 0
    slow_db_traces: int = 0
    p50_ns: int = 0
    p95_ns: int = 0
    p99_ns: int = 0
    first_start_ns: int = 0
    last_start_ns: int = 0
    events: Mapping[str, int] = field(default_factory=dict)
    flags: Mapping[str, int] = field(default_factory=dict)
    is_complete: bool = True
    scanned_to_ns: int = 0


FacetValues = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Facets:
    """Of each field the most frequent values among matching traces, with the number of traces that carry each.

    A trace counts for every value that any of its spans (or their events) carries. Routes are paths where none is said.
    """

    service: FacetValues = ()
    operation: FacetValues = ()
    status: FacetValues = ()
    route: FacetValues = ()
    http_status: FacetValues = ()
    lesson: FacetValues = ()
    user: FacetValues = ()
    event: FacetValues = ()
    flag: FacetValues = ()
    finding: FacetValues = ()


@dataclass(frozen=True, slots=True)
class Histogram:
    """Traces by start time in equal buckets from ``start_ns`` on, each ``width_ns`` wide.

    A trace is counted once: as ``error`` if it has one, else as ``auth`` if sign-in failed, else as ``ok``.
    """

    start_ns: int
    width_ns: int
    ok: tuple[int, ...]
    auth: tuple[int, ...]
    error: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ScatterCell:
    """Traces that start in the same column and last as long as the same row; counted as in ``Histogram``."""

    column: int
    row: int
    ok: int
    auth: int
    error: int


@dataclass(frozen=True, slots=True)
class Scatter:
    """Traces by start and duration. Columns are those of ``Histogram``; row ``i`` holds the durations in
    ``[edges_ns[i], edges_ns[i + 1])``. ``cells`` are those with traces, by column, then row.
    """

    start_ns: int
    width_ns: int
    edges_ns: tuple[int, ...]
    cells: tuple[ScatterCell, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be read as it stood. ``preview`` is redacted and at most 200 characters."""

    kind: str
    sentence: str
    offset: int = -1
    preview: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class SourceState:
    """One file as the feed sees it. ``state`` is waiting | reading | live | done | ignored | failed.

    ``behind_bytes`` are written and not read yet; ``lag_ns`` is the age of the oldest of these.
    """

    path: str
    state: str
    size_bytes: int = 0
    bytes_read: int = 0
    lines: int = 0
    problems: tuple[Problem, ...] = ()
    behind_bytes: int = 0
    lag_ns: int = 0


@dataclass(frozen=True, slots=True)
class FeedState:
    """What the feed says of itself; ``counters`` are the names of ``docs/faults.md`` (rotations, truncations, ...).

    ``last_line_ns`` is when the newest line was written, by the wall clock (0: none yet); ``lag_ns`` the age of unread bytes.
    ``notice`` is a sentence for the banner: waiting for a file, polling only, the demo is shown (``is_demo``).
    """

    ready: bool = False
    bytes_read: int = 0
    bytes_total: int = 0
    lines: int = 0
    bad_lines: int = 0
    lag_ns: int = 0
    last_line_ns: int = 0
    sources: tuple[SourceState, ...] = ()
    counters: Mapping[str, int] = field(default_factory=dict)
    notice: str = ""
    is_demo: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """The state of the store and of what feeds it.

    ``differences`` are sentences: what a store that is elsewhere does not keep as files do; ``layout`` says in words how it
    keeps spans.

    ``held_since_ns`` is 0 while everything is held, else from when on traces are: what began earlier had to leave memory,
    or never came in, because of ``budget_bytes``.
    """

    version: int
    traces: int
    spans: int
    lines: int
    duplicate_spans: int
    memory_bytes: int
    feed: FeedState
    counters: Mapping[str, int] = field(default_factory=dict)
    budget_bytes: int = 0
    held_since_ns: int = 0
    differences: tuple[str, ...] = ()
    layout: str = ""
