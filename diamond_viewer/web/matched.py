"""Matched: why a trace is in the list, when its row would not show it."""

from collections.abc import Sequence
from dataclasses import dataclass

from diamond_viewer.query.patterns import Exactly
from diamond_viewer.query.query import Query
from diamond_viewer.query.reasons import Reason, reasons, span_conditions
from diamond_viewer.query.terms import Condition, SpanFact, SpanSays
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import TraceSummary
from diamond_viewer.telemetry.sketch import SpanSketch
from diamond_viewer.web.row_facts import RowFacts, RowQuestion

MAX_SPANS = 1_000  # looked at in one trace, from its start on
MAX_REASONS = 2  # in one row
MAX_ROWS = 200  # of one page, from its top
MAX_KEPT = 4_096  # rows that are polled each second have not changed, mostly
UNNAMED = "(no name)"


@dataclass(frozen=True, slots=True)
class Matched:
    """``event`` is empty when the span itself is why."""

    event: str
    span: str
    service: str


def asked_of_spans(query: Query, now_ns: int) -> tuple[Condition, ...]:
    return span_conditions(query.terms(now_ns))


def not_said_by_row(conditions: Sequence[Condition], summary: TraceSummary) -> tuple[Condition, ...]:
    """Without a service or an operation that the row itself names: to say so again would take reading the trace."""
    said = (
        SpanSays(SpanFact.SERVICE, Exactly(summary.service)),
        SpanSays(SpanFact.OPERATION, Exactly(summary.name)),
    )
    return tuple(condition for condition in conditions if condition not in said)


def matched(
    store: TraceStore, rows: Sequence[tuple[TraceSummary, str, tuple[Condition, ...]]]
) -> list[tuple[Matched, ...]]:
    """For each row, given as the trace, a text that differs when it has grown, and what was asked of its spans. Nothing when
    nothing was, or the reason lies far behind in a very large trace."""
    asked = [RowQuestion(trace, held, conditions) for trace, held, conditions in rows if conditions]
    told = iter(_REASONS.of(store, asked))
    return [next(told) if conditions else () for _, _, conditions in rows]


def _reasons(spans: Sequence[SpanSketch], conditions: tuple[Condition, ...]) -> tuple[Matched, ...]:
    found = reasons((span.whole() for span in spans[:MAX_SPANS]), conditions)
    return tuple(dict.fromkeys(map(_words, found)))[:MAX_REASONS]


def _words(reason: Reason) -> Matched:
    event = "" if reason.event is None else reason.event.name or UNNAMED
    return Matched(event, reason.span.name or UNNAMED, reason.span.service)


_REASONS: RowFacts[tuple[Condition, ...], tuple[Matched, ...]] = RowFacts(_reasons, (), MAX_KEPT)
