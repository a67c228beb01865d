"""What stands in a row of the table of spans, as SQL: times, who took part, attributes under all of their spellings.

Semantics are those of the pure rooms (``query.evidence``, ``telemetry.semconv``): a test holds the two to each other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from diamond_viewer.clickhouse.binding import Bound
from diamond_viewer.clickhouse.layout import LESSONS_COLUMN, STATUS_COLUMN, USERS_COLUMN, Layout
from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.model import (
    KIND_CLIENT,
    KIND_CONSUMER,
    KIND_INTERNAL,
    KIND_PRODUCER,
    KIND_SERVER,
    KIND_UNSPECIFIED,
)

NUMBER = r"^[+-]?[0-9]{1,40}(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?$"  # query.patterns.number_of

START = "toUnixTimestamp64Nano(Timestamp)"
# what makes two rows the same span, written twice
CONTENT = (
    f"cityHash64(SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, {START}, Duration, StatusCode, StatusMessage)"
)
SERVICE = f"if(ServiceName = '', '{semconv.UNKNOWN_SERVICE}', toString(ServiceName))"
FAILED = "StatusCode IN ('Error', 'STATUS_CODE_ERROR', 'ERROR')"
KIND_WORDS = {
    KIND_UNSPECIFIED: "Unspecified",
    KIND_INTERNAL: "Internal",
    KIND_SERVER: "Server",
    KIND_CLIENT: "Client",
    KIND_PRODUCER: "Producer",
    KIND_CONSUMER: "Consumer",
}


@dataclass(frozen=True, slots=True)
class Times:
    """When a span began and how long it lasted, in ns, over one row; when a trace did, over the rows of one."""

    began: str
    lasted: str
    starts: str
    ends: str


_LASTED = f"if({START} = 0 OR toInt64(Duration) < 0, 0, toInt64(Duration))"
_BEGAN = f"if({START} = 0, greatest(toInt64(Duration), 0), {START})"
# a span without a start began when it ended; one that ends before it starts lasts 0
ANY_TIMES = Times(_BEGAN, _LASTED, f"minIf({_BEGAN}, {_BEGAN} > 0)", f"max({_BEGAN} + {_LASTED})")
# the same, a third cheaper, where every span of the table has a start
SAID_TIMES = Times(
    START,
    "greatest(toInt64(Duration), 0)",
    "toUnixTimestamp64Nano(min(Timestamp))",
    f"max({START} + greatest(toInt64(Duration), 0))",
)


@dataclass(frozen=True, slots=True)
class Row:
    """Expressions over one row of ``layout``; keys and values are bound in ``bound``."""

    layout: Layout
    bound: Bound

    def said(self, key: str) -> str:
        """A text; empty where the span has no such attribute."""
        return self._under("SpanAttributes", key)

    def resource_said(self, key: str) -> str:
        return self._under("ResourceAttributes", key)

    def events_said(self, key: str) -> str:
        """An array of texts, one of each event."""
        if self.layout.is_json:
            return f"arrayMap(x -> ifNull(toString(x), ''), getSubcolumn(Events.Attributes, {self.bound.value(key)}))"
        return f"arrayMap(m -> m[{self.bound.value(key)}], Events.Attributes)"

    def has(self, key: str) -> str:
        """Whether the span has the attribute at all."""
        return self._has("SpanAttributes", key)

    def resource_has(self, key: str) -> str:
        return self._has("ResourceAttributes", key)

    def events_have(self, key: str) -> str:
        if self.layout.is_json:
            return f"arrayExists(x -> isNotNull(x), getSubcolumn(Events.Attributes, {self.bound.value(key)}))"
        return f"arrayExists(m -> mapContains(m, {self.bound.value(key)}), Events.Attributes)"

    def is_said(self, key: str, value: str) -> str:
        """Whether exactly this stands under the key, asked so that the indexes of the table can help."""
        if self.layout.has_items and not self.layout.is_json:
            return f"has(SpanAttributeItems, {self.bound.value(f'{key}={value}')})"
        return f"{self.said(key)} = {self.bound.value(value)}"

    def is_said_of_resource(self, key: str, value: str) -> str:
        if "ResourceAttributeItems" in self.layout.columns and not self.layout.is_json:
            return f"has(ResourceAttributeItems, {self.bound.value(f'{key}={value}')})"
        return f"{self.resource_said(key)} = {self.bound.value(value)}"

    @property
    def every_text(self) -> str:
        """An array of all names, messages and values of the span, its events, resource and scope."""
        values = ["SpanAttributes", "ResourceAttributes"]
        arrays = [f"{'JSONAllValues' if self.layout.is_json else 'mapValues'}({column})" for column in values]
        of_event = "JSONAllValues(m)" if self.layout.is_json else "mapValues(m)"
        arrays.append(f"arrayFlatten(arrayMap(m -> {of_event}, Events.Attributes))")
        arrays.append("arrayMap(x -> toString(x), Events.Name)")
        arrays.append(f"[toString(SpanName), StatusMessage, toString(ScopeName), {SERVICE}]")
        return f"arrayConcat({', '.join(arrays)})"

    def has_any(self, keys: Iterable[str]) -> str:
        """Whether the span has any of the attributes: the server finds out without reading their values."""
        if self.layout.is_json:
            return f"({' OR '.join(self.has(key) for key in keys)})"
        return f"hasAny(mapKeys(SpanAttributes), [{', '.join(self.bound.value(key) for key in keys)}])"

    def tells(self, name: str) -> str:
        """A condition that holds wherever ``carried.values_of`` gives something, and costs less than that."""
        if name == "event":
            return "notEmpty(Events.Name)"
        if name in ("user", "lesson"):
            people = self.users if name == "user" else self.lessons
            carried = semconv.carried_keys()
            keys = carried.user if name == "user" else carried.lesson
            is_column = people in self.layout.columns
            return f"notEmpty({people})" if is_column else f"({self.has_any(keys)} OR notEmpty(Events.Name))"
        if name == "http_status":
            return self.says_status
        return self.has_any((*semconv.ROUTE_KEYS, *semconv.PATH_KEYS)) if name == "route" else "true"

    @property
    def says_status(self) -> str:
        is_column = STATUS_COLUMN in self.layout.columns
        return f"{STATUS_COLUMN} > 0" if is_column else self.has_any(semconv.HTTP_STATUS_KEYS)

    def may_say_status(self, status: int) -> str:
        """Wherever the span says this, asked so that the indexes of the table can help."""
        if STATUS_COLUMN in self.layout.columns:
            return "true"
        return f"({' OR '.join(self.is_said(key, str(status)) for key in semconv.HTTP_STATUS_KEYS)})"

    @property
    def users(self) -> str:
        """An array of the distinct users of the span and of its events."""
        return self._people(USERS_COLUMN, semconv.carried_keys().user, semconv.PLATFORM_KEYS.user)

    @property
    def lessons(self) -> str:
        return self._people(LESSONS_COLUMN, semconv.carried_keys().lesson, semconv.PLATFORM_KEYS.lesson)

    def _people(self, column: str, keys: Sequence[str], of_column: Sequence[str]) -> str:
        """The column was made for the platform's keys; an operator may have said others."""
        return column if column in self.layout.columns and keys == of_column else self.people(keys)

    def people(self, keys: Sequence[str]) -> str:
        own = ", ".join(self.said(key) for key in keys)
        of_events = ", ".join(self.events_said(key) for key in keys)
        return f"arrayDistinct(arrayFilter(x -> x != '', arrayConcat([{own}], {of_events})))"

    @property
    def http_status(self) -> str:
        """0 when the span carries none."""
        if STATUS_COLUMN in self.layout.columns:
            return STATUS_COLUMN
        return self.status_said

    @property
    def status_said(self) -> str:
        numbers = [f"toUInt16OrZero({self.said(key)})" for key in semconv.HTTP_STATUS_KEYS]
        chosen = "".join(f"{number} BETWEEN 100 AND 999, {number}, " for number in numbers)
        return f"multiIf({chosen}0)"

    @property
    def is_database(self) -> str:
        return f"({' OR '.join(self.has(key) for key in semconv.DATABASE_KEYS)})"

    @property
    def statement(self) -> str:
        return self.first(semconv.STATEMENT_KEYS)

    @property
    def route(self) -> str:
        """The route, else the path without host, query and fragment; empty when neither is said."""
        path = f"replaceRegexpOne({self.first(semconv.PATH_KEYS)}, '(?s)[?#].*$', '')"
        bare = (
            f"if(position({path}, '://') > 0, concat('/', replaceRegexpOne({path}, '(?s)^.*?://[^/]*/?', '')), {path})"
        )
        route = self.first(semconv.ROUTE_KEYS)
        return f"if({route} != '', {route}, {bare})"

    def first(self, keys: Iterable[str]) -> str:
        """The first of these that says anything."""
        said = [self.said(key) for key in keys]
        chosen = "".join(f"{text} != '', {text}, " for text in said)
        return f"multiIf({chosen}'')"

    def _under(self, column: str, key: str) -> str:
        if self.layout.is_json:
            return f"ifNull(toString(getSubcolumn({column}, {self.bound.value(key)})), '')"
        return f"{column}[{self.bound.value(key)}]"

    def _has(self, column: str, key: str) -> str:
        if self.layout.is_json:
            return f"isNotNull(getSubcolumn({column}, {self.bound.value(key)}))"
        return f"mapContains({column}, {self.bound.value(key)})"


def is_of_kind(kind: int) -> str:
    word = KIND_WORDS.get(kind)
    return f"SpanKind IN ('{word}', 'SPAN_KIND_{word.upper()}')" if word else "false"
