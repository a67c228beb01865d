"""Matching traces over time, and by how long they last. Called under the store's lock; what they return are values."""

import numpy as np

from diamond_viewer.index.answers import Matches, joined
from diamond_viewer.index.columns import Column
from diamond_viewer.query.query import Query
from diamond_viewer.telemetry.model import FLAG_NAMES, Flag, Histogram, Scatter, ScatterCell
from diamond_viewer.telemetry.scale import log_edges

_FLAGS = np.arange(1 << max(FLAG_NAMES.values()).bit_length())
_KIND_OF_FLAGS = np.where(_FLAGS & Flag.ERROR.value, 2, np.where(_FLAGS & Flag.AUTH_FAILURE.value, 1, 0))


def histogram(matches: Matches, query: Query, now_ns: int, buckets: int) -> Histogram:
    """See ``TraceStore.histogram``. Traces that began before the window stand in its first bucket."""
    first_ns, width_ns, bucket = _buckets(matches, query, now_ns, buckets)
    kind = _kinds(matches)[: len(bucket)]  # no buckets when the window ends before it begins
    counts = np.bincount(kind * buckets + bucket, minlength=3 * buckets).reshape(3, buckets)
    ok, auth, error = (tuple(of_kind.tolist()) for of_kind in counts)
    return Histogram(first_ns, width_ns, ok, auth, error)


def scatter(matches: Matches, query: Query, now_ns: int, columns: int, rows: int) -> Scatter:
    """See ``TraceStore.scatter``."""
    first_ns, width_ns, column = _buckets(matches, query, now_ns, columns)
    if not len(column):
        return Scatter(first_ns, width_ns, log_edges(1, 1, rows))
    duration_ns = joined(matches, "end_ns") - joined(matches, "start_ns")
    edges_ns = log_edges(int(duration_ns.min()), int(duration_ns.max()), rows)
    row = np.clip(np.searchsorted(edges_ns, duration_ns, side="right") - 1, 0, rows - 1)
    counts = np.bincount((column * rows + row) * 3 + _kinds(matches), minlength=columns * rows * 3).reshape(-1, 3)
    cells = tuple(
        ScatterCell(cell // rows, cell % rows, *counts[cell].tolist())
        for cell in np.flatnonzero(counts.any(axis=1)).tolist()
    )
    return Scatter(first_ns, width_ns, edges_ns, cells)


def _buckets(matches: Matches, query: Query, now_ns: int, count: int) -> tuple[int, int, Column]:
    """Where the first bucket begins, how wide each is, and the bucket of every match."""
    start_ns = joined(matches, "start_ns")
    window = query.window(now_ns)
    first_ns = window.since_ns if window.since_ns is not None else int(start_ns.min(initial=2**63 - 1))
    last_ns = window.until_ns if window.until_ns is not None else now_ns if window.since_ns is not None else None
    if last_ns is None:
        last_ns = int(start_ns.max(initial=0))
    if not len(start_ns) or last_ns < first_ns:
        return min(first_ns, last_ns), 1, np.empty(0, np.int64)
    width_ns = max(1, -(-(last_ns - first_ns + 1) // count))
    bucket: Column = np.clip((start_ns - min(first_ns, 2**63 - 1)) // width_ns, 0, count - 1)
    return first_ns, width_ns, bucket


def _kinds(matches: Matches) -> Column:
    """0 ok, 1 failed sign-in, 2 error, of every match."""
    kinds: Column = np.take(_KIND_OF_FLAGS, joined(matches, "flags", np.uint16))
    return kinds
