"""A segment: one stretch of what was read. Rows of spans and events, the traces that began in it, and its originals.

Segments are what the memory budget is spent on, newest first: the oldest goes whole. While a segment is open, rows are
appended; ``pack`` closes it, sorts its rows by trace and gives back what was allocated ahead.

A trace *lives* in the segment that saw it first. Its later spans may lie in other segments: there it is a *guest*, with a
number of its own and no entry in lists or postings.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from diamond_viewer.index.attached import Attached
from diamond_viewer.index.columns import Column, Dictionary, Indexes, Table, rows_in
from diamond_viewer.index.extent import Extent
from diamond_viewer.index.faults import ToldApart
from diamond_viewer.index.metric_series import MetricSeries
from diamond_viewer.index.originals import Originals
from diamond_viewer.index.places import Keys, trace_keys
from diamond_viewer.index.postings import Postings
from diamond_viewer.index.remembered import Remembered
from diamond_viewer.index.segment_logs import SegmentLogs
from diamond_viewer.index.told import Told
from diamond_viewer.index.worked_out import CallRows, Causes, Requests, WorkedOut
from diamond_viewer.query.terms import Field
from diamond_viewer.telemetry.model import TraceSummary

SPAN_DTYPES = {
    "trace": np.uint32,
    "span_id": np.uint64,
    "parent_id": np.uint64,
    "start_ns": np.int64,
    "duration_ns": np.int64,
    "name": np.uint32,
    "service": np.uint32,
    "kind": np.uint8,
    "status_code": np.uint8,
    "marks": np.uint8,
    "traits": np.uint8,
    "http_status": np.uint16,
    "route": np.uint32,
    "user": np.uint32,
    "lesson": np.uint32,
    "statement": np.uint32,
    "peer": np.uint32,
    "event_count": np.uint32,
    "line": np.uint32,
}
EVENT_DTYPES: dict[str, npt.DTypeLike] = {
    "row": np.uint32,
    "name": np.uint32,
    "detail": np.uint32,
    "time_ns": np.int64,
    "amount": np.float32,  # as in ``telemetry.figures``; NaN where none is said
    "position_s": np.float32,
}
LINK_DTYPES = {
    "row": np.uint32,
    "key": np.uint64,
    "span_id": np.uint64,
}  # from a row to a span of the trace with this key
FAULT_DTYPES = {"row": np.uint32, "kind": np.uint32, "message": np.uint32}  # of each failed span
TRACE_DTYPES = {
    "high": np.uint64,
    "low": np.uint64,
    "start_ns": np.int64,
    "end_ns": np.int64,
    "span_count": np.uint32,
    "error_count": np.uint32,
    "event_count": np.uint32,
    "flags": np.uint16,
    "name": np.uint32,
    "service": np.uint32,
    "http_status": np.uint16,
    "lives_here": np.uint8,
    "findings": np.uint64,  # bits of the rules that found something, and ``told.WAITING``
}
POSTED_COLUMNS = {Field.OPERATION: "name", Field.SERVICE: "service", Field.USER: "user", Field.LESSON: "lesson"}
# what a reassembled trace writes into a packed segment may need more room than what stood there
_MUTABLE = ("span_count", "error_count", "event_count", "flags", "name", "service", "http_status", "lives_here")
# ``findings`` has 64 bits and stays as wide as it is
SUMMARY_BYTES = 1_200  # of a row of the list that is kept, with the texts in it

Place = tuple["Segment", int]


class Sized(Protocol):
    @property
    def size_bytes(self) -> int: ...


class Totals(Protocol):
    """What was counted of a file while it was packed: an ``index.counting.Counting``, which knows segments."""

    @property
    def phase(self) -> str: ...


class Segment:
    """Trace numbers, row numbers and line numbers count from 0 within the segment."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_open = True
        self.spans = Table(SPAN_DTYPES)
        self.events = Table(EVENT_DTYPES, capacity=128)
        self.faults = Table(FAULT_DTYPES, capacity=16)
        self.told_apart = ToldApart()
        self.traces = Table(TRACE_DTYPES)
        self.dictionary = Dictionary()
        self.postings = Postings()
        self.originals = Originals()
        self.remembered = Remembered()
        self.told = Told()
        self.logs = SegmentLogs()
        self.backlinks = Attached()
        self.links = Table(LINK_DTYPES, capacity=0)
        self.digests: dict[bytes, int] = {}  # of every line: how many spans it held
        self.homes: dict[int, Place] = {}  # guest here -> where it lives
        self.guests: dict[int, list[Place]] = {}  # lives here -> where more of it lies
        self.guest_numbers: dict[tuple[int, int], int] = {}  # (segment number, trace number) of a home -> guest here
        # (row, field, code): users and lessons beside the one column of a span
        self.mentions: dict[int, list[tuple[Field, int]]] = {}
        self.summaries: dict[int, TraceSummary] = {}  # rows of the list as they were last asked for
        # column -> how many rows are in it; values and traces, for facets
        self.pairs: dict[str, tuple[int, Indexes]] = {}
        self.metrics: MetricSeries | None = None  # of a packer: handed over with the spans of its file
        self.counting: Totals | None = None  # likewise
        self.calls: CallRows | None = None  # of a packed segment: who called whom, for the service map
        self.causes: WorkedOut[Causes] | None = None  # worked out when somebody asks for errors
        self.requests: WorkedOut[Requests] | None = None  # or for operations
        self._extent: Extent | None = None
        self._ranges: list[list[tuple[int, int]]] = []
        self._row_starts: Column = np.empty(0, np.int64)

    def add_traces(self, columns: dict[str, Column], count: int) -> int:
        """Returns the first of the new numbers."""
        self._extent = None
        first = self.traces.size
        self.traces.append(columns, count)
        self._ranges += [[] for _ in range(count)]
        return first

    def append_rows(self, rows: dict[str, Column], count: int) -> int:
        """At least one row, sorted by ``trace``. Returns the first of the new row numbers."""
        first = self.spans.size
        self.spans.append(rows, count)
        traces = rows["trace"]
        starts = np.flatnonzero(np.diff(traces, prepend=-1)).tolist()
        for start, end in zip(starts, [*starts[1:], count], strict=True):
            self._ranges[int(traces[start])].append((first + start, first + end))
        return first

    def rows_of(self, trace: int) -> Indexes:
        """The row numbers of a trace in this segment."""
        return rows_in(self.ranges_of(trace))

    def ranges_of(self, trace: int) -> list[tuple[int, int]]:
        """First row and the one after the last, of each run of rows of a trace in this segment."""
        if not self.is_open:
            return [(int(self._row_starts[trace]), int(self._row_starts[trace + 1]))]
        return self._ranges[trace]

    def row_count(self, trace: int) -> int:
        """How many rows of a trace lie in this segment."""
        ranges = self.ranges_of(trace)
        if len(ranges) == 1:  # as with nearly all, and this is asked for every trace that grows
            return ranges[0][1] - ranges[0][0]
        return sum(end - start for start, end in ranges)

    def places_of(self, trace: int) -> list[Place]:
        """Everywhere rows of a trace lie that lives here."""
        return [(self, trace), *self.guests.get(trace, ())]

    def keys_of_living(self) -> Keys:
        """The keys of the traces that live here."""
        lives_here = self.traces["lives_here"] > 0
        return trace_keys(self.traces["high"][lives_here], self.traces["low"][lives_here])

    def repeats_logs_of(self, others: "Iterable[Segment]") -> bool:
        """Whether one of its log records is held in another segment already."""
        return any(self.logs.marks.meets(other.logs.marks) for other in others)

    def all_mentions(self, rows: Iterable[int], field: Field) -> set[int]:
        """Codes that stand beside the column of their span."""
        if not self.mentions:
            return set()
        return {code for row in rows for found, code in self.mentions.get(row, ()) if found is field}

    def pack(self) -> None:
        """Close the segment."""
        order = np.argsort(self.spans["trace"], kind="stable")
        self.spans.reorder(order)
        new_row = np.empty(len(order), np.int64)
        new_row[order] = np.arange(len(order))
        counts = np.bincount(self.spans["trace"], minlength=self.traces.size)
        self._row_starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32)
        self._ranges = []
        if self.events.size:
            self.events["row"][:] = new_row[self.events["row"]]
            self.events.reorder(np.argsort(self.events["row"], kind="stable"))
        if self.faults.size:
            self.faults["row"][:] = new_row[self.faults["row"]]
            self.faults.reorder(np.argsort(self.faults["row"], kind="stable"))
        self.links["row"][:] = new_row[self.links["row"]]
        self.mentions = {int(new_row[row]): found for row, found in self.mentions.items()}
        for table in (self.spans, self.events, self.faults, self.traces, self.links):
            table.pack()
        self.causes = self.requests = None
        for part in (self.postings, self.originals, self.logs, self.backlinks):
            part.pack()
        self.summaries = {}
        self.pairs = {}
        self.is_open = False

    @property
    def extent(self) -> Extent:
        """Of the traces that live here, as they are now; kept until somebody writes to one."""
        if self._extent is None:
            lives_here = self.traces["lives_here"] > 0
            self._extent = Extent.of(self.traces["start_ns"][lives_here], self.traces["end_ns"][lives_here])
        return self._extent

    def set_living(self, trace: int, lives_here: bool) -> None:
        """Whether a trace lives here, or in another segment."""
        self._extent = None
        self.traces["lives_here"][trace] = lives_here

    def trace_columns(self) -> dict[str, Column]:
        """The columns of traces that may be written to."""
        self._extent = None
        if not self.is_open:
            for name in _MUTABLE:
                self.traces.widen(name, TRACE_DTYPES[name])
        return {name: self.traces[name] for name in TRACE_DTYPES}

    @property
    def size_bytes(self) -> int:
        parts: tuple[Sized, ...] = (
            *(self.spans, self.events, self.faults, self.traces),
            *(self.dictionary, self.originals, self.postings, self.told),
            *(self.logs, self.backlinks, self.links),
        )
        ranges = 120 * len(self._ranges)
        links = 200 * (len(self.homes) + len(self.guests) + len(self.mentions))
        return (
            sum(part.size_bytes for part in parts) + self._row_starts.nbytes + ranges + links + 100 * len(self.digests)
        )

    @property
    def spare_bytes(self) -> int:
        """What is only kept to answer faster, beside ``size_bytes``."""
        pairs = sum(kept.nbytes for _, kept in self.pairs.values())
        pairs += sum(kept.found.size_bytes for kept in (self.causes, self.requests) if kept is not None)
        pairs += self.calls.size_bytes if self.calls is not None else 0
        pairs += self.logs.spare_bytes
        return pairs + self.remembered.size_bytes + self.postings.spare_bytes + SUMMARY_BYTES * len(self.summaries)

    def drop_spare(self) -> None:
        self.pairs, self.summaries, self.remembered = {}, {}, Remembered()
        self.calls = self.causes = self.requests = None
        self.postings.drop_spare()
        self.logs.drop_spare()


def row_count(home: Place) -> int:
    """How many rows of a trace there are, wherever they lie."""
    segment, trace = home
    if trace not in segment.guests:
        return segment.row_count(trace)
    return sum(place.row_count(number) for place, number in segment.places_of(trace))


def living_counts(segments: Iterable[Segment]) -> tuple[int, int]:
    """How many traces live in these segments, and their spans."""
    traces = spans = 0
    for segment in segments:
        lives_here = segment.traces["lives_here"] > 0
        traces += int(np.count_nonzero(lives_here))
        spans += int(segment.traces["span_count"][lives_here].sum())
    return traces, spans


def by_segment(homes: Sequence[Place]) -> Iterator[tuple[Segment, Indexes, Indexes]]:
    """The segments that traces live in, each with the places of its traces in ``homes`` and their numbers."""
    segment_numbers = np.array([segment.number for segment, _ in homes])
    numbers = np.array([number for _, number in homes])
    for segment in {segment.number: segment for segment, _ in homes}.values():
        mine = np.flatnonzero(segment_numbers == segment.number)
        yield segment, mine, numbers[mine]
