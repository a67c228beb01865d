"""Traces by the first digits of their ids, which is what is left of an id that was cut off."""

from collections.abc import Sequence

import numpy as np

from diamond_viewer.index.segment import Segment
from diamond_viewer.index.summaries import summary
from diamond_viewer.telemetry.model import TraceSummary

_HALF = 16  # hex digits in each of the two columns of an id


def beginning_with(segments: Sequence[Segment], digits: str, limit: int) -> tuple[TraceSummary, ...]:
    """See ``TraceStore.beginning_with``."""
    first, last = digits.ljust(2 * _HALF, "0"), digits.ljust(2 * _HALF, "f")
    low_ends = np.uint64(int(first[_HALF:], 16)), np.uint64(int(last[_HALF:], 16))
    high_ends = np.uint64(int(first[:_HALF], 16)), np.uint64(int(last[:_HALF], 16))
    whole = np.uint64(int(digits, 16)) if len(digits) <= _HALF else None
    found = []
    for segment in segments:
        high, low = segment.traces["high"], segment.traces["low"]
        # what is left free is either all of the low half, or some of it below a high half that is given whole
        begins = (high >= high_ends[0]) & (high <= high_ends[1]) & (low >= low_ends[0]) & (low <= low_ends[1])
        if whole is not None:
            begins |= (high == 0) & (low == whole)
        traces = np.flatnonzero(begins & (segment.traces["lives_here"] > 0))
        newest = traces[np.lexsort((low[traces], high[traces], -segment.traces["start_ns"][traces]))][:limit]
        found += [summary(segment, trace) for trace in newest.tolist()]
    return tuple(sorted(found, key=lambda row: (-row.start_ns, row.trace_id))[:limit])
