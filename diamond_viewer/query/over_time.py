"""Traces over time, by how long they last, by their flags: what every store counts from columns of starts, durations and flags.

A column is a numpy array with a place for each trace, in any order.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from diamond_viewer.query.terms import Overlaps
from diamond_viewer.telemetry.model import FLAG_NAMES, FacetValues, Flag, Histogram, Scatter, ScatterCell
from diamond_viewer.telemetry.scale import log_edges

Column = npt.NDArray[np.int64]

_COMBINATIONS = 1 << max(FLAG_NAMES.values()).bit_length()
_FLAGS = np.arange(_COMBINATIONS)
_KIND_OF_FLAGS = np.where(_FLAGS & Flag.ERROR.value, 2, np.where(_FLAGS & Flag.AUTH_FAILURE.value, 1, 0))


def histogram_of(start_ns: Column, flags: Column, window: Overlaps, now_ns: int, buckets: int) -> Histogram:
    """See ``TraceStore.histogram``. Traces that began before the window stand in its first bucket."""
    first_ns, width_ns, bucket = _buckets(start_ns, window, now_ns, buckets)
    kind = np.take(_KIND_OF_FLAGS, flags)[: len(bucket)]  # no buckets when the window ends before it begins
    counts = np.bincount(kind * buckets + bucket, minlength=3 * buckets).reshape(3, buckets)
    ok, auth, error = (tuple(of_kind.tolist()) for of_kind in counts)
    return Histogram(first_ns, width_ns, ok, auth, error)


def scatter_of(
    start_ns: Column, duration_ns: Column, flags: Column, window: Overlaps, now_ns: int, columns: int, rows: int
) -> Scatter:
    """See ``TraceStore.scatter``."""
    first_ns, width_ns, column = _buckets(start_ns, window, now_ns, columns)
    if not len(column):
        return Scatter(first_ns, width_ns, log_edges(1, 1, rows))
    edges_ns = log_edges(int(duration_ns.min()), int(duration_ns.max()), rows)
    row = np.clip(np.searchsorted(edges_ns, duration_ns, side="right") - 1, 0, rows - 1)
    kinds = np.take(_KIND_OF_FLAGS, flags)
    counts = np.bincount((column * rows + row) * 3 + kinds, minlength=columns * rows * 3).reshape(-1, 3)
    cells = tuple(
        ScatterCell(cell // rows, cell % rows, *counts[cell].tolist())
        for cell in np.flatnonzero(counts.any(axis=1)).tolist()
    )
    return Scatter(first_ns, width_ns, edges_ns, cells)


def count_flags(columns: Sequence[npt.NDArray[np.integer]]) -> dict[str, int]:
    """How many traces have each flag. All combinations are counted in one pass: there are 1,024 at most."""
    counts = np.zeros(_COMBINATIONS, np.int64)
    for flags in columns:
        counts += np.bincount(flags, minlength=_COMBINATIONS)
    return {name: int(counts[(_FLAGS & bit.value) > 0].sum()) for name, bit in FLAG_NAMES.items()}


def nearest_ranks(values: npt.NDArray[np.integer], percents: Sequence[int]) -> list[int]:
    """Percentiles by nearest rank: the smallest value that at least this share of the values does not exceed."""
    ranks = [max(0, -(-percent * len(values) // 100) - 1) for percent in percents]
    found = np.partition(values, ranks)
    return [int(found[rank]) for rank in ranks]


def most_frequent(counts: Mapping[str, int], limit: int) -> FacetValues:
    """Most frequent first, ties by value; nothing that was counted as 0."""
    if len(counts) > 4 * limit:  # sorting ten thousand users takes longer than leaving out those that cannot be shown
        numbers = np.fromiter(counts.values(), np.int64, len(counts))
        least = int(np.partition(numbers, len(numbers) - limit)[len(numbers) - limit])
        counts = {value: count for value, count in counts.items() if count >= least}
    found = sorted(((value, count) for value, count in counts.items() if count), key=lambda pair: (-pair[1], pair[0]))
    return tuple(found[:limit])


def _buckets(start_ns: Column, window: Overlaps, now_ns: int, count: int) -> tuple[int, int, Column]:
    """Where the first bucket begins, how wide each is, and the bucket of every match."""
    first_ns = window.since_ns if window.since_ns is not None else int(start_ns.min(initial=2**63 - 1))
    last_ns = window.until_ns if window.until_ns is not None else now_ns if window.since_ns is not None else None
    if last_ns is None:
        last_ns = int(start_ns.max(initial=0))
    if not len(start_ns) or last_ns < first_ns:
        return min(first_ns, last_ns), 1, np.empty(0, np.int64)
    width_ns = max(1, -(-(last_ns - first_ns + 1) // count))
    bucket: Column = np.clip((start_ns - min(first_ns, 2**63 - 1)) // width_ns, 0, count - 1)
    return first_ns, width_ns, bucket
