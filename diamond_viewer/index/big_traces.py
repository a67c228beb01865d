"""Traces that grow very large while they are followed: a session that never ends, a job of a million spans.

Looking through all of such a trace again for every line that comes to it would cost more with each line. So its span keys
are kept in sorted runs, its figures are added up, and only what needs the whole tree (its name, and whether a parent is
missing) waits until the trace has grown by an eighth, or until nothing new comes.
"""

from dataclasses import dataclass, field

import numpy as np

from diamond_viewer.index.catalogue import SPAN_FLAGS, Rows
from diamond_viewer.index.columns import Column
from diamond_viewer.index.key_runs import KeyRuns
from diamond_viewer.index.segment import Place
from diamond_viewer.index.told import CHANGED
from diamond_viewer.telemetry.model import Flag

BIG_SPANS = 4_096
GROWTH = 1.125  # what a trace grows by before it is worked out anew
HUGE_SPANS = 200_000  # from here on it is not worked out any more: it would take half a second each time
ASSEMBLED_ROW_BYTES = 256  # what each of its rows takes meanwhile
_COUNTED = ("start_ns", "duration_ns", "marks", "event_count")


@dataclass(slots=True)
class BigTrace:
    """``assembled_spans``: how many spans it had when it was last worked out as a whole."""

    assembled_spans: int
    is_stale: bool = False
    span_keys: KeyRuns = field(default_factory=KeyRuns)


def extend(home: Place, rows: Rows) -> None:
    """Add the figures of new rows to a trace. Everything is exact but its name, its HTTP status and ``incomplete``."""
    segment, trace = home
    columns = segment.trace_columns()
    start_ns, has_time = rows["start_ns"], rows["start_ns"] > 0
    if has_time.any():
        first_ns = columns["start_ns"][trace]
        earliest_ns = start_ns[has_time].min()
        columns["start_ns"][trace] = min(first_ns, earliest_ns) if first_ns else earliest_ns
        columns["end_ns"][trace] = max(columns["end_ns"][trace], (start_ns + rows["duration_ns"])[has_time].max())
    columns["span_count"][trace] += len(start_ns)
    columns["error_count"][trace] += np.count_nonzero(rows["marks"] & Flag.ERROR.value)
    columns["event_count"][trace] += rows["event_count"].sum()
    columns["flags"][trace] |= _flags(rows["marks"])
    columns["findings"][trace] |= CHANGED
    segment.summaries.pop(trace, None)


def recount(home: Place) -> None:
    """The figures of a trace from nothing, segment by segment; its name stays, or is that of any of its spans."""
    segment, trace = home
    columns = segment.trace_columns()
    for name in ("start_ns", "end_ns", "span_count", "error_count", "event_count"):
        columns[name][trace] = 0
    columns["flags"][trace] &= Flag.INCOMPLETE.value | Flag.DUPLICATE_CALLS.value | Flag.N_PLUS_ONE.value
    for place, number in segment.places_of(trace):
        rows = place.rows_of(number)
        extend(home, {name: place.spans[name][rows].astype(np.int64) for name in _COUNTED})
        if len(rows) and not columns["name"][trace]:
            for name in ("name", "service"):
                text = place.dictionary.texts[int(place.spans[name][rows[0]])]
                columns[name][trace] = segment.dictionary.intern(text)


def _flags(marks: Column) -> np.uint16:
    return np.uint16(np.bitwise_or.reduce(marks) & SPAN_FLAGS)
