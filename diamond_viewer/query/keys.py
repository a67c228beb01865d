"""The table of keys of the search language: a row each, read by the parser, by autocomplete and by the docs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from diamond_viewer.query.patterns import Compared, Exactly
from diamond_viewer.query.terms import (
    Carries,
    CarriesLike,
    Condition,
    Field,
    Figure,
    HasFinding,
    HasFlag,
    Not,
    OnOneSpan,
    SpanCounts,
    SpanFact,
    SpanFigure,
    SpanMarked,
    SpanOfKind,
    SpanSays,
    Term,
    TraceCounts,
    TraceIs,
    TraceNamed,
)
from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.carried_keys import CarriedKeys
from diamond_viewer.telemetry.model import (
    FLAG_NAMES,
    KIND_CLIENT,
    KIND_CONSUMER,
    KIND_INTERNAL,
    KIND_PRODUCER,
    KIND_SERVER,
    Flag,
)
from diamond_viewer.telemetry.rules import RULE_NAMES

KINDS = {
    "server": KIND_SERVER,
    "client": KIND_CLIENT,
    "internal": KIND_INTERNAL,
    "producer": KIND_PRODUCER,
    "consumer": KIND_CONSUMER,
}
RULE_FLAGS = (Flag.DUPLICATE_CALLS, Flag.N_PLUS_ONE)
# what one span alone can be the reason for
SPAN_FLAGS = (Flag.ERROR, Flag.AUTH_FAILURE, Flag.SLOW, Flag.SLOW_DB, Flag.RESUME_MISMATCH, Flag.EXCEPTION)


class Shape(StrEnum):
    """What may stand behind a key: ``text`` with wildcards, ``number``, ``duration``, one of some ``choice``s, an ``id``."""

    TEXT = "text"
    NUMBER = "number"
    DURATION = "duration"
    CHOICE = "choice"
    ID = "id"


Meaning = Callable[[Any], Term]  # takes a TextTest, a Compared or a text, as the key's shape says


@dataclass(frozen=True, slots=True)
class Key:
    """``of_trace`` and ``of_span`` say what a value means: of the trace, and inside ``span:{ ... }`` (None: not there).

    ``choices`` are all values of a choice; ``field`` is the question to ``TraceStore.values`` that knows those of a text.
    """

    name: str
    shape: Shape
    sentence: str
    example: str
    of_trace: Meaning | None
    of_span: Meaning | None = None
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    field: str = ""


def flagged(name: str) -> Term:
    """A trace with the flag. What only a rule can tell is asked of the rule of that name, which may not have looked yet.

    >>> flagged("n-plus-one")
    HasFinding(rule='n-plus-one', alone=True)
    """
    return HasFinding(name, alone=True) if FLAG_NAMES[name] in RULE_FLAGS else HasFlag(FLAG_NAMES[name])


def _posted(field: Field) -> Meaning:
    return lambda test: Carries(field, test.text) if isinstance(test, Exactly) else CarriesLike(field, test)


def _says(fact: SpanFact) -> Meaning:
    return lambda test: SpanSays(fact, test)


def _on_a_span(condition: Meaning) -> Meaning:
    return lambda value: OnOneSpan(condition(value))


def _figure(figure: Figure) -> Meaning:
    return lambda test: TraceCounts(figure, test)


def _span_status(value: str) -> Condition:
    is_error = SpanMarked(Flag.ERROR)
    return is_error if value == "error" else Not(is_error)


def _slow_database(value: str) -> Term:
    return HasFlag(Flag.SLOW_DB, wanted=value == "true")


def _span_slow_database(value: str) -> Condition:
    return SpanMarked(Flag.SLOW_DB) if value == "true" else Not(SpanMarked(Flag.SLOW_DB))


def _span_duration(test: Compared) -> Condition:
    return SpanCounts(SpanFigure.DURATION, test)


def _http_status(test: Compared) -> Condition:
    return SpanCounts(SpanFigure.HTTP_STATUS, test)


def _kind(value: str) -> Condition:
    return SpanOfKind(KINDS[value])


def _carried(field: Field, sentence: str, example: str, *aliases: str) -> Key:
    """A text that is looked up by its value."""
    return Key(
        field.value,
        Shape.TEXT,
        sentence,
        example,
        of_trace=_posted(field),
        of_span=_says(SpanFact(field.value)),
        aliases=aliases,
        field=field.value,
    )


def _table(keys: CarriedKeys) -> tuple[Key, ...]:
    return (
        _carried(Field.LESSON, "a lesson that a span or its event names", "lesson:lesson-011", *keys.lesson),
        _carried(Field.USER, "a user that a span or its event names", "user:usr_0007", *keys.user),
        Key(
            "status",
            Shape.CHOICE,
            "error if any span failed, else ok",
            "status:error",
            of_trace=lambda value: HasFlag(Flag.ERROR, wanted=value == "error"),
            of_span=_span_status,
            choices=("error", "ok"),
        ),
        Key(
            "duration",
            Shape.DURATION,
            "from the first start to the last end; inside span:{ } how long that span lasts",
            "duration>1s",
            of_trace=_figure(Figure.DURATION),
            of_span=_span_duration,
        ),
        _carried(Field.SERVICE, "a service that took part", "service:diamond-district-web", semconv.SERVICE_KEY),
        _carried(Field.OPERATION, "the name of a span", "name:api.*", "name", "span.name"),
        _carried(Field.EVENT, "the name of an event", "event:auth.failed", "event.name"),
        Key(
            "flag",
            Shape.CHOICE,
            "what the trace by itself is flagged for",
            "flag:slow-db",
            of_trace=flagged,
            of_span=lambda value: SpanMarked(FLAG_NAMES[value]),
            choices=tuple(FLAG_NAMES),
        ),
        Key(
            "finding",
            Shape.CHOICE,
            "what a rule found wrong, in the trace by itself or together with others of its person; * for anything",
            "finding:n-plus-one",
            of_trace=HasFinding,
            choices=RULE_NAMES,
        ),
        Key(
            "http.status",
            Shape.NUMBER,
            "the HTTP status of a span",
            "http.status>=400",
            of_trace=_on_a_span(_http_status),
            of_span=_http_status,
            aliases=semconv.HTTP_STATUS_KEYS,
        ),
        Key(
            "route",
            Shape.TEXT,
            "the route of a span, or its path where no route is known",
            "route:/api/video/*",
            of_trace=_on_a_span(_says(SpanFact.ROUTE)),
            of_span=_says(SpanFact.ROUTE),
            aliases=semconv.ROUTE_KEYS,
        ),
        Key(
            "statement",
            Shape.TEXT,
            "a database statement with ? for each value, as the operations page shows it",
            "statement~progress",
            of_trace=_on_a_span(_says(SpanFact.STATEMENT)),
            of_span=_says(SpanFact.STATEMENT),
        ),
        Key(
            "kind",
            Shape.CHOICE,
            "the kind of a span",
            "kind:server",
            of_trace=_on_a_span(_kind),
            of_span=_kind,
            aliases=("span.kind",),
            choices=tuple(KINDS),
        ),
        Key(
            "db.slow",
            Shape.CHOICE,
            "whether a database span lasts more than 100 ms",
            "db.slow:true",
            of_trace=_slow_database,
            of_span=_span_slow_database,
            choices=("true", "false"),
        ),
        Key(
            "span.duration",
            Shape.DURATION,
            "how long any of the spans lasts",
            "span.duration>=500ms",
            of_trace=_on_a_span(_span_duration),
            of_span=_span_duration,
        ),
        Key(
            "span.status",
            Shape.CHOICE,
            "the status of any of the spans",
            "span.status:error",
            of_trace=_on_a_span(_span_status),
            of_span=_span_status,
            choices=("error", "ok"),
        ),
        Key("trace", Shape.ID, "the trace with this id", "trace:4d1a2d9b35b1a1e5f8a4b5cf0d6a7c11", of_trace=TraceIs),
        Key("trace.name", Shape.TEXT, "the trace's name in the list", "trace.name:GET*", of_trace=TraceNamed),
        Key(
            "trace.duration",
            Shape.DURATION,
            "the same as duration",
            "trace.duration<50ms",
            of_trace=_figure(Figure.DURATION),
        ),
        Key("trace.spans", Shape.NUMBER, "the number of spans", "trace.spans>20", of_trace=_figure(Figure.SPANS)),
        Key(
            "trace.errors",
            Shape.NUMBER,
            "the number of failed spans",
            "trace.errors>=2",
            of_trace=_figure(Figure.ERRORS),
        ),
        Key("trace.events", Shape.NUMBER, "the number of events", "trace.events>0", of_trace=_figure(Figure.EVENTS)),
    )


@lru_cache(maxsize=4)
def _known(keys: CarriedKeys) -> tuple[tuple[Key, ...], Mapping[str, Key]]:
    rows = _table(keys)
    return rows, {name: row for row in rows for name in (row.name, *row.aliases)}


def known_keys() -> tuple[Key, ...]:
    """Every key, with the aliases that it has in this process (``semconv.carry``)."""
    return _known(semconv.carried_keys())[0]


def key_named(name: str) -> Key | None:
    """The key of this name or alias; any other name is that of an attribute."""
    return _known(semconv.carried_keys())[1].get(name)
