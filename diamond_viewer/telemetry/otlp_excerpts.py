"""Of a line only the spans that a question can be about. A collector's line holds hundreds of spans of dozens of traces:
reading two of them for the index takes a hundredth of reading all.

A line that is unusual in any way is passed on whole.
"""

import re
from collections.abc import Container, Iterator
from collections.abc import Set as AbstractSet

import msgspec

_NO_BYTES = msgspec.Raw(b"")
_ESCAPE = b"\\u00"  # a character may be spelled by its number
_FIRST = b'{"traceId":"'  # how the collector begins a span
_FIRST_ID = slice(len(_FIRST), len(_FIRST) + 32)
_AFTER_ID = slice(_FIRST_ID.stop, _FIRST_ID.stop + 1)
_ID_KEY = b'"traceId"'


class _Wire(msgspec.Struct, gc=False, rename="camel"):
    """As in ``otlp``."""


class _ScopeSpans(_Wire):
    scope: msgspec.Raw = _NO_BYTES
    spans: list[msgspec.Raw] | None = None
    schema_url: msgspec.Raw = _NO_BYTES


class _ResourceSpans(_Wire):
    resource: msgspec.Raw = _NO_BYTES
    scope_spans: list[_ScopeSpans] | None = None
    schema_url: msgspec.Raw = _NO_BYTES


class _Document(_Wire):
    resource_spans: list[_ResourceSpans] | None = None
    resource_metrics: msgspec.Raw = _NO_BYTES
    resource_logs: msgspec.Raw = _NO_BYTES


class _TraceId(_Wire):
    trace_id: str = ""


_DECODER = msgspec.json.Decoder(_Document)
_ID_DECODER = msgspec.json.Decoder(_TraceId)


class Needle:
    """Bytes that are looked for, in the spelling they have and with any of their characters spelled by its number."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        numbers = b"|".join(b"%02x" % byte for byte in sorted(set(text)))
        self._escapes = re.compile(rb"\\u00(?:%b)" % numbers, re.IGNORECASE)

    def may_be_in(self, piece: bytes) -> bool:
        r"""False only when they are surely not.

        >>> [Needle(b"lesson").may_be_in(piece) for piece in (b"a lesson", rb"a l\u0065sson", rb"\u003clessen\u003e")]
        [True, True, False]
        """
        return self.text in piece or self.may_be_escaped_in(piece)

    def may_be_escaped_in(self, piece: bytes) -> bool:
        return _ESCAPE in piece and self._escapes.search(piece) is not None


class TraceIdNeedle(Needle):
    """32 hex digits as the id of a span, in a link, of a log record: in lower case or in upper case, and if ``thorough`` in
    both at once or spelled by numbers, which takes three times as long and which nobody does.

    >>> some = b'{"traceId":"0AF7651916CD43DD8448EB211C80319C"}'
    >>> [TraceIdNeedle("0af7651916cd43dd8448eb211c80319c").may_be_in(piece) for piece in (some, some.lower(), some.title())]
    [True, True, False]
    >>> TraceIdNeedle("0af7651916cd43dd8448eb211c80319c", thorough=True).may_be_in(some.title())
    True
    """

    def __init__(self, trace_id: str, *, thorough: bool = False) -> None:
        self.text, self._upper = trace_id.lower().encode(), trace_id.upper().encode()
        super().__init__(self.text)
        self._anyhow = Needle(self.text + self._upper) if thorough else None

    def may_be_in(self, piece: bytes) -> bool:
        if self.text in piece or self._upper in piece:
            return True
        return self._anyhow is not None and (self.text in piece.lower() or self._anyhow.may_be_escaped_in(piece))


def traces_saying(line: bytes, needle: Needle) -> Iterator[str]:
    """Trace ids (lower case, perhaps several times) of all spans that hold the bytes, and perhaps of others."""
    if not needle.may_be_in(line):
        return
    document = _regular(line)
    if document is None:
        yield from _all_traces(line)
        return
    text, is_escaped = needle.text, needle.may_be_escaped_in(line)
    try:
        for raw in _spans(document):
            span = bytes(raw)
            if text in span or (is_escaped and needle.may_be_escaped_in(span)):
                yield _ID_DECODER.decode(span).trace_id.strip().lower()
    except msgspec.DecodeError:
        yield from _all_traces(line)


def excerpt(line: bytes, trace_ids: AbstractSet[bytes]) -> bytes:
    """The line with no other spans than those of the traces (32 lower-case hex digits each); empty when there are none."""
    document = _regular(line)
    if document is None:
        return line
    try:
        resources = [_resource(one, trace_ids) for one in document.resource_spans or ()]
    except msgspec.DecodeError:
        return line
    kept = [one for one in resources if one]
    return b'{"resourceSpans":[%b]}' % b",".join(kept) if kept else b""


def _regular(line: bytes) -> _Document | None:
    try:
        document = _DECODER.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return None
    is_mixed = len(bytes(document.resource_metrics)) > 2 or len(bytes(document.resource_logs)) > 2
    if is_mixed or not document.resource_spans or any(one.scope_spans is None for one in document.resource_spans):
        return None
    return document


def _spans(document: _Document) -> Iterator[msgspec.Raw]:
    for resource_spans in document.resource_spans or ():
        for scope_spans in resource_spans.scope_spans or ():
            yield from scope_spans.spans or ()


def _all_traces(line: bytes) -> Iterator[str]:
    from diamond_viewer.telemetry.otlp import (
        LineError,
        decode_line,
    )  # now: most files need it for no line, and it takes a while

    try:
        packed = decode_line(line.strip()).trace_ids
    except LineError:
        return
    yield from (packed[at : at + 16].hex() for at in range(0, len(packed), 16))


def _is_among(span: bytes, trace_ids: Container[bytes]) -> bool:
    """Its id is cut out where it must stand, and decoded where the key may come again."""
    if span.startswith(_FIRST) and span[_AFTER_ID] == b'"' and span.count(_ID_KEY) == 1:
        return span[_FIRST_ID].lower() in trace_ids
    return _ID_DECODER.decode(span).trace_id.strip().lower().encode(errors="replace") in trace_ids


def _resource(resource_spans: _ResourceSpans, trace_ids: Container[bytes]) -> bytes:
    scopes = [_scope(one, trace_ids) for one in resource_spans.scope_spans or ()]
    if not (kept := [scope for scope in scopes if scope]):
        return b""
    return _object(
        (b"resource", bytes(resource_spans.resource)),
        (b"scopeSpans", b"[%b]" % b",".join(kept)),
        (b"schemaUrl", bytes(resource_spans.schema_url)),
    )


def _scope(scope_spans: _ScopeSpans, trace_ids: Container[bytes]) -> bytes:
    kept = [span for raw in scope_spans.spans or () if _is_among(span := bytes(raw), trace_ids)]
    if not kept:
        return b""
    return _object(
        (b"scope", bytes(scope_spans.scope)),
        (b"spans", b"[%b]" % b",".join(kept)),
        (b"schemaUrl", bytes(scope_spans.schema_url)),
    )


def _object(*members: tuple[bytes, bytes]) -> bytes:
    return b"{%b}" % b",".join(b'"%b":%b' % (name, value) for name, value in members if value)
