"""Terms of a search as SQL: conditions of a span stand behind WHERE, terms of a trace behind HAVING.

Some things no SQL can tell: what a rule finds, the name that a trace has in the list, a statement without its values. Where
they are asked for, the SQL lets through everything that could match and says so (``is_exact``); the rest is decided from
whole traces.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

from diamond_viewer.clickhouse.binding import Bound
from diamond_viewer.clickhouse.expressions import (
    ANY_TIMES,
    CONTENT,
    FAILED,
    NUMBER,
    SERVICE,
    Row,
    Times,
    is_of_kind,
)
from diamond_viewer.clickhouse.layout import Layout
from diamond_viewer.query.patterns import ANYTHING, Compared, Contains, Exactly, Like, TextTest, ValueTest, fold
from diamond_viewer.query.terms import (
    AllOf,
    AnyOf,
    AttributeIs,
    AttributeName,
    AttributePlace,
    Carries,
    CarriesLike,
    Condition,
    Field,
    Figure,
    HasFinding,
    HasFlag,
    HasText,
    LastsBetween,
    Not,
    OnOneSpan,
    Overlaps,
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
from diamond_viewer.telemetry.model import SLOW_DATABASE_SPAN_NS, SLOW_SPAN_NS, Flag
from diamond_viewer.telemetry.own_secrets import rules
from diamond_viewer.telemetry.redact import REDACTED, redact_attributes

ON_A_SPAN = (Flag.ERROR, Flag.AUTH_FAILURE, Flag.SLOW, Flag.SLOW_DB, Flag.RESUME_MISMATCH, Flag.EXCEPTION)
UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class Sql:
    """A condition. It holds wherever the term does; ``is_exact``: and nowhere else."""

    text: str
    is_exact: bool = True

    def negated(self) -> "Sql":
        return Sql(f"NOT ({self.text})") if self.is_exact else POSSIBLE


POSSIBLE = Sql("true", is_exact=False)


def joined(word: str, parts: Sequence[Sql]) -> Sql:
    if len(parts) == 1:
        return parts[0]
    return Sql(f"({f' {word} '.join(part.text for part in parts)})", all(part.is_exact for part in parts))


class Conditions:
    """Turns terms into SQL over ``layout``. ``window`` is a condition on the rows that are looked at."""

    def __init__(self, layout: Layout, bound: Bound, window: str, times: Times = ANY_TIMES) -> None:
        self._layout, self._bound, self._window, self._times = layout, bound, window, times
        self._row = Row(layout, bound)

    # -- of a trace

    def of_trace(self, term: Term) -> Sql:
        """Over groups of rows, a trace each."""
        if isinstance(term, AllOf):
            return joined("AND", [self.of_trace(part) for part in term.terms])
        if isinstance(term, AnyOf):
            return joined("OR", [self.of_trace(part) for part in term.terms])
        if isinstance(term, Not):
            return self.of_trace(term.term).negated()
        if isinstance(term, HasFlag):
            found = self._flagged(term.flag)
            return found if term.wanted else found.negated()
        if isinstance(term, HasFinding | TraceNamed):
            return POSSIBLE
        if (condition := span_condition_of(term)) is not None:
            return self._has_a_span("any(TraceId)", condition)
        return Sql(self._figure(term))

    def of_rows(self, term: Term) -> Sql | None:
        """The same before rows are grouped, for what can be said so: it keeps other traces from being grouped at all."""
        if isinstance(term, TraceIs):
            return Sql(f"TraceId = {self._bound.value(term.trace_id)}")
        condition = span_condition_of(term)
        return None if condition is None else self._has_a_span("TraceId", condition)

    def _has_a_span(self, trace: str, condition: Condition) -> Sql:
        found = self.of_span(condition)
        such = f"SELECT TraceId FROM {self._layout.spans} WHERE {self._window} AND {found.text}"
        return Sql(f"{trace} {self._layout.among} ({such})", found.is_exact)

    def _flagged(self, flag: Flag) -> Sql:
        if flag is Flag.BUFFERING:
            name = self._bound.value(semconv.BUFFERING_EVENT)
            return Sql(f"{distinct_sum(f'countEqual(Events.Name, {name})')} >= 2")
        if flag is Flag.INCOMPLETE:
            return Sql(incomplete(self._layout))
        return self._has_a_span("any(TraceId)", SpanMarked(flag))

    def _figure(self, term: Term) -> str:
        value = self._bound.value
        if isinstance(term, LastsBetween):
            low = f"ends - starts >= {value(term.low_ns)}" if term.low_ns is not None else "true"
            high = f"ends - starts <= {value(term.high_ns)}" if term.high_ns is not None else "true"
            return f"({low} AND {high})"
        if isinstance(term, Overlaps):
            since = f"ends >= {value(term.since_ns)}" if term.since_ns is not None else "true"
            until = f"starts <= {value(term.until_ns)}" if term.until_ns is not None else "true"
            return f"({since} AND {until})"
        if isinstance(term, TraceIs):
            return f"any(TraceId) = {value(term.trace_id)}"
        assert isinstance(term, TraceCounts), term
        figures = {
            Figure.DURATION: "(ends - starts)",
            Figure.SPANS: f"uniqExact({CONTENT})",
            Figure.ERRORS: f"uniqExactIf({CONTENT}, {FAILED})",
            Figure.EVENTS: distinct_sum("length(Events.Name)"),
        }
        return self._compared(figures[term.figure], term.test)

    # -- of a span

    def of_span(self, condition: Condition) -> Sql:
        """Over single rows."""
        if isinstance(condition, AllOf):
            return joined("AND", [self.of_span(part) for part in condition.terms])
        if isinstance(condition, AnyOf):
            return joined("OR", [self.of_span(part) for part in condition.terms])
        if isinstance(condition, Not):
            return self.of_span(condition.term).negated()
        if isinstance(condition, AttributeIs):
            return joined("OR", [part for name in condition.names for part in self._attribute(name, condition.test)])
        if isinstance(condition, HasText):
            return self._has_text(condition.test)
        if isinstance(condition, SpanSays):
            return self._says(condition.fact, condition.test)
        if isinstance(condition, SpanCounts):
            if condition.figure is SpanFigure.DURATION:
                return Sql(self._compared(self._times.lasted, condition.test))
            status = self._row.http_status
            return Sql(f"({status} > 0 AND {self._compared(status, condition.test)})")
        if isinstance(condition, SpanOfKind):
            return Sql(is_of_kind(condition.kind))
        assert isinstance(condition, SpanMarked), condition
        return Sql(self._marked(condition.flag))

    def _says(self, fact: SpanFact, test: TextTest) -> Sql:
        row = self._row
        if fact is SpanFact.STATEMENT:
            return Sql(f"({row.is_database} AND {row.statement} != '')", is_exact=test == ANYTHING)
        if not is_shown_so(test):
            return POSSIBLE
        is_exact = may_decide("", test)
        if fact in (SpanFact.USER, SpanFact.LESSON):
            return Sql(self._person(fact, test), is_exact)
        if fact is SpanFact.EVENT:
            return Sql(self._any_passes("Events.Name", test), is_exact)
        texts = {SpanFact.OPERATION: "SpanName", SpanFact.SERVICE: SERVICE, SpanFact.ROUTE: row.route}
        return Sql(self._passes(texts[fact], test), is_exact)

    def _person(self, fact: SpanFact, test: TextTest) -> str:
        row = self._row
        people = row.users if fact is SpanFact.USER else row.lessons
        if not isinstance(test, Exactly) or people in self._layout.columns:
            return self._any_passes(people, test)
        carried = semconv.carried_keys()
        keys = carried.user if fact is SpanFact.USER else carried.lesson
        own = [row.is_said(key, test.text) for key in keys]
        of_events = [f"has({row.events_said(key)}, {self._bound.value(test.text)})" for key in keys]
        return f"({' OR '.join(own)} OR (notEmpty(Events.Name) AND ({' OR '.join(of_events)})))"

    def _attribute(self, name: AttributeName, test: ValueTest) -> list[Sql]:
        row, key, place = self._row, name.key, name.place
        found = []
        if place in (None, AttributePlace.SPAN):
            found.append(self._holds(row.has(key), row.said(key), test, row.is_said, key))
        if place in (None, AttributePlace.RESOURCE):
            said = row.resource_said(key)
            found.append(self._holds(row.resource_has(key), said, test, row.is_said_of_resource, key))
        if place in (None, AttributePlace.EVENT):
            if test == ANYTHING or test == Exactly(""):
                exists = row.events_have(key)
                found.append(exists if test == ANYTHING else f"({exists} AND has({row.events_said(key)}, ''))")
            else:
                found.append(f"(notEmpty(Events.Name) AND {self._any_passes(row.events_said(key), test)})")
        if place is AttributePlace.SCOPE and key in ("name", "version"):
            found.append(self._passes("ScopeName" if key == "name" else "ScopeVersion", test))
        if not may_decide(key, test):
            return [Sql(text, is_exact=False) for text in found] if is_shown_so(test) else [POSSIBLE]
        return [Sql(text) for text in found] or [Sql("false")]

    def _holds(self, has: str, said: str, test: ValueTest, is_said: Callable[[str, str], str], key: str) -> str:
        if test == ANYTHING:
            return has
        if isinstance(test, Exactly):
            return is_said(key, test.text) if test.text else f"({has} AND {said} = '')"
        return self._passes(said, test)

    def _has_text(self, test: TextTest) -> Sql:
        if self._layout.is_json and not self._layout.has_json_values:
            return POSSIBLE
        if not is_shown_so(test):
            return POSSIBLE
        return Sql(self._any_passes(self._row.every_text, test), is_exact=not rules().is_on)

    def _marked(self, flag: Flag) -> str:
        row, value = self._row, self._bound.value
        if flag is Flag.ERROR:
            return FAILED
        if flag is Flag.SLOW:
            return f"{self._times.lasted} > {value(SLOW_SPAN_NS)}"
        if flag is Flag.SLOW_DB:
            return f"({self._times.lasted} > {value(SLOW_DATABASE_SPAN_NS)} AND {row.is_database})"
        if flag is Flag.AUTH_FAILURE:
            return f"({self.sign_in_failed()} OR {self.refused()})"
        event = semconv.EXCEPTION_EVENT if flag is Flag.EXCEPTION else semconv.MISMATCH_EVENT
        return f"has(Events.Name, {value(event)})"

    def sign_in_failed(self) -> str:
        names = ", ".join(self._bound.value(name) for name in sorted(semconv.AUTH_FAILURE_EVENTS))
        return f"hasAny(Events.Name, [{names}])"

    def refused(self) -> str:
        status = self._row.http_status
        return f"({self._row.may_say_status(UNAUTHORIZED)} AND {status} = {self._bound.value(UNAUTHORIZED)})"

    def marks(self) -> str:
        """Over groups of rows: the flags that can be told from columns that are small, as one number."""
        told = {flag: self._marked(flag) for flag in (Flag.ERROR, Flag.SLOW, Flag.RESUME_MISMATCH, Flag.EXCEPTION)}
        told[Flag.AUTH_FAILURE] = self.sign_in_failed()
        bits = " + ".join(f"if({condition}, {flag.value}, 0)" for flag, condition in told.items())
        return f"groupBitOr(toUInt16({bits}))"

    # -- of a text or a number

    def _any_passes(self, texts: str, test: ValueTest) -> str:
        if isinstance(test, Exactly):
            return f"has({texts}, {self._bound.value(test.text)})"
        return f"arrayExists(x -> {self._passes('x', test)}, {texts})"

    def _passes(self, text: str, test: ValueTest) -> str:
        """Of a text that is empty where nothing is said."""
        if isinstance(test, Compared):
            number = f"ifNull(toFloat64OrNull({text}), 0)"
            return f"(match({text}, '{NUMBER}') AND {self._compared(number, test)})"
        if isinstance(test, Exactly):
            return f"{text} = {self._bound.value(test.text)}"
        if isinstance(test, Contains):
            return f"position(lowerUTF8({text}), {self._bound.value(test.folded)}) > 0"
        if test == ANYTHING:
            return f"{text} != ''"
        return f"({text} != '' AND {text} LIKE {self._bound.value(like_pattern(test.parts))})"

    def _compared(self, number: str, test: Compared) -> str:
        limit = test.number if not isinstance(test.number, int) or abs(test.number) < 2**63 else float(test.number)
        return f"{number} {test.operator} {self._bound.value(limit)}"


def may_decide(key: str, test: ValueTest) -> bool:
    """Whether SQL may decide by what is stored. Where a secret can stand it may not: readers could find out what it is by
    asking, so that what they would be shown decides, from whole traces."""
    if test == ANYTHING or not rules().is_on:
        return True
    if isinstance(test, Exactly | Compared):
        text = test.text if isinstance(test, Exactly) else str(test.number)
        return redact_attributes({key: text}) == {key: text} and is_shown_so(test)
    return False


def is_shown_so(test: ValueTest) -> bool:
    """False for a test that what stands in place of a secret may pass: it is in no table."""
    if isinstance(test, Compared) or not rules().is_on:
        return True
    texts = test.parts if isinstance(test, Like) else (test.text if isinstance(test, Exactly) else test.folded,)
    shown = fold(REDACTED)
    return not any(fold(text) in shown or shown in fold(text) for text in texts if text)


def span_condition_of(term: Term) -> Condition | None:
    """What one of a trace's spans has to fulfil, for a term that says no more than that."""
    if isinstance(term, OnOneSpan):
        return term.condition
    if isinstance(term, Carries):
        return SpanSays(SpanFact(term.field.value), Exactly(term.value))
    if isinstance(term, CarriesLike):
        return SpanSays(SpanFact(term.field.value), term.test)
    if isinstance(term, HasFlag) and term.wanted and term.flag in ON_A_SPAN:
        return SpanMarked(term.flag)
    return None


def like_pattern(parts: Sequence[str]) -> str:
    r"""
    >>> like_pattern(("50%_", "x")), like_pattern(("", "a\\b", ""))
    ('50\\%\\_%x', '%a\\\\b%')
    """
    escaped = [part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for part in parts]
    return "%".join(escaped)


def distinct_sum(number: str) -> str:
    """The sum over the spans of a trace, each once however often it was written."""
    return f"arraySum(x -> x.2, groupUniqArrayIf(({CONTENT}, {number}), {number} > 0))"


def incomplete(layout: Layout) -> str:
    """No root, or a parent that is not there."""
    ids, parent = f"groupArray({layout.span})", layout.parent
    both = f"arrayDistinct(arrayConcat({ids}, groupArrayIf({parent}, {parent} != 0)))"
    return f"(countIf({parent} = 0) = 0 OR length({both}) > length(arrayDistinct({ids})))"


def conjuncts(terms: Sequence[Term]) -> list[Term]:
    """All of these must hold; nested ones are taken apart."""
    return reduce(lambda found, term: found + (conjuncts(term.terms) if isinstance(term, AllOf) else [term]), terms, [])


__all__ = ["POSSIBLE", "Conditions", "Field", "Sql", "conjuncts", "incomplete"]
