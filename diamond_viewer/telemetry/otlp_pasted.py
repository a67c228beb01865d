"""What a person pastes or drops -> lines as a collector writes them, and what it was: the format is found out by looking.

Reads lines of a collector, request bodies of SDKs (JSON or protobuf, pretty-printed too), Jaeger's JSON and Zipkin's. What else
people have at hand is recognised as well, so that the refusal can name it.
"""

import re
from dataclasses import dataclass
from typing import Any

import orjson

from diamond_viewer.telemetry.lines import LineSplitter
from diamond_viewer.telemetry.otlp_jaeger import is_jaeger, otlp_of_jaeger
from diamond_viewer.telemetry.otlp_request import SIGNALS, RequestError, lines_from_request
from diamond_viewer.telemetry.otlp_zipkin import is_zipkin, otlp_of_zipkin

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
HEAD_BYTES = 64 * 1024  # in which a format shows itself

_OTLP = re.compile(rb'"(resource|scope)_?(spans|metrics|logs)"|"instrumentationLibrarySpans"', re.IGNORECASE)
_LINE_BEGINS = re.compile(rb'^\{"(resource|scope)', re.MULTILINE)
_NODE_CONSOLE = re.compile(
    rb"^\s*(resource|instrumentationScope|traceId|parentSpanContext|spanContext): ['{\"]", re.MULTILINE
)
_PYTHON_CONSOLE = re.compile(rb'"context":\s*\{\s*"trace_id":\s*"0x')

INSTEAD = "Send with an OTLP exporter instead, for example to --otlp 4318."


class NotTelemetryError(ValueError):
    """The message is a sentence that names what it is instead."""


@dataclass(frozen=True, slots=True)
class Pasted:
    """``format`` in words; ``rejected`` counts records that were not kept, ``why`` says the first reason."""

    format: str
    lines: tuple[bytes, ...]
    rejected: int = 0
    why: str = ""


def read_pasted(content: bytes, max_values: int) -> Pasted:
    """``max_values`` bounds the objects and arrays of what has to be decoded as one. Raises ``NotTelemetryError``."""
    if content[:1] == b"\n" and not _is_text(
        content[:HEAD_BYTES]
    ):  # a protobuf body begins with field 1, which is a line feed
        return _protobuf(content)
    head = content[:HEAD_BYTES].removeprefix(BYTE_ORDER_MARK).lstrip()
    if not head:
        raise NotTelemetryError("It is empty.")
    if _NODE_CONSOLE.search(head):
        raise NotTelemetryError(
            "This is what the JavaScript SDK's console exporter prints: JavaScript objects, no JSON, and shortened. "
            + INSTEAD
        )
    if head[:1] not in b"{[":
        kind = "text" if _is_text(head) else "binary data"
        raise NotTelemetryError(f"This is {kind}, no telemetry: it begins neither with '{{' nor with '['.")
    if _PYTHON_CONSOLE.search(head):
        raise NotTelemetryError("This is what the Python SDK's console exporter prints, which is not OTLP. " + INSTEAD)
    if _OTLP.search(head):
        return _otlp(content)
    if content.count(b"{") + content.count(b"[") > max_values:
        raise NotTelemetryError(
            f"It has more than {max_values:,} objects and arrays, more than memory allows. Cut it in parts."
        )
    return _other(_decoded(content))


def _is_text(head: bytes) -> bool:
    return not re.search(rb"[\x00-\x08\x0e-\x1f]", head)


def _protobuf(content: bytes) -> Pasted:
    for signal in SIGNALS:
        try:
            accepted = lines_from_request(content, signal, is_protobuf=True)
        except RequestError:
            continue
        if accepted.count:
            return Pasted("OTLP request in protobuf", accepted.lines, accepted.rejected, accepted.why)
    raise NotTelemetryError("This is binary data, and no OTLP request in protobuf.")


def _otlp(content: bytes) -> Pasted:
    """A line stays as it is: the reader repairs what it can, and counts what it cannot."""
    content = content.removeprefix(BYTE_ORDER_MARK).strip()
    first, _, rest = content.partition(b"\n")
    first = first.rstrip()
    if not rest:
        return Pasted("OTLP request in JSON", (first,))
    ends_whole = len(first) > 2 and first[-1:] in (
        b"}",
        b"]",
        b"\0",
    )  # the first line of a document that was set ends open
    if ends_whole or _LINE_BEGINS.search(rest):
        return Pasted("lines of a collector", tuple(line for _, line in LineSplitter().feed(content + b"\n")))
    return Pasted("OTLP request in JSON", (content,))


def _decoded(content: bytes) -> Any:
    try:
        return orjson.loads(content.removeprefix(BYTE_ORDER_MARK))
    except orjson.JSONDecodeError as error:
        raise NotTelemetryError(f"This is no JSON: {error.msg} (line {error.lineno}, column {error.colno}).") from None


def _other(value: Any) -> Pasted:
    if isinstance(value, dict) and isinstance(value.get("data"), list):
        value = value["data"]
    found = value if isinstance(value, list) else [value]
    if any(is_jaeger(one) for one in found):
        return _converted("Jaeger's JSON", otlp_of_jaeger([one for one in found if is_jaeger(one)]))
    spans = [span for one in found for span in (one if isinstance(one, list) else [one])]
    if any(is_zipkin(span) for span in spans):
        if any(isinstance(span, dict) and "binaryAnnotations" in span for span in spans):
            raise NotTelemetryError("This is Zipkin's JSON of version 1. Version 2 can be read: /api/v2/trace/<id>.")
        return _converted("Zipkin's JSON", otlp_of_zipkin([span for span in spans if is_zipkin(span)]))
    names = (
        ", ".join(repr(str(name)[:40]) for name in list(found[0])[:4]) if found and isinstance(found[0], dict) else ""
    )
    raise NotTelemetryError(
        f"This is JSON, but no telemetry{f': an object with {names}' if names else ''}. "
        "Lines of a collector, OTLP requests, Jaeger's and Zipkin's JSON can be read."
    )


def _converted(name: str, document: dict[str, Any]) -> Pasted:
    accepted = lines_from_request(orjson.dumps(document), "traces", is_protobuf=False)
    return Pasted(name, accepted.lines, accepted.rejected, accepted.why)
