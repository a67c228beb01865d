"""The small algebra that every filter and every search is made of. A store turns terms into whatever it answers quickly.

Terms speak of a trace. Conditions speak of one span; ``OnOneSpan`` makes a term of one: some span of the trace fulfils it.
``AllOf``, ``AnyOf`` and ``Not`` combine either.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from diamond_viewer.query.patterns import Compared, TextTest, ValueTest
from diamond_viewer.telemetry.model import Flag


class Field(StrEnum):
    """What a trace carries by way of its spans and their events."""

    USER = "user"
    LESSON = "lesson"
    SERVICE = "service"
    OPERATION = "operation"
    EVENT = "event"


class Figure(StrEnum):
    """A number of a whole trace. Durations are ns."""

    DURATION = "duration"
    SPANS = "spans"
    ERRORS = "errors"
    EVENTS = "events"


class SpanFact(StrEnum):
    """A text of a span; of users, lessons and events it may have several. A route is the path where none is said,
    a statement is without its values."""

    USER = "user"
    LESSON = "lesson"
    SERVICE = "service"
    OPERATION = "operation"
    EVENT = "event"
    ROUTE = "route"
    STATEMENT = "statement"


class SpanFigure(StrEnum):
    """A number of a span: how long it lasted (ns), the HTTP status it answered or got (absent: fulfils nothing)."""

    DURATION = "duration"
    HTTP_STATUS = "http.status"


class AttributePlace(StrEnum):
    SPAN = "span"
    EVENT = "event"
    RESOURCE = "resource"
    SCOPE = "scope"


# -- of a trace


@dataclass(frozen=True, slots=True)
class Carries:
    """Any span (or a span's event) has exactly this value."""

    field: Field
    value: str


@dataclass(frozen=True, slots=True)
class CarriesLike:
    """Any span (or a span's event) has a value that passes; the empty text is none."""

    field: Field
    test: TextTest


@dataclass(frozen=True, slots=True)
class HasFlag:
    """The trace has the flag, or (``wanted=False``) has it not."""

    flag: Flag
    wanted: bool = True


ANY_RULE = "*"


@dataclass(frozen=True, slots=True)
class HasFinding:
    """A rule (one of ``telemetry.rules``, or ``ANY_RULE``) found something in the trace; or over several traces of its people,
    this one among them, unless it must be ``alone``."""

    rule: str
    alone: bool = False


@dataclass(frozen=True, slots=True)
class LastsBetween:
    """The trace's duration lies in ``[low_ns, high_ns]``; None leaves that end open."""

    low_ns: int | None = None
    high_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Overlaps:
    """Some part of the trace lies in ``[since_ns, until_ns]``: a trace belongs to every window it overlaps."""

    since_ns: int | None = None
    until_ns: int | None = None


@dataclass(frozen=True, slots=True)
class TraceCounts:
    figure: Figure
    test: Compared


@dataclass(frozen=True, slots=True)
class TraceNamed:
    """The trace's own name, as the list shows it, passes."""

    test: TextTest


@dataclass(frozen=True, slots=True)
class TraceIs:
    """32 lower-case hex digits."""

    trace_id: str


# -- of a span


@dataclass(frozen=True, slots=True)
class SpanSays:
    """One of the span's values passes; the empty text is none."""

    fact: SpanFact
    test: TextTest


@dataclass(frozen=True, slots=True)
class SpanCounts:
    figure: SpanFigure
    test: Compared


@dataclass(frozen=True, slots=True)
class SpanOfKind:
    kind: int


@dataclass(frozen=True, slots=True)
class SpanMarked:
    """The span itself is why its trace has this flag."""

    flag: Flag


@dataclass(frozen=True, slots=True)
class AttributeName:
    """``place`` None: wherever an attribute may stand. Of a scope ``name`` and ``version`` are attributes too."""

    key: str
    place: AttributePlace | None = None


@dataclass(frozen=True, slots=True)
class AttributeIs:
    """Under any of the names stands a value that passes."""

    names: tuple[AttributeName, ...]
    test: ValueTest


@dataclass(frozen=True, slots=True)
class HasText:
    """A name, a message or a value of the span, its events, resource or scope passes."""

    test: TextTest


# -- of either


@dataclass(frozen=True, slots=True)
class AllOf:
    terms: tuple["Term", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    terms: tuple["Term", ...]


@dataclass(frozen=True, slots=True)
class Not:
    term: "Term"


@dataclass(frozen=True, slots=True)
class OnOneSpan:
    condition: "Condition"


PlainTerm = Carries | HasFlag | LastsBetween | Overlaps
PLAIN_TERMS = (Carries, HasFlag, LastsBetween, Overlaps)  # what the filters beside the search language are made of

SpanLeaf = SpanSays | SpanCounts | SpanOfKind | SpanMarked | AttributeIs | HasText
TraceLeaf = PlainTerm | HasFinding | CarriesLike | TraceCounts | TraceNamed | TraceIs | OnOneSpan
# one union for both levels: AllOf, AnyOf and Not are the same on each
Term: TypeAlias = TraceLeaf | SpanLeaf | AllOf | AnyOf | Not
Condition: TypeAlias = Term  # of SpanLeaf and combinations of them only
