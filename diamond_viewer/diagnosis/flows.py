"""The platform's key patterns, recognised in a trace: which steps were taken, and at which it broke.

A flow belongs to one piece of work (a request, a job): a player's session holds several. Flows say what was meant to
happen; what is wrong with it is for the rules.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from diamond_viewer.diagnosis.calls import producer_of
from diamond_viewer.diagnosis.facts import TraceFacts, Work
from diamond_viewer.diagnosis.vocabulary import (
    AUTH_FAILED,
    AUTHORIZE,
    CREDENTIALS_MISSING,
    JOB_COMPLETED,
    JOB_FAILED,
    PROGRESS_ROUTE,
    PROGRESS_UPDATE,
    SESSION_CHECK,
    SESSION_CREATED,
    SIGN_URL,
    VIDEO_ACCESS,
    VIDEO_ROUTE,
)
from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.model import STATUS_ERROR

VIDEO_PLAY, AUTH_FAILURE, PROGRESS_SAVE = "video play", "auth failure", "progress save"
SIGN_IN, BACKGROUND_JOB = "sign-in", "background job"


class State(StrEnum):
    DONE = "done"
    BROKEN = "broken"
    MISSING = "missing"
    ELSEWHERE = "elsewhere"  # it happens in another trace: nothing is wrong with this one


@dataclass(frozen=True, slots=True)
class Step:
    """``span_id`` is the span to show, "" when there is none; ``duration_ns`` is 0 when it took none of its own."""

    name: str
    state: State
    span_id: str = ""
    start_ns: int = 0
    duration_ns: int = 0


@dataclass(frozen=True, slots=True)
class Flow:
    """``name`` is one of this module's five. ``steps`` stand in the order in which they should happen."""

    name: str
    trace_id: str
    span_id: str
    start_ns: int
    steps: tuple[Step, ...]

    @property
    def broken_step(self) -> Step | None:
        """The first step that failed or is not there."""
        return next((step for step in self.steps if step.state in (State.BROKEN, State.MISSING)), None)

    @property
    def is_whole(self) -> bool:
        return self.broken_step is None


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of one piece of work, by what a step looks for."""

    facts: TraceFacts
    work: Work
    named: dict[str, list[int]]
    events: dict[str, list[int]]
    statements: list[int]
    has_failed: bool
    failed: frozenset[int]

    def step(self, name: str, rows: Sequence[int], *, needed: bool = True) -> Step:
        """A step that these rows show, the first of them in the tree; broken if one of them failed."""
        if not rows:
            return Step(name, State.MISSING if needed else State.ELSEWHERE)
        row = rows[0]
        broken = any(one in self.failed for one in rows)
        span = self.facts.spans[row]
        state = State.BROKEN if broken else State.DONE
        return Step(name, state, span.span_id, span.start_ns, self.facts.lasted_ns[row])

    def answer(self, name: str) -> Step:
        """The response, broken from 400 on or when the request itself failed."""
        span = self.work.span
        state = State.BROKEN if self.work.status >= 400 or span.status_code == STATUS_ERROR else State.DONE
        return Step(name, state, span.span_id, span.start_ns, self.facts.lasted_ns[self.work.first])


def recognise(facts: TraceFacts) -> tuple[Flow, ...]:
    """All flows of a trace: by the start of their work, ties by name and span id."""
    if not any(work.is_request or work.is_job for work in facts.works):
        return ()
    flows = []
    failed, databases = frozenset(facts.failed), frozenset(facts.databases)
    for work, rows in zip(facts.works, facts.rows_by_work(), strict=True):
        if work.is_request or work.is_job:
            mine = _gathered(facts, work, rows, failed, databases)
            flows += [flow for recogniser in _RECOGNISERS if (flow := recogniser(mine))]
    return tuple(sorted(flows, key=lambda flow: (flow.start_ns, flow.name, flow.span_id)))


def _gathered(
    facts: TraceFacts, work: Work, rows: Sequence[int], failed: frozenset[int], databases: frozenset[int]
) -> _Rows:
    named: dict[str, list[int]] = {}
    events: dict[str, list[int]] = {}
    for row in rows:
        span = facts.spans[row]
        named.setdefault(span.name, []).append(row)
        for event in span.events:
            events.setdefault(event.name, []).append(row)
    statements = [row for row in rows if row in databases and semconv.statement(facts.spans[row].attributes)]
    return _Rows(facts, work, named, events, statements, any(row in failed for row in rows), failed)


def _video_play(mine: _Rows) -> Flow | None:
    """Session check, access, signed URL in one request; the progress it leads to comes in requests of its own.

    Recognised by the span ``api.video.access``, or by a GET of the video API that did not get as far.
    """
    work = mine.work
    if VIDEO_ACCESS not in mine.named and not (work.method == "GET" and _is_route(work, VIDEO_ROUTE)):
        return None
    saved = mine.facts.named.get(PROGRESS_UPDATE, ())
    return _flow(
        VIDEO_PLAY,
        mine,
        mine.step("session check", mine.named.get(SESSION_CHECK, ())),
        mine.step("video API access", mine.named.get(VIDEO_ACCESS, ())),
        mine.step("signed URL", mine.named.get(SIGN_URL, ())),
        mine.answer("response"),
        mine.step("progress update", saved, needed=False),
    )


def _progress_save(mine: _Rows) -> Flow | None:
    """The request, the session check, Prisma's write, the response.

    Recognised by the span ``api.progress.update``, or by a POST of the progress API that did not get as far.
    """
    work = mine.work
    if PROGRESS_UPDATE not in mine.named and not (work.method == "POST" and _is_route(work, PROGRESS_ROUTE)):
        return None
    updates = mine.named.get(PROGRESS_UPDATE, [])
    written = [row for row in mine.statements if any(row in mine.facts.subtree(update) for update in updates)]
    return _flow(
        PROGRESS_SAVE,
        mine,
        mine.step("session check", mine.named.get(SESSION_CHECK, ())),
        mine.step("progress update", updates),
        mine.step("database write", written),
        mine.answer("response"),
    )


def _auth_failure(mine: _Rows) -> Flow | None:
    """A request, its check, ``auth.failed`` or ``auth.credentials.missing``, 401."""
    failed = mine.events.get(AUTH_FAILED, []) + mine.events.get(CREDENTIALS_MISSING, [])
    if not mine.work.is_request or not (failed or mine.work.status == 401):
        return None
    checks = mine.named.get(SESSION_CHECK, []) + mine.named.get(AUTHORIZE, [])
    span, took_ns = mine.work.span, mine.facts.lasted_ns[mine.work.first]
    refused = State.BROKEN if mine.work.status == 401 else State.MISSING
    return _flow(
        AUTH_FAILURE,
        mine,
        Step("request", State.DONE, span.span_id, span.start_ns, took_ns),
        mine.step("check", checks),
        mine.step("auth event", failed),
        Step("401", refused, span.span_id, span.start_ns, took_ns),
    )


def _sign_in(mine: _Rows) -> Flow | None:
    """NextAuth's ``authorize``, the look-up of the person, ``auth.session.created``, the response."""
    if AUTHORIZE not in mine.named and SESSION_CREATED not in mine.events:
        return None
    return _flow(
        SIGN_IN,
        mine,
        mine.step("authorize", mine.named.get(AUTHORIZE, ())),
        mine.step("session created", mine.events.get(SESSION_CREATED, ())),
        mine.answer("response"),
    )


def _background_job(mine: _Rows) -> Flow | None:
    """Enqueue, queue wait, process. A job that was enqueued in another trace (a link tells which) begins with the last."""
    work, facts = mine.work, mine.facts
    if not work.is_job:
        return None
    producer = producer_of(facts, work)
    enqueued = mine.step("enqueue", [producer] if producer >= 0 else [], needed=False)
    waited = Step("queue wait", State.ELSEWHERE)
    if producer >= 0:
        begin_ns = facts.spans[producer].end_ns
        waited_ns = max(0, work.span.start_ns - begin_ns)
        waited = Step("queue wait", State.DONE, work.span.span_id, begin_ns, waited_ns)
    processed = mine.step("process", [work.first])
    if JOB_FAILED in mine.events or (mine.has_failed and JOB_COMPLETED not in mine.events):
        processed = Step("process", State.BROKEN, processed.span_id, processed.start_ns, processed.duration_ns)
    return _flow(BACKGROUND_JOB, mine, enqueued, waited, processed)


def _flow(name: str, mine: _Rows, *steps: Step) -> Flow:
    span = mine.work.span
    return Flow(name, mine.facts.trace_id, span.span_id, span.start_ns, steps)


def _is_route(work: Work, route: str) -> bool:
    address = (work.route or work.target).partition("?")[0]
    return address == route or address.startswith(f"{route}/")


_RECOGNISERS: tuple[Callable[[_Rows], Flow | None], ...] = (
    _video_play,
    _progress_save,
    _auth_failure,
    _sign_in,
    _background_job,
)
