"""A line with everything that was written in it, whole and not redacted: for tables that the collector fills too."""

from dataclasses import dataclass

import msgspec

from diamond_viewer.telemetry.batch import Batch
from diamond_viewer.telemetry.model import Log, Span
from diamond_viewer.telemetry.otlp import LineError, canonical
from diamond_viewer.telemetry.otlp_logs import logs_as_written
from diamond_viewer.telemetry.otlp_points import WrittenPoint, points_as_written
from diamond_viewer.telemetry.otlp_spans import spans_as_written


@dataclass(frozen=True, slots=True)
class WrittenLine(Batch):
    """``spans`` and ``records`` are all of the line, in its order; ``points`` those that could be read."""

    spans: tuple[Span, ...] = ()
    records: tuple[Log, ...] = ()
    points: tuple[WrittenPoint, ...] = ()
    invalid_points: int = 0

    @property
    def is_worth_keeping(self) -> bool:
        return True  # a line without anything is remembered too: nobody need read it again


def decode_written(line: bytes) -> WrittenLine:
    """Reads every line that ``decode_line`` reads, and refuses the same: raises ``LineError`` like it."""
    document = canonical(line)
    original = document.original or b"{}"
    try:
        points = list(points_as_written(document.resource_metrics))
    except (msgspec.DecodeError, RecursionError):
        points = [None]  # not even a list of resources: as little as one point that says nothing
    try:
        spans, records = tuple(spans_as_written(original)), tuple(logs_as_written(original))
    except (msgspec.DecodeError, RecursionError):
        raise LineError("unreadable", "The line is telemetry, but its attributes cannot be read.") from None
    kept = tuple(point for point in points if point is not None)
    return WrittenLine(
        original=b"",
        signal=document.signal,
        invalid_spans=document.invalid_spans,
        repaired=document.text_was_replaced,
        has_repeated_keys=document.has_repeated_keys,
        spans=spans,
        records=records,
        points=kept,
        invalid_points=len(points) - len(kept),
    )
