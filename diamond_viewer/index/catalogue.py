"""What is said of each trace, worked out from the packed rows of its spans, for many traces at once."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diamond_viewer.index.columns import Column, Indexes, is_among
from diamond_viewer.telemetry.model import KIND_SERVER, Flag

MAX_TIME_NS = np.int64(2**63 - 1)

# marks of one span: the trace's flags, and in the place of INCOMPLETE, which no single span can be:
BUFFERED_ONCE = 128
SPAN_FLAGS = np.uint8(255 & ~BUFFERED_ONCE)

# traits of one span
DATABASE = 1
ROUTE_IS_PATH = 2
DROPPING = 4  # the SDK dropped some of its attributes, events or links

_ROW_KEY = np.uint64(0x9E3779B97F4A7C15)  # any odd number: keeps equal span ids of two traces apart
_ID_KEY = np.uint64(0xC2B2AE3D27D4EB4F)

Rows = Mapping[str, Column]


@dataclass(frozen=True, slots=True)
class Assembly:
    """One value per trace. ``naming_rows`` and ``route_rows`` and ``status_rows`` point into the rows (-1: none)."""

    start_ns: npt.NDArray[np.int64]
    end_ns: npt.NDArray[np.int64]
    span_count: npt.NDArray[np.int64]
    error_count: npt.NDArray[np.int64]
    event_count: npt.NDArray[np.int64]
    flags: npt.NDArray[np.uint16]
    naming_rows: Indexes
    route_rows: Indexes
    status_rows: Indexes


def assemble(rows: Rows, starts: Indexes, bare_names: npt.NDArray[np.bool_]) -> Assembly:
    """``rows`` are columns sorted by trace; trace ``i`` has the rows from ``starts[i]`` to ``starts[i + 1]``.

    ``bare_names`` says which rows are called only GET or POST. The rules are those of the interface page: start is the
    earliest start, end the latest end, spans without any time count for neither; the name is the root's, without a root that
    of the earliest span whose parent is absent. In a circle without beginning it is the earliest span's.
    """
    count = len(rows["start_ns"])
    group = np.repeat(np.arange(len(starts)), np.diff(starts, append=count))
    has_time = rows["start_ns"] > 0
    start_ns = np.where(has_time, rows["start_ns"], MAX_TIME_NS)
    end_ns = np.where(has_time, rows["start_ns"] + rows["duration_ns"], 0)
    first_ns = np.minimum.reduceat(start_ns, starts)
    first_ns[~np.logical_or.reduceat(has_time, starts)] = 0

    is_root = rows["parent_id"] == 0
    row_key = group.astype(np.uint64) * _ROW_KEY
    is_orphan = ~is_root & ~is_among(row_key ^ rows["parent_id"] * _ID_KEY, row_key ^ rows["span_id"] * _ID_KEY)
    has_root = np.logical_or.reduceat(is_root, starts)
    incomplete = ~has_root | np.logical_or.reduceat(is_orphan, starts)

    flags = (np.bitwise_or.reduceat(rows["marks"], starts) & SPAN_FLAGS).astype(np.uint16)
    buffered = np.add.reduceat((rows["marks"] & BUFFERED_ONCE) > 0, starts, dtype=np.int64)
    flags[buffered >= 2] |= Flag.BUFFERING.value
    flags[incomplete] |= Flag.INCOMPLETE.value

    rank = np.where(is_root, 0, np.where(is_orphan, 1, 2))
    # only rows of their trace's best rank can name it: mostly the root alone, so little is left to be sorted
    best = np.flatnonzero(rank == np.minimum.reduceat(rank, starts)[group])
    best = best[np.lexsort((rows["span_id"][best], start_ns[best], ~has_time[best], group[best]))]
    naming_rows = best[np.searchsorted(group[best], np.arange(len(starts)))]
    route_rows, status_rows = _answers({**rows, "start_ns": start_ns}, starts, naming_rows, bare_names)
    return Assembly(
        start_ns=first_ns,
        end_ns=np.maximum(np.maximum.reduceat(end_ns, starts), first_ns),
        span_count=np.diff(starts, append=count),
        error_count=np.add.reduceat((rows["marks"] & Flag.ERROR.value) > 0, starts, dtype=np.int64),
        event_count=np.add.reduceat(rows["event_count"], starts, dtype=np.int64),
        flags=flags,
        naming_rows=naming_rows,
        route_rows=route_rows,
        status_rows=status_rows,
    )


def _answers(
    rows: Rows, starts: Indexes, naming_rows: Indexes, bare_names: npt.NDArray[np.bool_]
) -> tuple[Indexes, Indexes]:
    """The row whose route makes a bare name useful, and the row whose HTTP status the trace answered with.

    A route pattern beats a plain path; the naming span itself beats its nearest server span.
    """
    own_status = rows["http_status"][naming_rows] > 0
    has_route = rows["route"] > 0
    is_pattern = has_route & ((rows["traits"] & ROUTE_IS_PATH) == 0)
    needs_route = bare_names[naming_rows]
    own_pattern = needs_route & is_pattern[naming_rows]
    route_rows = np.where(own_pattern, naming_rows, -1)
    status_rows = np.where(own_status, naming_rows, -1)

    group = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(has_route)))
    is_server = rows["kind"] == KIND_SERVER
    is_server[naming_rows] = False
    below = is_server & (rows["parent_id"] == rows["span_id"][naming_rows][group])
    _take_earliest(route_rows, rows, group, below & is_pattern & (needs_route & (route_rows < 0))[group])
    _take_earliest(status_rows, rows, group, below & (rows["http_status"] > 0) & (status_rows < 0)[group])

    # few are left: their servers stand further down, or only a path is known
    serves = np.logical_or.reduceat(is_server & (has_route | (rows["http_status"] > 0)), starts)
    wants = np.flatnonzero(serves & ((needs_route & (route_rows < 0)) | (status_rows < 0)))
    ends = np.append(starts[1:], len(is_server))
    for trace in wants.tolist():
        low, high, naming_row = int(starts[trace]), int(ends[trace]), int(naming_rows[trace])
        nearest = _servers_by_distance(rows, is_server, low, high, naming_row)
        if needs_route[trace] and route_rows[trace] < 0:
            route_rows[trace] = next((row for row in nearest if is_pattern[row]), -1)
            if route_rows[trace] < 0 and not has_route[naming_row]:
                route_rows[trace] = next((row for row in nearest if has_route[row]), -1)
        if status_rows[trace] < 0:
            status_rows[trace] = next((row for row in nearest if rows["http_status"][row]), -1)
    own_path = needs_route & (route_rows < 0) & has_route[naming_rows]
    route_rows[own_path] = naming_rows[own_path]
    return route_rows, status_rows


def _take_earliest(taken: Indexes, rows: Rows, group: Indexes, candidates: npt.NDArray[np.bool_]) -> None:
    """For each trace with candidates write the row that starts first (ties by span id) into ``taken``."""
    found = np.flatnonzero(candidates)
    found = found[np.lexsort((rows["span_id"][found], rows["start_ns"][found], group[found]))]
    traces, first = np.unique(group[found], return_index=True)
    taken[traces] = found[first]


def _servers_by_distance(
    rows: Rows, is_server: npt.NDArray[np.bool_], low: int, high: int, naming_row: int
) -> list[int]:
    """Server spans of one trace by hops below the naming span, then by start, then by id; only those below it."""
    span_ids = rows["span_id"][low:high].tolist()
    parent_ids = rows["parent_id"][low:high].tolist()
    parents = dict(zip(span_ids, parent_ids, strict=True))
    distances = {span_ids[naming_row - low]: 0}
    unconnected = high - low + 1
    order = []
    for row in (np.flatnonzero(is_server[low:high]) + low).tolist():
        path, span_id = [], span_ids[row - low]
        while span_id in parents and span_id not in distances:
            distances[span_id] = unconnected  # until a way up is found; also ends the walk in a circle
            path.append(span_id)
            span_id = parents[span_id]
        hops = distances.get(span_id, unconnected)
        for step in reversed(path):
            hops = min(hops + 1, unconnected)
            distances[step] = hops
        order.append((distances[span_ids[row - low]], int(rows["start_ns"][row]), span_ids[row - low], row))
    return [row for hops, *_, row in sorted(order) if hops < unconnected]
