"""Lines of the collector -> traces, through the decoder that pages use."""

from collections.abc import Iterable
from pathlib import Path

from diamond_viewer.telemetry.model import Span, Trace
from diamond_viewer.telemetry.otlp import decode_line
from diamond_viewer.telemetry.otlp_spans import decode_spans
from tests.builders import trace


def traces_in(lines: Iterable[bytes]) -> list[Trace]:
    """All traces of these lines, in the order in which they began to appear."""
    spans: dict[str, list[Span]] = {}
    for line in lines:
        for span in decode_spans(decode_line(line).original):
            spans.setdefault(span.trace_id, []).append(span)
    return [trace(*of_one) for of_one in spans.values()]


def lines_of(path: Path) -> list[bytes]:
    return [line for line in path.read_bytes().split(b"\n") if line]
