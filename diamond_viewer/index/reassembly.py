"""Traces whose rows have changed: gather all their rows, work out the trace anew, write it where the trace lives."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from diamond_viewer.index.catalogue import assemble
from diamond_viewer.index.columns import Column, Indexes, rows_in
from diamond_viewer.index.segment import Place, Segment, by_segment
from diamond_viewer.index.told import CHANGED, flags_of
from diamond_viewer.telemetry.semconv import BARE_METHODS

_NEEDED = (
    "span_id", "parent_id", "start_ns", "duration_ns", "kind", "marks", "traits", "http_status", "event_count",
    "name", "route", "service",
)  # fmt: skip


def reassemble(homes: Sequence[Place]) -> None:
    """``homes`` says where each of the traces lives; none twice."""
    parts = [[(place, place.ranges_of(number)) for place, number in home.places_of(local)] for home, local in homes]
    counts = [sum(end - start for _, ranges in found for start, end in ranges) for found in parts]
    homes = [home for home, count in zip(homes, counts, strict=True) if count]
    counts = [count for count in counts if count]
    if homes:
        _write_down(homes, counts, _Gathered([part for found in parts for part in found]))


def reassemble_packed(segment: Segment) -> None:
    """All traces of a packed segment, none of which has rows elsewhere: theirs lie side by side already."""
    counts = [segment.row_count(trace) for trace in range(segment.traces.size)]
    homes = [(segment, trace) for trace, count in enumerate(counts) if count]
    if homes:
        gathered = _Gathered([(segment, [(0, segment.spans.size)])])
        _write_down(homes, [count for count in counts if count], gathered)


def _write_down(homes: Sequence[Place], counts: Sequence[int], gathered: "_Gathered") -> None:
    """``gathered`` has the rows of each trace side by side; ``counts`` says how many."""
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64)
    assembly = assemble(gathered.rows, starts, gathered.is_bare)
    names, services = gathered.names(homes, assembly.naming_rows, assembly.route_rows)
    columns: dict[str, Column] = {
        "start_ns": assembly.start_ns,
        "end_ns": assembly.end_ns,
        "span_count": assembly.span_count,
        "error_count": assembly.error_count,
        "event_count": assembly.event_count,
        "flags": assembly.flags,
        "name": names,
        "service": services,
        "http_status": np.where(
            assembly.status_rows >= 0, gathered.rows["http_status"][np.maximum(assembly.status_rows, 0)], 0
        ),
    }
    for segment, local in homes:
        segment.summaries.pop(local, None)
    for segment, mine, numbers in by_segment(homes):
        written = segment.trace_columns()
        for name, values in columns.items():
            written[name][numbers] = values[mine]
        written["flags"][numbers] |= flags_of(written["findings"][numbers])
        written["findings"][numbers] |= CHANGED


class _Gathered:
    """Rows of several segments side by side. Codes stay those of the segment that a row comes from."""

    def __init__(self, parts: list[tuple[Segment, Sequence[tuple[int, int]]]]) -> None:
        self._segments = list({segment.number: segment for segment, _ in parts}.values())
        at = {segment.number: place for place, segment in enumerate(self._segments)}
        owners, ranges = zip(*((at[segment.number], one) for segment, found in parts for one in found), strict=True)
        row_numbers = rows_in(ranges)
        self._owner = np.repeat(owners, [end - start for start, end in ranges])
        self.rows: dict[str, Column] = {}
        self.is_bare: npt.NDArray[np.bool_] = np.zeros(len(row_numbers), bool)
        for place, segment in enumerate(self._segments):
            mine = slice(None) if len(self._segments) == 1 else self._owner == place
            for name in _NEEDED:
                values = segment.spans[name][row_numbers[mine]]
                if name not in self.rows:
                    self.rows[name] = np.zeros(
                        len(row_numbers), np.int64 if values.dtype.itemsize < 8 else values.dtype
                    )
                self.rows[name][mine] = values
            bare_codes = [code for method in BARE_METHODS if (code := segment.dictionary.find(method))]
            self.is_bare[mine] = np.isin(self.rows["name"][mine], bare_codes)

    def names(self, homes: Sequence[Place], naming_rows: Indexes, route_rows: Indexes) -> tuple[Indexes, Indexes]:
        """Codes of each trace's name and service, in the dictionary of the segment it lives in."""
        names = self.rows["name"][naming_rows].copy()
        services = self.rows["service"][naming_rows].copy()
        foreign = (
            np.array([segment.number for segment, _ in homes])
            != np.array([segment.number for segment in self._segments])[self._owner[naming_rows]]
        )
        composed: dict[tuple[int, int], int] = {}
        for trace in np.flatnonzero(foreign | (route_rows >= 0)).tolist():
            dictionary = homes[trace][0].dictionary
            naming_row, route_row = int(naming_rows[trace]), int(route_rows[trace])
            if foreign[trace]:
                services[trace] = dictionary.intern(self._text("service", naming_row))
            pair = (int(names[trace]), int(self.rows["route"][route_row]) if route_row >= 0 else 0)
            if foreign[trace] or len(self._segments) > 1 or pair not in composed:
                text = self._text("name", naming_row)
                composed[pair] = dictionary.intern(
                    f"{text} {self._text('route', route_row)}" if route_row >= 0 else text
                )
            names[trace] = composed[pair]
        return names, services

    def _text(self, column: str, row: int) -> str:
        return self._segments[int(self._owner[row])].dictionary.texts[int(self.rows[column][row])]
