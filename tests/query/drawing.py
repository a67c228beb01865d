"""Terms as one line of text, so that a difference reads as one."""

from diamond_viewer.query.patterns import Compared, Contains, Exactly, ValueTest
from diamond_viewer.query.terms import (
    AllOf,
    AnyOf,
    AttributeIs,
    Carries,
    CarriesLike,
    HasFlag,
    HasText,
    Not,
    OnOneSpan,
    SpanCounts,
    SpanMarked,
    SpanOfKind,
    SpanSays,
    Term,
    TraceCounts,
    TraceIs,
    TraceNamed,
)
from diamond_viewer.telemetry.model import flag_names


def drawn(term: Term) -> str:
    """``&``, ``|`` and ``!`` combine; ``{}`` is one span; ``@`` an attribute, ``#`` a flag; durations are ns."""
    if isinstance(term, AllOf | AnyOf):
        return f"({(' & ' if isinstance(term, AllOf) else ' | ').join(map(drawn, term.terms))})"
    if isinstance(term, Not):
        return f"!{drawn(term.term)}"
    if isinstance(term, OnOneSpan):
        return f"{{{drawn(term.condition)}}}"
    if isinstance(term, Carries):
        return f"{term.field.value}={term.value}"
    if isinstance(term, CarriesLike):
        return f"{term.field.value}{drawn_test(term.test)}"
    if isinstance(term, HasFlag):
        return f"{'' if term.wanted else '!'}#{flag_names(term.flag)[0]}"
    if isinstance(term, TraceCounts):
        return f"trace.{term.figure.value}{drawn_test(term.test)}"
    if isinstance(term, TraceNamed):
        return f"trace.name{drawn_test(term.test)}"
    if isinstance(term, TraceIs):
        return f"trace={term.trace_id}"
    if isinstance(term, SpanSays):
        return f"{term.fact.value}{drawn_test(term.test)}"
    if isinstance(term, SpanCounts):
        return f"{term.figure.value}{drawn_test(term.test)}"
    if isinstance(term, SpanOfKind):
        return f"kind={term.kind}"
    if isinstance(term, SpanMarked):
        return f"#{flag_names(term.flag)[0]}"
    if isinstance(term, AttributeIs):
        names = [f"{name.place.value}:{name.key}" if name.place else name.key for name in term.names]
        return f"@{'|'.join(names)}{drawn_test(term.test)}"
    assert isinstance(term, HasText), term
    return f"text{drawn_test(term.test)}"


def drawn_test(test: ValueTest) -> str:
    if isinstance(test, Exactly):
        return f"={test.text}"
    if isinstance(test, Contains):
        return f"~{test.folded}"
    if isinstance(test, Compared):
        return f"{test.operator}{test.number}"
    return f":{'*'.join(test.parts)}"
