"""The search language by plain loops over the spans of one trace, without the index and without ``query/evidence.py``.

Regular expressions and fractions where the viewer has neither, so that a slip of one is not a slip of both.
"""

import base64
import operator
import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache

from diamond_viewer.query.patterns import Compared, Contains, Exactly, Like, ValueTest
from diamond_viewer.query.terms import (
    ANY_RULE,
    AllOf,
    AnyOf,
    AttributeIs,
    AttributeName,
    Carries,
    CarriesLike,
    HasFinding,
    HasFlag,
    HasText,
    LastsBetween,
    Not,
    OnOneSpan,
    Overlaps,
    SpanCounts,
    SpanMarked,
    SpanOfKind,
    SpanSays,
    Term,
    TraceCounts,
    TraceIs,
    TraceNamed,
)
from diamond_viewer.telemetry.model import Attributes, AttributeValue, Flag, Span, TraceSummary
from tests.plain_tallies import statement_of
from tests.plain_trace import LESSON_KEYS, PATH_KEYS, ROUTE_KEYS, USER_KEYS, ids_under, lasted_ns, path_of, text_under

OPERATORS = {"=": operator.eq, ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
SCALARS = (str, bool, int, float, bytes)
NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")


def holds(term: Term, summary: TraceSummary, spans: Sequence[Span]) -> bool:
    """Does the trace match?"""
    if isinstance(term, AllOf):
        return all(holds(part, summary, spans) for part in term.terms)
    if isinstance(term, AnyOf):
        return any(holds(part, summary, spans) for part in term.terms)
    if isinstance(term, Not):
        return not holds(term.term, summary, spans)
    if isinstance(term, Carries):
        return term.value in _carried(spans, term.field.value)
    if isinstance(term, CarriesLike):
        return any(text and _passes(term.test, text) for text in _carried(spans, term.field.value))
    if isinstance(term, HasFinding):
        found = {*summary.findings, *(() if term.alone else summary.findings_together)}
        return bool(found) if term.rule == ANY_RULE else term.rule in found
    if isinstance(term, HasFlag):
        return bool(summary.flags & term.flag) == term.wanted
    if isinstance(term, LastsBetween):
        low, high = term.low_ns, term.high_ns
        return (low is None or summary.duration_ns >= low) and (high is None or summary.duration_ns <= high)
    if isinstance(term, Overlaps):
        since, until, end_ns = term.since_ns, term.until_ns, summary.start_ns + summary.duration_ns
        return (since is None or end_ns >= since) and (until is None or summary.start_ns <= until)
    if isinstance(term, TraceCounts):
        figures = {
            "duration": summary.duration_ns,
            "spans": summary.span_count,
            "errors": summary.error_count,
            "events": summary.event_count,
        }
        return _passes(term.test, figures[term.figure.value])
    if isinstance(term, TraceNamed):
        return bool(summary.name) and _passes(term.test, summary.name)
    if isinstance(term, TraceIs):
        return summary.trace_id == term.trace_id
    assert isinstance(term, OnOneSpan), term
    return any(span_fulfils(span, term.condition) for span in spans)


def span_fulfils(span: Span, condition: Term) -> bool:
    if isinstance(condition, AllOf):
        return all(span_fulfils(span, part) for part in condition.terms)
    if isinstance(condition, AnyOf):
        return any(span_fulfils(span, part) for part in condition.terms)
    if isinstance(condition, Not):
        return not span_fulfils(span, condition.term)
    if isinstance(condition, SpanSays):
        return any(text and _passes(condition.test, text) for text in _carried([span], condition.fact.value))
    if isinstance(condition, SpanCounts):
        number = lasted_ns(span) if condition.figure.value == "duration" else http_status_of(span)
        return number is not None and _passes(condition.test, number)
    if isinstance(condition, SpanOfKind):
        return span.kind == condition.kind
    if isinstance(condition, SpanMarked):
        return _is_marked(span, condition.flag)
    if isinstance(condition, AttributeIs):
        return any(_passes(condition.test, value) for name in condition.names for value in _under(span, name))
    assert isinstance(condition, HasText), condition
    return any(_passes(condition.test, text) for text in _every_text(span))


def _carried(spans: Sequence[Span], what: str) -> set[str]:
    if what == "user":
        return ids_under(spans, USER_KEYS)
    if what == "lesson":
        return ids_under(spans, LESSON_KEYS)
    if what == "service":
        return {span.service for span in spans}
    if what == "operation":
        return {span.name for span in spans}
    if what == "event":
        return {event.name for span in spans for event in span.events}
    if what == "statement":
        return {said[1] for span in spans if (said := statement_of(span))}
    return {route_of(span) for span in spans}


def route_of(span: Span) -> str:
    routes = [text for key in ROUTE_KEYS if (text := text_under(span, key))]
    paths = [path_of(text) for key in PATH_KEYS if (text := text_under(span, key))]
    return [*routes, *paths, ""][0]


def http_status_of(span: Span) -> int | None:
    for key in ("http.response.status_code", "http.status_code"):
        value = span.attributes.get(key)
        if str(value).isdigit() and 100 <= int(str(value)) <= 999:
            return int(str(value))
    return None


def _is_marked(span: Span, flag: Flag) -> bool:
    names = [event.name for event in span.events]
    is_database = any(span.attributes.get(key) is not None for key in ("db.system", "db.system.name"))
    return {
        Flag.ERROR: span.status_code == 2,
        Flag.AUTH_FAILURE: "auth.failed" in names or "auth.credentials.missing" in names or http_status_of(span) == 401,
        Flag.SLOW: lasted_ns(span) > 10**9,
        Flag.SLOW_DB: is_database and lasted_ns(span) > 10**8,
        Flag.RESUME_MISMATCH: "video.resume_position_mismatch" in names,
        Flag.EXCEPTION: "exception" in names,
    }[flag]


def _attribute_sets(span: Span) -> dict[str, list[Attributes]]:
    return {
        "span": [span.attributes],
        "event": [event.attributes for event in span.events],
        "resource": [span.resource.attributes],
        "scope": [span.scope.attributes],
    }


def _under(span: Span, name: AttributeName) -> Iterator[AttributeValue]:
    for place, sets in _attribute_sets(span).items():
        if name.place is None or name.place.value == place:
            yield from (attributes[name.key] for attributes in sets if name.key in attributes)
    if name.place is not None and name.place.value == "scope":
        yield from {"name": [span.scope.name], "version": [span.scope.version]}.get(name.key, [])


def _every_text(span: Span) -> Iterator[str]:
    yield from (span.name, span.status_message, span.scope.name, span.service)
    yield from (event.name for event in span.events)
    for sets in _attribute_sets(span).values():
        for attributes in sets:
            for value in attributes.values():
                yield from (written(scalar) for scalar in scalars(value))


def scalars(value: AttributeValue) -> list[bool | int | float | str | bytes]:
    if isinstance(value, SCALARS):
        return [value]
    if value is None:
        return []
    inner: Iterable[AttributeValue] = value.values() if isinstance(value, dict) else value
    return [scalar for item in inner for scalar in scalars(item)]


def written(scalar: bool | int | float | str | bytes) -> str:
    if isinstance(scalar, str):  # nearly all of them are
        return scalar
    if isinstance(scalar, bool):
        return str(scalar).lower()
    if isinstance(scalar, bytes):
        return base64.b64encode(scalar).decode("ascii")
    if isinstance(scalar, float):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(repr(scalar), repr(scalar))
    return str(scalar)


def _passes(test: ValueTest, value: AttributeValue) -> bool:
    if isinstance(test, Like) and not any(test.parts):
        return True
    return any(_scalar_passes(test, scalar) for scalar in scalars(value))


def _scalar_passes(test: ValueTest, scalar: bool | int | float | str | bytes) -> bool:
    text = written(scalar)
    if isinstance(test, Contains):
        return test.folded in text.lower()
    is_number = isinstance(scalar, int | float) and not isinstance(scalar, bool)
    number = _fraction(text) if is_number or isinstance(scalar, str) else None
    if isinstance(test, Compared):
        if number is None:
            return isinstance(scalar, float) and bool(OPERATORS[test.operator](scalar, test.number))
        return bool(OPERATORS[test.operator](number, Fraction(test.number)))
    if isinstance(test, Exactly):
        wanted = _fraction(test.text)
        return text == test.text or (is_number and wanted is not None and wanted == number)
    return re.fullmatch(".*".join(map(re.escape, test.parts)), text, re.DOTALL) is not None


@lru_cache(4096)
def _fraction(text: str) -> Fraction | None:
    if not NUMBER.fullmatch(text):
        return None
    digits = text.lstrip("+-")
    return Fraction(int(text)) if digits.isdigit() else Fraction(float(text)) if abs(float(text)) < 1e308 else None
