"""OTLP/JSON by the standard library's ``json`` and plain loops: how PlainStore reads, without ``telemetry/otlp.py``.

It accepts what real producers write beside the specification: snake_case and old names, enums as names, integers as
numbers, ids in any case.
"""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from functools import cache
from typing import Any

from diamond_viewer.telemetry.model import AttributeValue, Event, Link, Resource, Scope, Span

SIGNALS = ("resourceSpans", "resourceMetrics", "resourceLogs")
KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
CODES = ("UNSET", "OK", "ERROR")
HALF_OF_A_PAIR = re.compile("[\ud800-\udfff]")
GROUPED = ("resource", "scope", "service")

Json = dict[str, Any]


def is_one_document(content: bytes) -> bool:
    try:
        json.loads(content.decode("utf-8-sig", "replace"))
    except ValueError:
        return False
    return True


def read_documents(line: bytes | str) -> list[Json]:
    """One line -> the OTLP documents on it (none on an empty line); ValueError when it holds anything else.

    Byte order mark, NULs of a hole, blanks and CR around it are skipped; invalid UTF-8 becomes U+FFFD; several
    documents may follow each other.
    """
    text = line if isinstance(line, str) else line.decode("utf-8", "replace")
    text = text.lstrip("\ufeff").strip("\0 \t\r\n").lstrip("\ufeff")
    documents: list[Json] = []
    decoder = json.JSONDecoder()
    position = 0
    while position < len(text):
        value, position = decoder.raw_decode(text, position)
        while position < len(text) and text[position] in " \t\r\n,":
            position += 1
        for document in value if isinstance(value, list) else [value]:
            if not isinstance(document, dict) or not (document == {} or _is_telemetry(document)):
                raise ValueError("not telemetry")
            documents.append(without_surrogates(document))
    return documents


def without_surrogates(value: Any) -> Any:
    """Half of a surrogate pair is no character: U+FFFD."""
    if isinstance(value, str):
        return HALF_OF_A_PAIR.sub("\ufffd", value)
    if isinstance(value, list):
        return [without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {without_surrogates(key): without_surrogates(item) for key, item in value.items()}
    return value


def _is_telemetry(document: Json) -> bool:
    return any(pick(document, name) is not None for name in (*SIGNALS, "scopeSpans", "instrumentationLibrarySpans"))


@cache
def snake(name: str) -> str:
    """
    >>> snake("startTimeUnixNano")
    'start_time_unix_nano'
    """
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)


def pick(record: Json, name: str) -> Any:
    """A member under its camelCase or snake_case name; None when it is missing or null."""
    value = record.get(name)
    return value if value is not None else record.get(snake(name))


def records(record: Json, name: str) -> list[Json]:
    value = pick(record, name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def record_of(record: Json, name: str) -> Json:
    value = pick(record, name)
    return value if isinstance(value, dict) else {}


def text_of(record: Json, name: str) -> str:
    value = pick(record, name)
    return value if isinstance(value, str) else ""


def read_spans(document: Json) -> Iterator[Span]:
    """The valid spans of a document; an invalid one costs only itself."""
    bare = [document] if pick(document, "resourceSpans") is None else []
    for group in records(document, "resourceSpans") + bare:
        resource = record_of(group, "resource")
        attributes = read_attributes(resource)
        service = attributes.get("service.name")
        made = Resource(attributes, text_of(group, "schemaUrl"), number_of(resource, "droppedAttributesCount"))
        for part in records(group, "scopeSpans") + records(group, "instrumentationLibrarySpans"):
            said = record_of(part, "scope") or record_of(part, "instrumentationLibrary")
            scope = Scope(
                text_of(said, "name"),
                text_of(said, "version"),
                read_attributes(said),
                text_of(part, "schemaUrl"),
                number_of(said, "droppedAttributesCount"),
            )
            for record in records(part, "spans"):
                try:
                    yield read_span(
                        record, made, scope, service if isinstance(service, str) and service else "unknown_service"
                    )
                except ValueError:
                    continue


def read_span(record: Json, resource: Resource, scope: Scope, service: str) -> Span:
    """ValueError when it has no usable trace or span id."""
    status = record_of(record, "status")
    return Span(
        trace_id=read_id(pick(record, "traceId"), 32),
        span_id=read_id(pick(record, "spanId"), 16),
        parent_id=read_parent(pick(record, "parentSpanId")),
        name=text_of(record, "name"),
        kind=read_enum(pick(record, "kind"), "SPAN_KIND_", KINDS),
        start_ns=read_time(pick(record, "startTimeUnixNano")),
        end_ns=read_time(pick(record, "endTimeUnixNano")),
        status_code=read_enum(pick(status, "code"), "STATUS_CODE_", CODES),
        status_message=text_of(status, "message"),
        attributes=read_attributes(record),
        events=tuple(
            Event(
                text_of(event, "name"),
                read_time(pick(event, "timeUnixNano")),
                read_attributes(event),
                number_of(event, "droppedAttributesCount"),
            )
            for event in records(record, "events")
        ),
        links=tuple(
            Link(
                text_of(link, "traceId").lower(),
                text_of(link, "spanId").lower(),
                text_of(link, "traceState"),
                read_attributes(link),
                number_of(link, "droppedAttributesCount"),
                number_of(link, "flags"),
            )
            for link in records(record, "links")
        ),
        resource=resource,
        scope=scope,
        service=service,
        trace_state=text_of(record, "traceState"),
        flags=number_of(record, "flags"),
        dropped_attribute_count=number_of(record, "droppedAttributesCount"),
        dropped_event_count=number_of(record, "droppedEventsCount"),
        dropped_link_count=number_of(record, "droppedLinksCount"),
    )


def read_id(value: Any, digits: int) -> str:
    if (
        not isinstance(value, str)
        or len(value) != digits
        or set(value.lower()) - set("0123456789abcdef")
        or not value.strip("0")
    ):
        raise ValueError(f"{value!r} is not an id of {digits} hexadecimal digits")
    return value.lower()


def read_parent(value: Any) -> str:
    """Missing, empty, all zeros and what is no id at all: there is no parent to be found."""
    try:
        return read_id(value, 16)
    except ValueError:
        return ""


def read_time(value: Any) -> int:
    """ns since 1970, at most 2^64 - 1. What is no time (missing, negative, in words) is 0: the span is kept."""
    if isinstance(value, str):
        value = int(value) if value.isascii() and value.isdigit() and len(value) <= 30 else 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**64:
        return 0
    return int(value)


def number_of(record: Json, name: str) -> int:
    value = pick(record, name)
    return int(value) if isinstance(value, int | str) and str(value).isdigit() else 0


def read_enum(value: Any, prefix: str, names: tuple[str, ...]) -> int:
    if isinstance(value, str) and value.removeprefix(prefix) in names:
        return names.index(value.removeprefix(prefix))
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdigit()) else 0


def read_attributes(record: Json) -> dict[str, AttributeValue]:
    return {text_of(pair, "key"): read_value(pick(pair, "value")) for pair in records(record, "attributes")}


def read_value(value: Any) -> AttributeValue:
    """An AnyValue; ``{}`` and null are None."""
    if not isinstance(value, dict):
        return None
    for name in ("stringValue", "boolValue", "intValue", "doubleValue", "arrayValue", "kvlistValue", "bytesValue"):
        content = pick(value, name)
        if content is None:
            continue
        if name in ("intValue", "doubleValue"):
            return read_number(content, float if name == "doubleValue" else int)
        if name == "arrayValue":
            return [read_value(item) for item in records(content, "values")]
        if name == "kvlistValue":
            return {text_of(pair, "key"): read_value(pick(pair, "value")) for pair in records(content, "values")}
        if name == "bytesValue":
            return read_bytes(content)
        result: AttributeValue = content
        return result
    return None


def read_number(content: Any, kind: type[int] | type[float]) -> AttributeValue:
    """Exactly; text that is no number stays text."""
    try:
        return kind(content)
    except ValueError:
        return str(content)


def read_bytes(content: Any) -> AttributeValue:
    """Base64, with or without its padding; what is none stays text."""
    try:
        return base64.b64decode(str(content) + "=" * (-len(str(content)) % 4), validate=True)
    except ValueError:
        return str(content)


def content_of(span: Span) -> str:
    """What makes it the same span written again: all of its own, in any spelling, not where it was grouped."""
    own = {name: value for name, value in members_of(span).items() if name not in GROUPED}
    return json.dumps(
        own, sort_keys=True, default=lambda value: members_of(value) if is_dataclass(value) else repr(value)
    )


def members_of(value: Any) -> dict[str, Any]:
    """A value of the model as a dictionary, one level deep: ``asdict`` copies all that is in it, in ten times the time."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}
