"""One trace laid out once, for all rules: its tree, the pieces of work in it, its events in order of time.

Building this takes most of what a diagnosis costs; a rule then looks only at the spans that can concern it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import cast

from diamond_viewer.diagnosis.finding import MAX_EVIDENCE, Evidence
from diamond_viewer.diagnosis.vocabulary import SIGN_IN_ROUTES, words
from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.model import (
    KIND_CLIENT,
    KIND_CONSUMER,
    KIND_PRODUCER,
    KIND_SERVER,
    STATUS_ERROR,
    Event,
    Span,
    Trace,
)
from diamond_viewer.trace.extent import LAST_TIME_NS
from diamond_viewer.trace.tree import Row, arrange

_CALLING = frozenset((KIND_CLIENT, KIND_PRODUCER))
_NEW_KEY, _OLD_KEY = semconv.DATABASE_KEYS


@dataclass(slots=True)
class Work:
    """A piece of work: a request that a server answered, a job that a worker took, or what stands under any other root.

    A request is often two or three server spans, one inside the other (Node's HTTP server, Next.js, a middleware): it is
    one piece of work all the same. ``first`` and ``behind`` are the rows of its subtree, other work below it included.
    """

    first: int
    behind: int
    kind: int
    span: Span
    name: str
    method: str = ""
    target: str = ""
    route: str = ""
    status: int = 0

    @property
    def is_request(self) -> bool:
        return self.kind == KIND_SERVER

    @property
    def is_job(self) -> bool:
        return self.kind == KIND_CONSUMER

    @property
    def is_sign_in(self) -> bool:
        """A call of the sign-in itself, where no cookie is expected yet."""
        return self.route.startswith(SIGN_IN_ROUTES) or self.target.startswith(SIGN_IN_ROUTES)

    @property
    def answered(self) -> str:
        """
        >>> span = Span("", "", "", "GET /a", 2, 0, 0, 0, "", {}, (), (), None, None, "")
        >>> Work(0, 1, 2, span, "GET /a", status=401).answered, Work(0, 1, 2, span, "GET /a").answered
        ('GET /a answered 401', 'GET /a')
        """
        return f"{self.name} answered {self.status}" if self.status else self.name


@dataclass(frozen=True, slots=True)
class Happening:
    """An event with its place. ``time_ns`` is that of its span's start where the event has none of its own."""

    time_ns: int
    row: int
    event: Event


@dataclass(frozen=True, slots=True)
class TraceFacts:
    """What rules may look at. ``spans`` has the span of each of ``rows``; lists of rows are in the order of the tree,
    ``happenings`` in the order of time.

    ``lasted_ns`` has a duration per row, 0 where the clock cannot be believed. ``work_of`` tells for each row to which of
    ``works`` it belongs. ``named`` has the rows of each span name; ``calls`` are client spans that are no database's.
    """

    trace_id: str
    rows: tuple[Row, ...]
    spans: tuple[Span, ...]
    works: tuple[Work, ...]
    work_of: tuple[int, ...]
    lasted_ns: tuple[int, ...]
    longest_ns: int
    happenings: tuple[Happening, ...]
    events: dict[str, list[Happening]]
    named: dict[str, list[int]]
    failed: tuple[int, ...]
    databases: tuple[int, ...]
    calls: tuple[int, ...]
    dropping: tuple[int, ...]

    def work(self, row: int) -> Work:
        return self.works[self.work_of[row]]

    def evidence(self, rows: Iterable[int]) -> tuple[Evidence, ...]:
        """Each span once, in the order given; the first 50 of them."""
        some = islice(dict.fromkeys(rows), MAX_EVIDENCE)
        return tuple(dict.fromkeys(Evidence(self.trace_id, self.spans[row].span_id) for row in some))

    def subtree(self, row: int) -> range:
        """The rows below a row, itself not included."""
        return range(row + 1, row + 1 + self.rows[row].descendant_count)

    def children(self, row: int) -> list[int]:
        """Takes as many steps as there are children: each subtree is a slice."""
        found, child = [], row + 1
        behind = child + self.rows[row].descendant_count
        while child < behind:
            found.append(child)
            child += 1 + self.rows[child].descendant_count
        return found

    def ancestors(self, row: int) -> list[int]:
        """From the parent up."""
        found = []
        while (row := self.rows[row].parent_row) >= 0:
            found.append(row)
        return found

    def rows_by_work(self) -> list[list[int]]:
        """For each piece of work its own rows, without those of other work below it."""
        rows: list[list[int]] = [[] for _ in self.works]
        for row, work in enumerate(self.work_of):
            rows[work].append(row)
        return rows

    def people(self, rows: Iterable[int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Users and lessons that these spans or their events name, sorted."""
        users: set[str] = set()
        lessons: set[str] = set()
        for row in rows:
            span = self.spans[row]
            users.update(semconv.users_of(span.attributes))
            lessons.update(semconv.lessons_of(span.attributes))
            for event in span.events:
                users.update(semconv.users_of(event.attributes))
                lessons.update(semconv.lessons_of(event.attributes))
        return tuple(sorted(users)), tuple(sorted(lessons))


def gather(trace: Trace) -> TraceFacts:
    """Lays a trace out. The result does not depend on the order of its spans."""
    spans: Sequence[Span] = trace.spans
    if len({span.span_id for span in spans}) < len(spans):
        spans = sorted(spans, key=repr)  # the tree orders all but spans that share their id
    rows = arrange(spans)
    whole = cast("tuple[Span, ...]", tuple([row.span for row in rows]))  # the tree gives back what it was given
    works: list[Work] = []
    work_of: list[int] = []
    lasted_ns: list[int] = []
    happenings: list[Happening] = []
    named: dict[str, list[int]] = {}
    failed, databases, calls, dropping = [], [], [], []
    for place, row in enumerate(rows):
        span = whole[place]
        kind = span.kind
        parent = row.parent_row
        if parent < 0 or kind == KIND_CONSUMER or (kind == KIND_SERVER and _is_new(rows, works, work_of, parent)):
            works.append(Work(place, place + 1 + row.descendant_count, kind, span, span.name))
            work_of.append(len(works) - 1)
        else:
            work_of.append(work_of[parent])
        if kind == KIND_SERVER:
            _learn(works[work_of[place]], span)
        begin_ns, end_ns = span.start_ns, span.end_ns
        lasted_ns.append(end_ns - begin_ns if 0 < begin_ns <= end_ns <= LAST_TIME_NS else 0)
        named.setdefault(span.name, []).append(place)
        if span.events:
            for event in span.events:
                believable = 0 < event.time_ns <= LAST_TIME_NS
                happenings.append(Happening(event.time_ns if believable else begin_ns, place, event))
        if span.status_code == STATUS_ERROR:
            failed.append(place)
        if span.attributes.get(_NEW_KEY) is not None or span.attributes.get(_OLD_KEY) is not None:
            databases.append(place)
        elif kind == KIND_CLIENT:
            calls.append(place)
        if span.dropped_attribute_count or span.dropped_event_count or span.dropped_link_count:
            dropping.append(place)
    for work in works:
        if work.name in semconv.BARE_METHODS:  # no span inside knew better
            work.name = f"{work.name} {work.route or work.target.partition('?')[0]}".strip()
    happenings.sort(key=lambda one: one.time_ns)  # stable: else in the order of the tree
    events: dict[str, list[Happening]] = {}
    for happening in happenings:
        events.setdefault(happening.event.name, []).append(happening)
    return TraceFacts(
        trace.trace_id,
        rows,
        whole,
        tuple(works),
        tuple(work_of),
        tuple(lasted_ns),
        max(lasted_ns, default=0),
        tuple(happenings),
        events,
        named,
        tuple(failed),
        tuple(databases),
        tuple(calls),
        tuple(dropping),
    )


def _is_new(rows: Sequence[Row], works: Sequence[Work], work_of: Sequence[int], parent: int) -> bool:
    """A server span begins a request of its own unless it stands inside one, with no call between."""
    return rows[parent].span.kind in _CALLING or not works[work_of[parent]].is_request


def _learn(work: Work, span: Span) -> None:
    """What one more server span says of its request: the outer one knows the status, the inner one the route."""
    facts = semconv.request_facts(span.attributes)
    work.method = work.method or facts.method
    work.target = work.target or facts.target
    work.route = work.route or facts.route
    work.status = work.status or facts.status
    if work.name in semconv.BARE_METHODS:
        work.name = words(span.name)
