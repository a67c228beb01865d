"""An export request cut apart into resources, scopes and records, none of them decoded.

What a decoder builds can be a hundred times as large as the bytes it reads (``{}`` are two bytes of JSON and an object), so
the number of things is bounded here, before anything is built of them.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

MAX_CONTAINERS = 3_000_000  # objects and arrays of a JSON body; ordinary telemetry has one in 40 bytes
MAX_RECORDS = 1_000_000  # parts of a protobuf envelope
MAX_MENDED_BYTES = 8 * 1024**2  # a body that only Python's own, hungrier decoder reads

Raw = bytes | memoryview | msgspec.Raw

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_SKIPPED_BYTES = {_FIXED64: 8, _FIXED32: 4}
_RESOURCE, _SCOPES, _SCHEMA_URL, _RECORDS = 1, 2, 3, 2  # the field numbers are the same for every signal
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_OLD_NAMES = {"instrumentation_library_spans": "scopeSpans", "instrumentation_library": "scope"}
_OLD_NAMES |= {"instrumentationLibrarySpans": "scopeSpans", "instrumentationLibrary": "scope"}


class RequestError(ValueError):
    """The body is no such request. The message is a sentence for whoever sent it."""


class TooMuchError(RequestError):
    """The body would need too much memory."""


@dataclass(frozen=True, slots=True)
class Members:
    """The names of a signal's three arrays in JSON."""

    resources: str
    scopes: str
    records: str


@dataclass(frozen=True, slots=True)
class ScopeEnvelope:
    scope: Raw
    schema_url: str
    records: Sequence[Raw]


@dataclass(frozen=True, slots=True)
class Envelope:
    """One resource; its scopes come one by one, so that one at a time is in memory."""

    resource: Raw
    resource_schema_url: str
    scopes: Iterator[ScopeEnvelope]


# ---------------------------------------------------------------------------------------------------------------- JSON

_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])


def cut_json(body: bytes, members: Members) -> tuple[Iterator[Envelope], str]:
    """The envelopes, and a sentence when the document has nothing of this signal. Raises ``RequestError``."""
    if body.count(b"{") + body.count(b"[") > MAX_CONTAINERS:
        raise TooMuchError(f"The body has more than {MAX_CONTAINERS:,} objects and arrays.")
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        document = _object(body)
    except RequestError:
        body = _mended(body)
        document = _object(body)
    if members.resources in document:
        return _json_envelopes(document, members), ""
    others = [name for name in ("resourceSpans", "resourceMetrics", "resourceLogs") if name in document]
    if others:
        raise RequestError(f"The body has '{others[0]}' instead of '{members.resources}': this address is not for it.")
    return iter(()), f"The body has no '{members.resources}': nothing was stored." if document else ""


def _json_envelopes(document: dict[str, msgspec.Raw], members: Members) -> Iterator[Envelope]:
    for raw_resource in _array(document, members.resources):
        resource = _object(raw_resource)
        yield Envelope(
            bytes(resource.get("resource", b"{}")),
            _text(resource),
            _json_scopes(_array(resource, members.scopes), members),
        )


def _json_scopes(raw_scopes: list[msgspec.Raw], members: Members) -> Iterator[ScopeEnvelope]:
    for raw_scope in raw_scopes:
        scope = _object(raw_scope)
        yield ScopeEnvelope(bytes(scope.get("scope", b"{}")), _text(scope), _array(scope, members.records))


def _object(raw: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """With lowerCamelCase names. What is null is an empty one."""
    try:
        members = _OBJECT.decode(raw) if bytes(memoryview(raw)[:5]).strip() != b"null" else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"The body is not an OTLP request in JSON: {_complaint(error)}.") from None
    if any("_" in name or name in _OLD_NAMES for name in members):
        return {_OLD_NAMES.get(name) or _camel(name): raw for name, raw in members.items()}
    return members


def _array(members: dict[str, msgspec.Raw], name: str) -> list[msgspec.Raw]:
    raw = members.get(name)
    if raw is None or bytes(raw) == b"null":
        return []
    try:
        return _ARRAY.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"The body's '{name}' cannot be read: {_complaint(error)}.") from None


def _text(members: dict[str, msgspec.Raw]) -> str:
    url = decoded(bytes(members.get("schemaUrl", b'""')))
    return url if isinstance(url, str) else ""


def _complaint(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    text = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
    return text[:1].lower() + text[1:200]


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def decoded(raw: Raw) -> Any:
    """JSON -> values. Lone surrogates, NaN and invalid UTF-8, which some producers write, are mended."""
    try:
        return orjson.loads(bytes(raw))
    except orjson.JSONDecodeError:
        return orjson.loads(_mended(bytes(raw)))


def _mended(body: bytes) -> bytes:
    """The same in JSON that every decoder reads. Raises ``RequestError`` when it is no JSON at all."""
    if len(body) > MAX_MENDED_BYTES:
        raise RequestError("The body is not JSON that can be read.")
    text = body.decode("utf-8", "replace")
    try:
        value = json.loads(text, strict=False, parse_constant=str)
        return orjson.dumps(orjson.loads(_SURROGATE.sub("\ufffd", json.dumps(value, ensure_ascii=False))))
    except RecursionError:
        raise RequestError("The body is nested too deep.") from None
    except ValueError as error:
        complaint, position = getattr(error, "msg", "it cannot be read"), getattr(error, "pos", 0)
        raise RequestError(f"The body is not JSON: {complaint.lower()} at character {position + 1}.") from None


# ------------------------------------------------------------------------------------------------------------ protobuf


def cut_protobuf(body: bytes) -> tuple[Iterator[Envelope], str]:
    """The envelopes; which signal it is only the records show. Raises ``RequestError`` while it is read."""
    return _protobuf_envelopes(memoryview(body), _Budget()), ""


class _Budget:
    """Counts the parts of one envelope."""

    def __init__(self) -> None:
        self._left = MAX_RECORDS

    def spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise TooMuchError(f"The body has more than {MAX_RECORDS:,} parts.")


def _protobuf_envelopes(body: memoryview, budget: _Budget) -> Iterator[Envelope]:
    for number, raw_resource in _parts(body, budget):
        if number != 1:
            continue
        resource, schema_url, raw_scopes = _members(raw_resource, budget)
        yield Envelope(resource, schema_url, _protobuf_scopes(raw_scopes, budget))


def _protobuf_scopes(raw_scopes: list[memoryview], budget: _Budget) -> Iterator[ScopeEnvelope]:
    for raw_scope in raw_scopes:
        scope, schema_url, records = _members(raw_scope, budget)
        yield ScopeEnvelope(scope, schema_url, records)


def _members(message: memoryview, budget: _Budget) -> tuple[bytes, str, list[memoryview]]:
    """The head, the schema URL and the repeated part. A head that comes in pieces is merged by joining them."""
    heads: list[memoryview] = []
    repeated: list[memoryview] = []
    schema_url = b""
    for number, part in _parts(message, budget):
        if number == _RESOURCE:
            heads.append(part)
        elif number == _RECORDS:
            repeated.append(part)
        elif number == _SCHEMA_URL:
            schema_url = bytes(part)
    return b"".join(heads), schema_url.decode("utf-8", "replace"), repeated


def _parts(message: memoryview, budget: _Budget) -> Iterator[tuple[int, memoryview]]:
    """The length-delimited fields with their numbers; others are passed over."""
    position, end = 0, len(message)
    while position < end:
        budget.spend()
        tag, position = _varint(message, position)
        number, kind = tag >> 3, tag & 7
        if kind == _LENGTH:
            size_bytes, position = _varint(message, position)
            begin, position = position, position + size_bytes
            if position > end:
                raise RequestError("The body is not protobuf, or cut off.")
            yield number, message[begin:position]
        elif kind == _VARINT:
            _, position = _varint(message, position)
        elif kind in _SKIPPED_BYTES:
            position += _SKIPPED_BYTES[kind]
        else:
            raise RequestError("The body is not protobuf.")
        if not number or position > end:
            raise RequestError("The body is not protobuf, or cut off.")


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    try:
        while (byte := message[position]) >= 0x80:
            value |= (byte & 0x7F) << shift
            shift, position = shift + 7, position + 1
            if shift > 63:
                raise RequestError("The body is not protobuf.")
    except IndexError:
        raise RequestError("The body is not protobuf, or cut off.") from None
    return value | byte << shift, position + 1
