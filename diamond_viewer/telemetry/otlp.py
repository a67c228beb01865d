"""One line of OTLP/JSON -> a typed batch for the index. Only the ``otlp*`` files know the wire's spelling.

Wire format: opentelemetry-proto ``docs/specification.md`` (JSON Protobuf encoding) and what the Collector's file exporter
makes of it. Decoding is typed and reads only what the index needs; attributes stay raw and are looked at once per distinct
blob, because database and framework spans carry the same bytes again and again. Whatever does not fit at first sight (old
names, names of enums, broken ids, invalid UTF-8) goes the slow way through ``otlp_repair`` and comes back canonical.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Annotated

import msgspec
import xxhash

from diamond_viewer.telemetry import otlp_repair, semconv
from diamond_viewer.telemetry.batch import NO_METRICS, Batch, BatchEvent
from diamond_viewer.telemetry.metrics import MetricBatch
from diamond_viewer.telemetry.model import STATUS_ERROR
from diamond_viewer.telemetry.otlp_links import NO_LINKS, link_targets
from diamond_viewer.telemetry.otlp_logs import NO_LOGS, LogRecords, count_logs
from diamond_viewer.telemetry.otlp_metrics import decode_metrics
from diamond_viewer.telemetry.otlp_repair import LineError, Repaired
from diamond_viewer.telemetry.otlp_values import attributes_from_wire, chosen_attributes, first_look
from diamond_viewer.telemetry.semconv import EventFacts, SpanFacts

__all__ = ["Batch", "LineError", "Repaired", "canonical", "decode_line"]

# The index counts in signed 64 bits. What lies beyond the year 2262 was never a clock: producers write 2**64 - 1 for "none".
MAX_TIME_NS = 2**63 - 1
MAX_NAME_LENGTH = 5_000  # characters of a name that the index keeps; the original keeps all
MAX_CACHED_BLOB_BYTES = 1_024  # with the count below: at most 16 MiB of cache, whatever comes
MAX_CACHED_BLOBS = 16_384

_PIECE_BYTES = 4_096  # of a line that is not all ASCII, looked at by itself

_NO_BYTES = msgspec.Raw(b"")
_ZERO_TRACE_ID, _ZERO_SPAN_ID = "0" * 32, "0" * 16


class _Wire(msgspec.Struct, gc=False, rename="camel"):
    """What the wire calls camelCase; gc=False because nothing here can form a cycle and the collector costs a third."""


class _Event(_Wire):
    time_unix_nano: int | str | None = 0
    name: str | None = ""
    attributes: msgspec.Raw = _NO_BYTES


class _Status(_Wire):
    code: int | str | None = 0
    message: str | None = ""


class _Span(_Wire):
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str | None = ""
    name: str | None = ""
    kind: int | str | None = 0
    start_time_unix_nano: int | str | None = 0
    end_time_unix_nano: int | str | None = 0
    attributes: msgspec.Raw = _NO_BYTES
    events: list[_Event] | None = None
    links: msgspec.Raw = _NO_BYTES
    status: _Status | None = None
    dropped_attributes_count: msgspec.Raw = _NO_BYTES  # mostly absent or 0; whatever it is, it costs no line
    dropped_events_count: msgspec.Raw = _NO_BYTES
    dropped_links_count: msgspec.Raw = _NO_BYTES


class _ScopeSpans(_Wire):
    spans: list[_Span] | None = None


class _Resource(_Wire):
    attributes: msgspec.Raw = _NO_BYTES


class _ResourceSpans(_Wire):
    resource: _Resource | None = None
    scope_spans: list[_ScopeSpans] | None = None


class _Document(_Wire):
    resource_spans: list[_ResourceSpans] | None = None
    resource_metrics: msgspec.Raw = _NO_BYTES
    resource_logs: msgspec.Raw = _NO_BYTES


_DECODER = msgspec.json.Decoder(_Document)
_TIMES_DECODER = msgspec.json.Decoder(list[Annotated[int, msgspec.Meta(ge=0, le=MAX_TIME_NS)]])


class _IrregularError(Exception):
    """Private: the line is not in the form that most lines have; take the slow way."""


def decode_line(line: bytes) -> Batch:
    """A line (or a whole file that is one document) -> its batch.

    Accepts a document, an array of documents and several documents one after the other. Raises ``LineError`` with one
    sentence for anything that is not telemetry.
    """
    if line.isascii() or _is_utf8(line):
        try:
            return _decode_regular(line)
        except (_IrregularError, msgspec.DecodeError, RecursionError):
            pass  # most often an old spelling or a broken id, which the slow way reads
    repaired = otlp_repair.repair(line)
    metrics = _metrics(repaired.resource_metrics)
    if not repaired.original:
        return Batch(
            b"",
            repaired.signal,
            repaired.invalid_spans,
            repaired.text_was_replaced,
            repaired.has_repeated_keys,
            metrics=metrics,
        )
    try:
        batch = _decode_regular(repaired.original, is_canonical=True)
    except (_IrregularError, msgspec.DecodeError, RecursionError):
        raise LineError("unreadable", "The line is telemetry, but its attributes cannot be read.") from None
    return replace(
        batch,
        signal=repaired.signal,
        invalid_spans=repaired.invalid_spans,
        repaired=repaired.text_was_replaced,
        has_repeated_keys=batch.has_repeated_keys or repaired.has_repeated_keys,
        metrics=metrics,
    )


def canonical(line: bytes) -> Repaired:
    """A line as one document in today's spelling, with all that it says: what ``decode_line`` reads the batch from.

    Unlike ``Batch.original`` it has log records without a trace, and metrics. Raises ``LineError`` like ``decode_line``.
    """
    if line.isascii() or _is_utf8(line):
        try:
            batch = _decode_regular(line)
            metrics = bytes(_DECODER.decode(line).resource_metrics)
            return Repaired(line, batch.signal, 0, False, batch.has_repeated_keys, metrics)
        except (_IrregularError, msgspec.DecodeError, RecursionError):
            pass
    return otlp_repair.repair(line)


def _metrics(resource_metrics: bytes) -> MetricBatch:
    if len(resource_metrics) <= 2:
        return NO_METRICS
    try:
        return decode_metrics(resource_metrics)
    except (msgspec.DecodeError, RecursionError):
        return MetricBatch(invalid_points=1)  # not even a list of resources: as little as one point that says nothing


def _metrics_of(line: bytes, resource_metrics: bytes) -> MetricBatch:
    """The fast way for metrics: old spellings go the slow one."""
    try:
        metrics = decode_metrics(resource_metrics)
    except msgspec.DecodeError:
        raise _IrregularError from None
    if b"_unix_nano" in line or b'"data_points"' in line:
        raise _IrregularError
    return metrics


def _is_utf8(line: bytes) -> bool:
    r"""Only what is not ASCII is decoded, which is little of most lines: pieces that stand together are decoded together,
    because a character may begin in one and end in the next.

    >>> long = ("a" * 4_095 + "…" + "a" * 9_000).encode()
    >>> _is_utf8(long), _is_utf8(long[:4_096]), _is_utf8(long[:4_097] + b"a" + long[4_098:]), _is_utf8(b"a" * 9_000 + b"\xff")
    (True, False, False, False)
    """
    begin = -1
    for at in range(0, len(line), _PIECE_BYTES):
        if not line[at : at + _PIECE_BYTES].isascii():
            begin = at if begin < 0 else begin
        elif begin >= 0:
            if not _is_decodable(line[begin:at]):
                return False
            begin = -1
    return begin < 0 or _is_decodable(line[begin:])


def _is_decodable(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decode_regular(line: bytes, *, is_canonical: bool = False) -> Batch:
    """The fast way: one typed decode, then one list comprehension per column. Raises what ``decode_line`` catches.

    Only a line that was made canonical may hold several signals.
    """
    document = _DECODER.decode(line)
    others = {"metrics": document.resource_metrics, "logs": document.resource_logs}
    logs = NO_LOGS
    if signals := [signal for signal, resources in others.items() if len(bytes(resources)) > 2]:
        if not is_canonical and (document.resource_spans is not None or len(signals) > 1):
            raise _IrregularError
        if "logs" in signals:
            logs = _logs(bytes(document.resource_logs))
        metrics = _metrics_of(line, bytes(document.resource_metrics)) if "metrics" in signals else NO_METRICS
        if not document.resource_spans:
            return Batch(line if logs.marks else b"", signals[0], logs=logs, metrics=metrics)
    if not document.resource_spans:
        raise _IrregularError
    spans: list[_Span] = []
    services: list[str] = []
    for resource_spans in document.resource_spans:
        if resource_spans.scope_spans is None:
            raise _IrregularError  # nothing in it, or an old name for it
        service = _service(resource_spans.resource)
        for scope_spans in resource_spans.scope_spans:
            if scope_spans.spans:
                spans += scope_spans.spans
                services += [service] * len(scope_spans.spans)
    trace_ids = _packed_ids([span.trace_id for span in spans], _ZERO_TRACE_ID)
    span_ids = _packed_ids([span.span_id for span in spans], _ZERO_SPAN_ID)
    parent_ids = _packed_ids([span.parent_span_id or _ZERO_SPAN_ID for span in spans], None)
    starts = _times([span.start_time_unix_nano for span in spans])
    if 0 in starts and b"_unix_nano" in line:
        raise _IrregularError
    status_codes = _enums([status.code if (status := span.status) else 0 for span in spans])
    repeats_before = _facts_by_blob.repeats
    facts = _span_facts(spans)
    return Batch(
        original=line,
        signal="traces",
        has_repeated_keys=_facts_by_blob.repeats > repeats_before,
        trace_ids=trace_ids,
        span_ids=span_ids,
        parent_ids=parent_ids,
        start_ns=starts,
        end_ns=_times([span.end_time_unix_nano for span in spans]),
        names=_names([span.name for span in spans]),
        services=services,
        kinds=_enums([span.kind for span in spans]),
        status_codes=status_codes,
        facts=facts,
        events=[
            BatchEvent(row, _name(event.name), _time(event.time_unix_nano), _event_facts(event))
            for row, span in enumerate(spans)
            if span.events
            for event in span.events
        ],
        logs=logs,
        # looked into only where there are some: searching the line for the word would cost a sixth of its decoding
        links=link_targets(line)
        if any(len(bytes(s.links)) > 4 for s in spans if s.links is not _NO_BYTES)
        else NO_LINKS,
        messages={
            row: message[: semconv.MAX_MESSAGE_LENGTH]
            for row, span in enumerate(spans)
            if (status := span.status) and (message := status.message) and status.code == STATUS_ERROR
        }
        if STATUS_ERROR in status_codes
        else {},
        dropping=[
            row
            for row, span in enumerate(spans)
            if span.dropped_attributes_count is not _NO_BYTES
            or span.dropped_events_count is not _NO_BYTES
            or span.dropped_links_count is not _NO_BYTES
            if _has_dropped(span)
        ],
    )


def _has_dropped(span: _Span) -> bool:
    counts = (span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count)
    return any(bytes(count).strip(b'"0') not in (b"", b"null") for count in counts)


def _logs(resource_logs: bytes) -> LogRecords:
    records = count_logs(resource_logs)
    if records is None:
        raise _IrregularError
    return records


def _packed_ids(ids: list[str], zero: str | None) -> bytes:
    """Hex ids of one length -> their bytes, side by side. ``zero`` is the id that is none (allowed for parents only)."""
    length = len(zero or _ZERO_SPAN_ID)
    joined = " ".join(ids)  # fromhex passes over spaces; where each one stands says how long every id is
    if len(joined) != len(ids) * (length + 1) - bool(ids) or joined[length :: length + 1].strip(" "):
        raise _IrregularError
    try:
        packed = bytes.fromhex(joined)
    except ValueError:
        raise _IrregularError from None
    if len(packed) * 2 != length * len(ids) or (zero is not None and zero in ids):
        raise _IrregularError
    return packed


def _times(times: list[int | str | None]) -> list[int]:
    try:
        # one call for all texts, as the Collector writes them: a fifth of what int() of each takes
        numbers = _TIMES_DECODER.decode(f"[{','.join(times)}]")  # type: ignore[arg-type]  # a TypeError is caught
        if len(numbers) == len(times):
            return numbers
    except (TypeError, msgspec.DecodeError):
        pass
    try:
        return [number if 0 <= number <= MAX_TIME_NS else 0 for number in map(int, times)]  # type: ignore[arg-type]  # likewise
    except (TypeError, ValueError):
        raise _IrregularError from None


def _time(time: int | str | None) -> int:
    return _times([time])[0]


def _names(names: list[str | None]) -> list[str]:
    if None in names or max(map(len, names), default=0) > MAX_NAME_LENGTH:  # type: ignore[arg-type]  # no None gets there
        return [_name(name) for name in names]
    return names  # type: ignore[return-value]  # likewise


def _name(name: str | None) -> str:
    return (name or "")[:MAX_NAME_LENGTH]


def _enums(values: list[int | str | None]) -> Sequence[int]:
    """Numbers as they are, what is beyond a byte as 255; names of enums take the slow way."""
    try:
        return bytes(values)  # type: ignore[arg-type]  # what is no number is a TypeError
    except (TypeError, ValueError):
        if str in set(map(type, values)):
            raise _IrregularError from None
    return [_byte(value or 0) for value in values]  # type: ignore[arg-type]  # no text is left


def _byte(value: int) -> int:
    return value if 0 <= value <= 255 else 255


class _FactsByBlob(dict[bytes, SpanFacts]):
    """Attributes as they stand on the wire -> what they say; long ones by their digests. Emptied when full: what repeats is
    soon back.

    ``repeats`` counts blobs that give a key twice. These are not kept, so that each is counted whenever it comes.
    """

    repeats = 0

    def __missing__(self, blob: bytes) -> SpanFacts:
        key = blob
        if len(blob) > MAX_CACHED_BLOB_BYTES:
            key = xxhash.xxh3_128_digest(blob)
            if (known := self.get(key)) is not None:
                return known
        if len(blob) > 2:
            chosen, has_repeats = first_look(blob, semconv.span_fact_keys())
            facts = semconv.span_facts(chosen)
        else:
            facts, has_repeats = semconv.NO_SPAN_FACTS, False
        if has_repeats:
            self.repeats += 1
        else:
            if len(self) >= MAX_CACHED_BLOBS:
                self.clear()
            self[key] = facts
        return facts


_facts_by_blob = _FactsByBlob()


def _span_facts(spans: list[_Span]) -> list[SpanFacts]:
    return [_facts_by_blob[bytes(span.attributes)] for span in spans]


def _event_facts(event: _Event) -> EventFacts:
    name, blob = _name(event.name), bytes(event.attributes)
    if len(blob) <= 2 or not semconv.event_may_tell(name, blob):
        return semconv.NO_EVENT_FACTS
    return semconv.event_facts(name, chosen_attributes(blob, semconv.event_fact_keys()))


def _service(resource: _Resource | None) -> str:
    return _cached_service(bytes(resource.attributes) if resource else b"")


@lru_cache(maxsize=256)
def _cached_service(blob: bytes) -> str:
    return semconv.service_name(attributes_from_wire(blob) if len(blob) > 2 else {})[:MAX_NAME_LENGTH]
