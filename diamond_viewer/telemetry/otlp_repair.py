"""The slow way in: telemetry that is not spelt as the Collector spells it today becomes canonical OTLP/JSON.

Reads what the reference lists: snake_case and the names of before 0.48 (``instrumentationLibrarySpans``), enums by name
(before 0.63), ids in any case, times as numbers or text, ``{"resource", "scopeSpans"}`` on its own, arrays of documents,
several documents in a row, NaN, invalid UTF-8 and lone surrogates (both become U+FFFD). A bad span costs that span.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from diamond_viewer.telemetry.repeated_keys import ObjectReader

MAX_UINT64 = 2**64 - 1

_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_ENUMS = {f"SPAN_KIND_{name}": number for number, name in enumerate(_KINDS)} | {
    "STATUS_CODE_UNSET": 0,
    "STATUS_CODE_OK": 1,
    "STATUS_CODE_ERROR": 2,
    **{
        f"SEVERITY_NUMBER_{name}{step or ''}": first + max(step - 1, 0)
        for first, name in ((1, "TRACE"), (5, "DEBUG"), (9, "INFO"), (13, "WARN"), (17, "ERROR"), (21, "FATAL"))
        for step in (0, 2, 3, 4)
    },
}
_OLD_NAMES = {"instrumentationLibrarySpans": "scopeSpans", "instrumentationLibrary": "scope"}
_SIGNALS = {"resourceSpans": "traces", "resourceMetrics": "metrics", "resourceLogs": "logs"}
_BARE = {"scopeSpans": "resourceSpans", "scopeMetrics": "resourceMetrics", "scopeLogs": "resourceLogs"}

_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_SPAN_ID = re.compile(r"[0-9a-f]{16}")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_NUMERAL = re.compile(r"\d{1,30}")

Wire = dict[str, Any]


class LineError(ValueError):
    """A line that is not telemetry. The message is a sentence; ``kind`` a short name to count by."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Repaired:
    """``original`` is one canonical document with all the spans and log records, empty when there are none;
    ``resource_metrics`` the array of all that stood under that name."""

    original: bytes
    signal: str
    invalid_spans: int
    text_was_replaced: bool
    has_repeated_keys: bool
    resource_metrics: bytes = b""


def repair(line: bytes) -> Repaired:
    """Any spelling of OTLP/JSON -> canonical. Raises ``LineError`` when the line is not telemetry at all."""
    text = line.decode("utf-8", "replace").removeprefix("\ufeff")
    # a U+FFFD that stood there before is no repair of ours
    text_was_replaced = text.count("\ufffd") > line.count("\ufffd".encode())
    objects = ObjectReader()
    documents = list(_documents(text, objects))
    if _names_surrogate(text):
        documents, text_was_replaced = [_without_surrogates(document) for document in documents], True
    signals: set[str] = set()
    resource_spans: list[Wire] = []
    resource_logs: list[Wire] = []
    resource_metrics: list[Any] = []
    invalid_spans = 0
    for document in documents:
        for name, resources in _signals(document):
            if resources:
                signals.add(_SIGNALS[name])
            if name == "resourceMetrics":
                _each_mapping(resources, _rename_all)
                resource_metrics += [resource for resource in resources if isinstance(resource, dict)]
            if name == "resourceSpans":
                for resource in resources:
                    canonical, invalid = _resource_spans(resource)
                    invalid_spans += invalid
                    if canonical["scopeSpans"]:
                        resource_spans.append(canonical)
            elif name == "resourceLogs":
                resource_logs += [_resource_logs(resource) for resource in resources]
    signal = "mixed" if len(signals) > 1 else next(iter(signals), "none")
    kept = {
        name: found
        for name, found in zip(("resourceSpans", "resourceLogs"), (resource_spans, resource_logs), strict=True)
        if found
    }
    original = msgspec.json.encode(kept) if kept else b""
    metrics = msgspec.json.encode(resource_metrics) if resource_metrics else b""
    return Repaired(original, signal, invalid_spans, text_was_replaced, objects.has_repeats, metrics)


def _documents(text: str, objects: ObjectReader) -> Iterator[Wire]:
    """The JSON objects in the text: one, an array of them, or several in a row."""
    decoder = json.JSONDecoder(strict=False, parse_constant=str, object_pairs_hook=objects)
    position, found = 0, False
    while position < len(text):
        match = re.compile(r"[\s,]*").match(text, position)
        position = match.end() if match else position
        if position >= len(text):
            break
        try:
            value, position = decoder.raw_decode(text, position)
        except RecursionError:
            raise LineError("nested too deep", "The line is nested deeper than 1,000 levels.") from None
        except ValueError as error:
            raise LineError("not JSON", _json_sentence(error, text)) from None
        for document in value if isinstance(value, list) else [value]:
            if not isinstance(document, dict):
                raise LineError("not telemetry", f"The line holds {_json_name(document)}, not an OTLP document.")
            found = True
            yield document
    if not found:
        raise LineError("not telemetry", "The line holds no OTLP document.")


def _json_sentence(error: ValueError, text: str) -> str:
    position, complaint = getattr(error, "pos", 0), getattr(error, "msg", "cannot be read").lower().removesuffix(" at")
    if position >= len(text.rstrip()) - 1 or complaint.startswith("unterminated string"):
        return "The line is cut off: its JSON does not end."
    return f"The line is not JSON: {complaint} at character {position + 1}."


def _json_name(value: object) -> str:
    if value is None:
        return "null"
    names = {bool: "a truth value", int: "a number", float: "a number", str: "a text", list: "an array in an array"}
    return names.get(type(value), "a value")


def _signals(document: Wire) -> list[tuple[str, list[Any]]]:
    """``(resourceSpans | resourceMetrics | resourceLogs, resources)``; an empty document is an empty request."""
    document = _renamed(document)
    found = [(name, _list(document[name])) for name in _SIGNALS if name in document]
    if found:
        return found
    for scope_name, resource_name in _BARE.items():
        if scope_name in document:  # {"resource", "scopeSpans"} on its own
            return [(resource_name, [document])]
    if document and not set(document) <= {"resource", "schemaUrl", "partialSuccess", "resourceProfiles"}:
        keys = ", ".join(repr(key[:30]) for key in list(document)[:3])
        raise LineError("not telemetry", f"The line is JSON but not OTLP: it has {keys} instead of 'resourceSpans'.")
    return []


def _resource_spans(wire: object) -> tuple[Wire, int]:
    resource_spans = _renamed(wire)
    invalid = 0
    scopes = []
    for scope_wire in _list(resource_spans.get("scopeSpans")):
        scope_spans = _renamed(scope_wire)
        spans = []
        for span_wire in _list(scope_spans.get("spans")):
            span = _span(span_wire)
            if span is None:
                invalid += 1
            else:
                spans.append(span)
        if spans:
            scopes.append({**scope_spans, "scope": _attributed(scope_spans.get("scope")), "spans": spans})
    return {**resource_spans, "resource": _attributed(resource_spans.get("resource")), "scopeSpans": scopes}, invalid


def _resource_logs(wire: object) -> Wire:
    resource_logs = _renamed(wire)
    scopes = []
    for scope_wire in _list(resource_logs.get("scopeLogs")):
        scope_logs = _renamed(scope_wire)
        records = [_log(log) for log in _list(scope_logs.get("logRecords")) if isinstance(log, dict)]
        scopes.append({**scope_logs, "scope": _attributed(scope_logs.get("scope")), "logRecords": records})
    return {**resource_logs, "resource": _attributed(resource_logs.get("resource")), "scopeLogs": scopes}


def _log(wire: object) -> Wire:
    log = _attributed(wire)
    _each_mapping(log.get("body"), _rename_value)
    return {
        **log,
        "traceId": _id(log.get("traceId"), _TRACE_ID),
        "spanId": _id(log.get("spanId"), _SPAN_ID),
        "eventName": _text(log.get("eventName")),
        "timeUnixNano": _time(log.get("timeUnixNano")),
        "observedTimeUnixNano": _time(log.get("observedTimeUnixNano")),
        "severityNumber": _enum(log.get("severityNumber")),
        "severityText": _text(log.get("severityText")),
        "flags": _enum(log.get("flags")),
    }


def _span(wire: object) -> Wire | None:
    """The canonical span, or None when its ids name nothing."""
    span = _attributed(wire)
    trace_id, span_id = _id(span.get("traceId"), _TRACE_ID), _id(span.get("spanId"), _SPAN_ID)
    if not trace_id or not span_id:
        return None
    parent_id = _id(span.get("parentSpanId"), _SPAN_ID)
    status = _renamed(span.get("status"))
    if "code" in status:
        status["code"] = _enum(status["code"])
    return {
        **span,
        "traceId": trace_id,
        "spanId": span_id,
        "parentSpanId": parent_id,
        "name": _text(span.get("name")),
        "kind": _enum(span.get("kind")),
        "startTimeUnixNano": _time(span.get("startTimeUnixNano")),
        "endTimeUnixNano": _time(span.get("endTimeUnixNano")),
        "events": [_event(event) for event in _list(span.get("events")) if isinstance(event, dict)],
        "links": [_link(link) for link in _list(span.get("links")) if isinstance(link, dict)],
        "status": status,
    }


def _event(wire: object) -> Wire:
    event = _attributed(wire)
    return {**event, "name": _text(event.get("name")), "timeUnixNano": _time(event.get("timeUnixNano"))}


def _link(wire: object) -> Wire:
    link = _attributed(wire)
    return {**link, "traceId": _id(link.get("traceId"), _TRACE_ID), "spanId": _id(link.get("spanId"), _SPAN_ID)}


def _attributed(wire: object) -> Wire:
    """With canonical keys, and attributes that are a list of KeyValues."""
    renamed = _renamed(wire)
    if "attributes" in renamed:
        pairs = [pair for pair in _list(renamed["attributes"]) if isinstance(pair, dict)]
        renamed["attributes"] = pairs
        _each_mapping(pairs, _rename_value)
    return renamed


def _each_mapping(root: object, visit: Callable[[Wire], None]) -> None:
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            visit(value)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _rename_value(wire: Wire) -> None:
    """``string_value`` -> ``stringValue`` in place, for AnyValues of snake_case writers."""
    for key in [key for key in wire if key.endswith("_value")]:
        wire.setdefault(_camel(key), wire.pop(key))


def _rename_all(wire: Wire) -> None:
    """Every key in place. Metrics have no maps with keys of a producer's own: attributes are lists."""
    renamed = _renamed(wire)
    wire.clear()
    wire.update(renamed)


def _renamed(wire: object) -> Wire:
    if not isinstance(wire, dict):
        return {}
    renamed = {}
    for key, value in wire.items():
        name = _camel(key)
        renamed[_OLD_NAMES.get(name, name)] = value
    return renamed


def _camel(key: str) -> str:
    """
    >>> _camel("start_time_unix_nano"), _camel("traceId")
    ('startTimeUnixNano', 'traceId')
    """
    first, *rest = key.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest) if rest else key


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def _id(value: object, pattern: re.Pattern[str]) -> str:
    """Lower-case hex of the right length that is not all zeros, else an empty string."""
    text = value.strip().lower() if isinstance(value, str) else ""
    return text if pattern.fullmatch(text) and text.strip("0") else ""


def _enum(value: object) -> int:
    if isinstance(value, str):
        return _ENUMS.get(value.upper(), int(value) if _NUMERAL.fullmatch(value) else 0)
    return int(value) if isinstance(value, int | float) and 0 <= value <= 2**31 else 0


def _time(value: object) -> str:
    """Nanoseconds as decimal text; 0 for what is no time."""
    if isinstance(value, float):
        value = int(value) if 0 <= value <= MAX_UINT64 else 0
    if isinstance(value, str):
        value = int(value) if _NUMERAL.fullmatch(value) else 0
    return str(min(value, MAX_UINT64)) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else "0"


def _names_surrogate(text: str) -> bool:
    return re.search(r"\\u[dD][89a-fA-F]", text) is not None


def _without_surrogates(document: Wire) -> Wire:
    """Lone surrogates cannot be written as UTF-8: they become U+FFFD, in keys and values."""

    def clean(value: Any) -> Any:
        return _SURROGATE.sub("\ufffd", value) if isinstance(value, str) else value

    root = [document]
    waiting: list[Any] = [root]
    while waiting:
        container = waiting.pop()
        pairs = list(container.items()) if isinstance(container, dict) else list(enumerate(container))
        if isinstance(container, dict):
            container.clear()
        for key, value in pairs:
            container[clean(key)] = clean(value)
            if isinstance(value, dict | list):
                waiting.append(value)
    return root[0]
