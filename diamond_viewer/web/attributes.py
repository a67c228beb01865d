"""AttributeLine: attributes as a reader sees them; long values are cut and say by how much."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

from diamond_viewer.telemetry.model import Attributes, AttributeValue
from diamond_viewer.telemetry.otlp_json import MAX_DEPTH

MAX_VALUE = 4_000  # characters; a stack trace fits, a page of HTML in an attribute does not
MAX_SHORT = 80
MAX_SHORT_COUNT = 8
MAX_LINES = 200  # attributes of one span; the SDKs stop at 128


@dataclass(frozen=True, slots=True)
class AttributeLine:
    """``kind`` is text | number | flag | nothing, a CSS class's ending; ``cut`` says what is missing, if anything."""

    key: str
    value: str
    kind: str
    cut: str = ""


def attribute_lines(attributes: Attributes) -> tuple[AttributeLine, ...]:
    """Sorted by key: producers order theirs by chance, and readers compare two spans.

    >>> [(line.key, line.value, line.kind) for line in attribute_lines({"b": None, "a": 1.0, "": True})]
    [('(empty key)', 'true', 'flag'), ('a', '1.0', 'number'), ('b', 'null', 'nothing')]
    """
    lines = [_line(key, attributes[key]) for key in sorted(attributes)[:MAX_LINES]]
    if len(attributes) > MAX_LINES:
        lines.append(AttributeLine("…", f"{len(attributes) - MAX_LINES:,} more, in the JSON", "nothing"))
    return tuple(lines)


def short_attributes(attributes: Attributes, without: Iterable[str] = ()) -> str:
    """A few attributes on one line; what has several lines or is long is left to the full list.

    >>> short_attributes({"hasCookie": False, "path": "/api/me", "exception.stacktrace": "a\\nb"})
    'hasCookie=false · path=/api/me'
    """
    said = []
    for key, value in attributes.items():
        text = value_text(value)
        if key not in without and len(text) <= MAX_SHORT and "\n" not in text:
            said.append(f"{key}={text}")
    more = f" · +{len(said) - MAX_SHORT_COUNT}" if len(said) > MAX_SHORT_COUNT else ""
    return " · ".join(said[:MAX_SHORT_COUNT]) + more


def has_long_values(attributes: Attributes) -> bool:
    """True when the short form leaves something out."""
    texts = [value_text(value) for value in attributes.values()]
    return len(texts) > MAX_SHORT_COUNT or any(len(text) > MAX_SHORT or "\n" in text for text in texts)


def value_text(value: AttributeValue) -> str:
    """
    >>> [value_text(value) for value in (True, None, 2**60, float("nan"), b"hi", ["a", 1], {"k": [None]})]
    ['true', 'null', '1152921504606846976', 'nan', 'aGk= (2 bytes)', '["a",1]', '{"k":[null]}']
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, bytes):
        return f"{b64encode(value).decode()} ({len(value):,} bytes)"
    if isinstance(value, int | float):
        return str(value)
    return orjson.dumps(_plain(value), option=orjson.OPT_NON_STR_KEYS).decode()


def _line(key: str, value: AttributeValue) -> AttributeLine:
    text = value_text(value)
    cut = f"{len(text) - MAX_VALUE:,} more characters, in the JSON" if len(text) > MAX_VALUE else ""
    return AttributeLine(key or "(empty key)", text[:MAX_VALUE], _kind(value), cut)


def _kind(value: AttributeValue) -> str:
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int | float):
        return "number"
    return "nothing" if value is None else "text"


def _plain(value: AttributeValue, depth: int = 0) -> object:
    """What orjson can write: bytes as base64, integers beyond 64 bits as text, not deeper than it nests."""
    if depth >= MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {key: _plain(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, list | tuple):
        return [_plain(inner, depth + 1) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return str(value)
    return value
