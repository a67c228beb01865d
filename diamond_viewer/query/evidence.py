"""Does one decoded span fulfil a condition? What the index asks of originals, and what shows why a trace matched."""

from collections.abc import Iterator

from diamond_viewer.query.comparisons import attribute_names
from diamond_viewer.query.patterns import number_passes, text_passes, value_passes, value_texts
from diamond_viewer.query.terms import (
    AllOf,
    AnyOf,
    AttributeIs,
    AttributeName,
    AttributePlace,
    Condition,
    HasText,
    Not,
    SpanCounts,
    SpanFact,
    SpanFigure,
    SpanMarked,
    SpanOfKind,
    SpanSays,
)
from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.model import (
    SLOW_DATABASE_SPAN_NS,
    SLOW_SPAN_NS,
    STATUS_ERROR,
    Attributes,
    AttributeValue,
    Flag,
    Span,
)

UNAUTHORIZED = 401
MAX_TIME_NS = 2**63 - 1  # the index counts in 64 bits with a sign


def fulfils(span: Span, condition: Condition) -> bool:
    """``condition`` is made of conditions of a span only. Combinations nest at most as deep as the language lets them."""
    if isinstance(condition, AllOf):
        return all(fulfils(span, part) for part in condition.terms)
    if isinstance(condition, AnyOf):
        return any(fulfils(span, part) for part in condition.terms)
    if isinstance(condition, Not):
        return not fulfils(span, condition.term)
    if isinstance(condition, AttributeIs):
        values = (value for name in condition.names for value in _values(span, name))
        return any(value_passes(condition.test, value) for value in values)
    if isinstance(condition, HasText):
        return any(text_passes(condition.test, text) for text in _texts(span))
    if isinstance(condition, SpanSays):
        return any(text and text_passes(condition.test, text) for text in _said(span, condition.fact))
    if isinstance(condition, SpanCounts):
        number = lasted_ns(span) if condition.figure is SpanFigure.DURATION else _facts(span).http_status
        is_absent = condition.figure is SpanFigure.HTTP_STATUS and not number
        return not is_absent and number_passes(condition.test, number)
    if isinstance(condition, SpanOfKind):
        return span.kind == condition.kind
    if isinstance(condition, SpanMarked):
        return _is_marked(span, condition.flag)
    raise AssertionError(f"{condition!r} speaks of no single span.")


def lasted_ns(span: Span) -> int:
    """A span without a start began when it ended; what lies beyond 2262 is no time."""
    start_ns, end_ns = (time_ns if time_ns <= MAX_TIME_NS else 0 for time_ns in (span.start_ns, span.end_ns))
    return max(0, end_ns - (start_ns or end_ns))


def attribute_values(span: Span, key: str) -> Iterator[AttributeValue]:
    """What stands under a key as the search language reads it, in any spelling and at any place of the span."""
    for name in attribute_names(key):
        yield from _values(span, name)


def _values(span: Span, name: AttributeName) -> Iterator[AttributeValue]:
    for attributes in _attribute_sets(span, name.place):
        if name.key in attributes:
            yield attributes[name.key]
    if name.place is AttributePlace.SCOPE and name.key in ("name", "version"):
        yield span.scope.name if name.key == "name" else span.scope.version


def _attribute_sets(span: Span, place: AttributePlace | None = None) -> Iterator[Attributes]:
    if place in (None, AttributePlace.SPAN):
        yield span.attributes
    if place in (None, AttributePlace.EVENT):
        for event in span.events:
            yield event.attributes
    if place in (None, AttributePlace.RESOURCE):
        yield span.resource.attributes
    if place in (None, AttributePlace.SCOPE):
        yield span.scope.attributes


def _texts(span: Span) -> Iterator[str]:
    yield span.name
    yield span.status_message
    yield from (event.name for event in span.events)
    for attributes in _attribute_sets(span):
        for value in attributes.values():
            yield from value_texts(value)
    yield span.scope.name
    yield span.service


def _said(span: Span, fact: SpanFact) -> tuple[str, ...]:
    if fact is SpanFact.OPERATION:
        return (span.name,)
    if fact is SpanFact.SERVICE:
        return (span.service,)
    if fact is SpanFact.EVENT:
        return tuple(event.name for event in span.events)
    own = _facts(span)
    if fact is SpanFact.ROUTE:
        return (own.route or own.path,)
    if fact is SpanFact.STATEMENT:
        return (own.statement.partition("\n")[2],)
    events = [semconv.event_facts(event.name, event.attributes) for event in span.events]
    if fact is SpanFact.USER:
        return (*own.users, *(user for event in events for user in event.users))
    return (*own.lessons, *(lesson for event in events for lesson in event.lessons))


def _facts(span: Span) -> semconv.SpanFacts:
    return semconv.span_facts(span.attributes)


def _is_marked(span: Span, flag: Flag) -> bool:
    names = {event.name for event in span.events}
    if flag is Flag.ERROR:
        return span.status_code == STATUS_ERROR
    if flag is Flag.SLOW:
        return lasted_ns(span) > SLOW_SPAN_NS
    if flag is Flag.SLOW_DB:
        return lasted_ns(span) > SLOW_DATABASE_SPAN_NS and _facts(span).is_database
    if flag is Flag.AUTH_FAILURE:
        return bool(names & semconv.AUTH_FAILURE_EVENTS) or _facts(span).http_status == UNAUTHORIZED
    if flag is Flag.EXCEPTION:
        return semconv.EXCEPTION_EVENT in names
    return flag is Flag.RESUME_MISMATCH and semconv.MISMATCH_EVENT in names
