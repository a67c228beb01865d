"""Links from one trace to another: which traces a line points to, and who it is that points there.

Few spans have links, so the typed decode of every line does not look at them; a line that has some is looked at again.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.model import ForeignLink
from diamond_viewer.telemetry.otlp_values import attributes_from_wire
from diamond_viewer.telemetry.redact import redact_text

MAX_LINKS = 1_000  # of one span: a queue's batch can link to any number of producers
_ID_LENGTH = 32
_NO_SPAN = "0" * 16


class _Wire(msgspec.Struct, gc=False, rename="camel"):
    """The canonical spelling only."""


class _Link(_Wire):
    trace_id: str | None = ""
    span_id: str | None = ""


class _Span(_Wire):
    trace_id: str = ""
    span_id: str = ""
    name: str | None = ""
    start_time_unix_nano: int | str | None = 0
    links: list[_Link] | None = None


class _ScopeSpans(_Wire):
    spans: list[_Span] | None = None


class _Resource(_Wire):
    attributes: msgspec.Raw = msgspec.Raw(b"")


class _ResourceSpans(_Wire):
    resource: _Resource | None = None
    scope_spans: list[_ScopeSpans] | None = None


class _Document(_Wire):
    resource_spans: list[_ResourceSpans] | None = None


_DECODER = msgspec.json.Decoder(_Document)


@dataclass(frozen=True, slots=True)
class LinkTargets:
    """``rows`` of the batch that link to another trace, for each 16 bytes of that trace's id and 8 of the span's that is meant
    (zeros: none); no row names a trace twice."""

    rows: tuple[int, ...] = ()
    trace_ids: bytes = b""
    span_ids: bytes = b""


NO_LINKS = LinkTargets()


def link_targets(line: bytes) -> LinkTargets:
    """Of a line in the Collector's spelling. Ids that are none point nowhere."""
    found: dict[tuple[int, str], str] = {}
    row = 0
    for resource_spans in _DECODER.decode(line).resource_spans or ():
        for scope_spans in resource_spans.scope_spans or ():
            for span in scope_spans.spans or ():
                for link in (span.links or ())[:MAX_LINKS]:
                    target = (link.trace_id or "").lower()
                    if target != span.trace_id.lower() and _is_id(target):
                        found.setdefault((row, target), _span_id(link.span_id or ""))
                row += 1
    return LinkTargets(
        tuple(row for row, _ in found),
        bytes.fromhex("".join(target for _, target in found)),
        bytes.fromhex("".join(found.values())),
    )


def foreign_links(original: bytes, trace_id: str) -> Iterator[ForeignLink]:
    """The spans of other traces on a ``Batch.original`` that link to this one (32 lower-case hex), redacted."""
    for resource_spans in _DECODER.decode(original).resource_spans or ():
        service = ""
        for scope_spans in resource_spans.scope_spans or ():
            for span in scope_spans.spans or ():
                if span.trace_id.lower() == trace_id:
                    continue
                for link in (span.links or ())[:MAX_LINKS]:
                    if (link.trace_id or "").lower() != trace_id:
                        continue
                    if not service:
                        resource = resource_spans.resource
                        attributes = attributes_from_wire(bytes(resource.attributes)) if resource else {}
                        service = redact_text(semconv.service_name(attributes))
                    to_span_id = (link.span_id or "").lower()
                    yield ForeignLink(
                        span.trace_id.lower(),
                        span.span_id.lower(),
                        redact_text(span.name or ""),
                        service,
                        max(0, int(span.start_time_unix_nano or 0)),
                        to_span_id if to_span_id.strip("0") else "",
                    )


def _span_id(text: str) -> str:
    return text.lower() if _is_id(text.lower(), len(_NO_SPAN)) else _NO_SPAN


def _is_id(text: str, length: int = _ID_LENGTH) -> bool:
    return (
        len(text) == length
        and text.isascii()
        and text.isalnum()
        and not text.strip("0123456789abcdef")
        and text.strip("0") != ""
    )
