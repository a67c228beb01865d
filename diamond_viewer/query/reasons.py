"""Why a trace matched: the span, or the event on it, that fulfils what was asked for."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from diamond_viewer.query.evidence import fulfils
from diamond_viewer.query.patterns import Exactly
from diamond_viewer.query.terms import (
    AllOf,
    AnyOf,
    Carries,
    CarriesLike,
    Condition,
    Field,
    OnOneSpan,
    SpanFact,
    SpanSays,
    Term,
)
from diamond_viewer.telemetry.model import Event, Span

SEEN_ANYWAY = (Field.USER, Field.LESSON)  # the row of a trace shows them


@dataclass(frozen=True, slots=True)
class Reason:
    """``event`` is None when the span fulfils the condition by itself."""

    span: Span
    event: Event | None


def span_conditions(terms: Iterable[Term]) -> tuple[Condition, ...]:
    """What of a search speaks of single spans, and is not excluded."""
    return tuple(dict.fromkeys(condition for term in terms for condition in _conditions(term)))


def reasons(spans: Iterable[Span], conditions: Sequence[Condition]) -> tuple[Reason, ...]:
    """For each condition the first span that fulfils it; a span or an event that is the reason for several comes once.

    ``spans`` are looked at one after another, and none behind the last reason.
    """
    waiting = dict.fromkeys(conditions)
    found: dict[Condition, Reason] = {}
    for span in spans:
        for condition in [condition for condition in waiting if fulfils(span, condition)]:
            found[condition] = Reason(span, _event(span, condition))
            del waiting[condition]
        if not waiting:
            break
    in_order = [found[condition] for condition in conditions if condition in found]
    return tuple({(id(reason.span), id(reason.event)): reason for reason in in_order}.values())


def _conditions(term: Term) -> Iterator[Condition]:
    if isinstance(term, AllOf | AnyOf):
        for part in term.terms:
            yield from _conditions(part)
    elif isinstance(term, OnOneSpan):
        yield term.condition
    elif isinstance(term, Carries) and term.field not in SEEN_ANYWAY:
        yield SpanSays(SpanFact(term.field.value), Exactly(term.value))
    elif isinstance(term, CarriesLike) and term.field not in SEEN_ANYWAY:
        yield SpanSays(SpanFact(term.field.value), term.test)


def _event(span: Span, condition: Condition) -> Event | None:
    """The event without which the span would not fulfil the condition."""
    if not span.events or fulfils(replace(span, events=()), condition):
        return None
    return next((event for event in span.events if fulfils(replace(span, events=(event,)), condition)), None)
