"""Secrets out of spans, at the one door through which originals are decoded in full.

A secret is what stands under a name that says so (``secret_keys``) or looks like one wherever it stands (``secret_texts``).
The name stays, the value becomes ``REDACTED``. What holds no secret comes back as the very object that was given.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import Any, Generic, TypeVar

from diamond_viewer.telemetry import secret_keys, secret_texts
from diamond_viewer.telemetry.model import Attributes, AttributeValue, Event, Link, Resource, Scope, Span
from diamond_viewer.telemetry.own_secrets import Redaction, put_in_force, rules
from diamond_viewer.telemetry.redactions import COUNTS
from diamond_viewer.telemetry.secret_keys import Secrecy, parameter_secrecy, secrecy
from diamond_viewer.telemetry.secret_notations import is_header_name
from diamond_viewer.telemetry.secret_texts import MAX_REMEMBERED, redact_text
from diamond_viewer.telemetry.secret_values import REDACTED, says_nothing

__all__ = [
    "REDACTED",
    "enforce",
    "redact_attributes",
    "redact_event",
    "redact_resource",
    "redact_scope",
    "redact_span",
    "redact_text",
]

MAX_SHARED = 64  # resources and scopes whose outcome is remembered: the spans of a line share the objects

T = TypeVar("T")


def enforce(redaction: Redaction) -> None:
    """What is taken out by this process from now on. To be said before anything is decoded: what was shown stays shown."""
    put_in_force(redaction)
    for forget in (
        secret_keys.forget,
        secret_texts.forget,
        _of_key.cache_clear,
        redact_resource.forget,
        redact_scope.forget,
    ):
        forget()


def redact_attributes(attributes: Attributes) -> Attributes:
    """Walks lists and maps of any depth. Flags and None survive under any name, counts under names of secrets.

    >>> redact_attributes({"http.request.header.cookie": ["a=b"], "hasCookie": False, "gen_ai.usage.input_tokens": 812})
    {'http.request.header.cookie': ['REDACTED'], 'hasCookie': False, 'gen_ai.usage.input_tokens': 812}
    >>> redact_attributes({"form": {"user": "ada", "password": 1234, "next": ["/?token=a"]}})
    {'form': {'user': 'ada', 'password': 'REDACTED', 'next': ['/?token=REDACTED']}}
    >>> attributes = {"auth.session.check": "ok", "session.id": "s38", "db.query.text": "SELECT 1"}
    >>> redact_attributes(attributes) is attributes
    True
    """
    if not rules().is_on:
        return attributes
    changed: dict[str, AttributeValue] = {}
    shown_keys: dict[str, str] = {}
    for key, value in attributes.items():
        level, shown_key = _of_key(key) if len(key) <= MAX_REMEMBERED else _look_at(key)
        shown = redact_text(value) if not level and isinstance(value, str) else _redact_value(value, level)
        if shown is not value:
            changed[key] = shown
        if shown_key != key:
            shown_keys[key] = shown_key
    if changed:
        COUNTS.add([shown_keys.get(key, key) for key in changed])
    if shown_keys:
        return {shown_keys.get(key, key): changed.get(key, value) for key, value in attributes.items()}
    return {**attributes, **changed} if changed else attributes


def _look_at(key: str) -> tuple[Secrecy, str]:
    """What the name of an attribute says of its value, and the name as it is shown."""
    shown_key = redact_text(key)
    return secrecy(key) if shown_key is key else _secrecy_of_both(key, shown_key), shown_key


_of_key = lru_cache(maxsize=4096)(_look_at)


def redact_span(span: Span) -> Span:
    """Everything of a span that a producer wrote: names, message, attributes, events, links, resource, scope, trace state."""
    events = tuple([redact_event(event) for event in span.events])
    links = tuple([_redact_link(link) for link in span.links])
    attributes = redact_attributes(span.attributes)
    name, message = redact_text(span.name), redact_text(span.status_message)
    resource, scope = redact_resource(span.resource), redact_scope(span.scope)
    service, trace_state = redact_text(span.service), redact_text(span.trace_state)
    if (
        attributes is span.attributes
        and resource is span.resource
        and scope is span.scope
        and name is span.name
        and message is span.status_message
        and service is span.service
        and trace_state is span.trace_state
        and all(map(_is_same, events, span.events))
        and all(map(_is_same, links, span.links))
    ):
        return span
    places = (("(span name)", name, span.name), ("(status message)", message, span.status_message))
    COUNTS.add([place for place, shown, given in places if shown is not given])
    return replace(
        span,
        name=name,
        status_message=message,
        attributes=attributes,
        events=events,
        links=links,
        resource=resource,
        scope=scope,
        service=service,
        trace_state=trace_state,
    )


def redact_event(event: Event) -> Event:
    name, attributes = redact_text(event.name), redact_attributes(event.attributes)
    if name is event.name and attributes is event.attributes:
        return event
    if name is not event.name:
        COUNTS.add(("(event name)",))
    return replace(event, name=name, attributes=attributes)


def _redact_link(link: Link) -> Link:
    trace_state, attributes = redact_text(link.trace_state), redact_attributes(link.attributes)
    if trace_state is link.trace_state and attributes is link.attributes:
        return link
    return replace(link, trace_state=trace_state, attributes=attributes)


class _Shared(Generic[T]):
    """Remembers outcomes by the identity of what was given, and keeps that alive so that its identity stays its own."""

    def __init__(self, redact: Callable[[T], T]) -> None:
        self._redact = redact
        self._known: dict[int, tuple[T, T]] = {}  # the first of a pair is only held

    def __call__(self, given: T) -> T:
        held = self._known.get(id(given))
        if held:
            return held[1]
        if len(self._known) >= MAX_SHARED:
            self._known.clear()
        shown = self._redact(given)
        self._known[id(given)] = (given, shown)
        return shown

    def forget(self) -> None:
        self._known.clear()


def _redact_resource(resource: Resource) -> Resource:
    attributes, schema_url = redact_attributes(resource.attributes), redact_text(resource.schema_url)
    if attributes is resource.attributes and schema_url is resource.schema_url:
        return resource
    return replace(resource, attributes=attributes, schema_url=schema_url)


def _redact_scope(scope: Scope) -> Scope:
    attributes, schema_url = redact_attributes(scope.attributes), redact_text(scope.schema_url)
    name, version = redact_text(scope.name), redact_text(scope.version)
    if (
        attributes is scope.attributes
        and schema_url is scope.schema_url
        and name is scope.name
        and version is scope.version
    ):
        return scope
    return replace(scope, name=name, version=version, attributes=attributes, schema_url=schema_url)


redact_resource = _Shared(_redact_resource)
redact_scope = _Shared(_redact_scope)


def _secrecy_of_both(key: str, shown_key: str) -> Secrecy:
    """A value is as secret as either says: ``password=length`` names a length, and is shown as ``password=REDACTED``."""
    return max(secrecy(key), secrecy(shown_key))


def _redact_value(value: AttributeValue, level: Secrecy) -> AttributeValue:
    """The value itself when nothing in it is secret."""
    if isinstance(value, str):
        if level:
            return value if says_nothing(value) else REDACTED
        return redact_text(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return REDACTED if level is Secrecy.ALL else value
    if isinstance(value, bytes):
        return _redact_bytes(value, level)
    return _redact_nested(value, level)


def _redact_bytes(value: bytes, level: Secrecy) -> AttributeValue:
    """Bytes that are text are read as such; Latin-1 gives each byte back as it was."""
    if level:
        return REDACTED if value else value
    text = value.decode("latin-1")
    shown = redact_text(text)
    return value if shown is text else shown.encode("latin-1")


def _redact_nested(value: Sequence[AttributeValue] | Mapping[str, AttributeValue], level: Secrecy) -> AttributeValue:
    """A copy with a stack instead of recursion: values nest as deep as the producer liked."""
    root: list[Any] = [None]
    waiting: list[tuple[AttributeValue, Secrecy, Any, Any]] = [(value, level, root, 0)]
    is_changed = False
    while waiting:
        given, above, target, place = waiting.pop()
        if isinstance(given, Mapping):
            named = _secrecy_of_named(given)
            inner: dict[str, AttributeValue] = {}
            target[place] = inner
            for key, child in given.items():
                shown_key = redact_text(key)
                is_changed = is_changed or shown_key is not key
                inner[shown_key] = None  # keeps the order: the stack fills values from the end
                below = max(above, _secrecy_of_both(key, shown_key))
                if named and key.lower() in _VALUE_KEYS:
                    below = max(below, named)
                waiting.append((child, below, inner, shown_key))
        elif isinstance(given, Sequence) and not isinstance(given, str | bytes):
            items: list[AttributeValue] = [None] * len(given)
            target[place] = items
            levels = _secrecy_of_items(given)
            waiting.extend([(child, max(above, levels.get(at, above)), items, at) for at, child in enumerate(given)])
        else:
            shown = _redact_value(given, above)
            is_changed = is_changed or shown is not given
            target[place] = shown
    copy: AttributeValue = root[0]
    return copy if is_changed else value


_NAME_KEYS, _VALUE_KEYS = ("name", "key", "header"), frozenset(("value", "values", "val"))


def _secrecy_of_named(given: Mapping[str, AttributeValue]) -> Secrecy:
    """What a map says of its value that has its name beside it: ``{"name": "Cookie", "value": "a=b"}``."""
    for key, child in given.items():
        if isinstance(child, str) and key.lower() in _NAME_KEYS and (found := parameter_secrecy(child)):
            return found
    return Secrecy.NONE


def _secrecy_of_items(given: Sequence[AttributeValue]) -> dict[int, Secrecy]:
    """What a list says of items by the one before: a pair of name and value, headers in turn, flags of a command line."""
    levels = {}
    for at, (name, value) in enumerate(pairwise(given), 1):
        if isinstance(name, bytes):
            name = name[:MAX_REMEMBERED].decode("latin-1")
        if not isinstance(name, str) or len(name) > MAX_REMEMBERED or at - 1 in levels:
            continue
        is_name = len(given) == 2 or is_header_name(name) or (name.startswith("--") and "=" not in name)
        is_flag = isinstance(value, str) and value.startswith("--")
        if is_name and not is_flag and not isinstance(value, Mapping) and (found := parameter_secrecy(name)):
            levels[at] = found
    return levels


def _is_same(one: object, other: object) -> bool:
    return one is other
