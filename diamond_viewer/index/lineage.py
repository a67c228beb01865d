"""Who stands below whom, for many traces at once: parents of rows, and the nearest ancestor of a sort.

Ancestors are found by pointer jumping: each step doubles how far a row looks, so that a chain of 50,000 spans takes 16 steps.
"""

import secrets

import numpy as np
import numpy.typing as npt

from diamond_viewer.index.columns import Column, Indexes

# odd and random for each process: nobody can write ids that fall together on purpose
_MIX_SPAN = np.uint64(secrets.randbits(64) | 1)


def parents(traces: Column, span_ids: Column, parent_ids: Column) -> Indexes:
    """For each row the row of its parent; the number of rows for those without one, and once more at the end.

    Parents that are absent and spans of a circle count as having none: the result is a forest. Of spans that share an id
    the first is the parent.
    """
    count = len(traces)
    found = np.full(count + 1, count, np.int64)
    children = np.flatnonzero(parent_ids != 0)
    if not len(children):
        return found
    # the trace in the high bits: what is looked up next stands close to what was looked up last
    trace_bits = np.uint64(max(1, int(traces.max()).bit_length()))
    high = traces.astype(np.uint64) << np.uint64(64) - trace_bits
    keys = high | span_ids * _MIX_SPAN >> trace_bits
    order = np.argsort(keys, kind="stable")
    place = np.searchsorted(keys[order], high[children] | parent_ids[children] * _MIX_SPAN >> trace_bits)
    parent = order[np.minimum(place, count - 1)]
    held = (span_ids[parent] == parent_ids[children]) & (traces[parent] == traces[children])
    found[children[held]] = parent[held]
    return _without_circles(found)


def _without_circles(found: Indexes) -> Indexes:
    count = len(found) - 1
    far, steps = found, 1
    while steps <= count and np.any(far[:count] != count):
        far, steps = far[far], 2 * steps
    circling = np.unique(far[far != count])  # who has not arrived by now goes round: far runs over all of each circle
    if not len(circling):
        return found
    found = found.copy()
    found[circling] = count
    return found


def nearest(forest: Indexes, is_wanted: npt.NDArray[np.bool_]) -> Indexes:
    """For each row itself or the nearest row above it that is wanted; the number of rows for none, and once more at the end."""
    found = forest.copy()
    rows = np.flatnonzero(is_wanted)
    found[rows] = rows
    while True:
        further = found[found]
        if np.array_equal(further, found):
            return found
        found = further


def distinct_tuples(columns: list[Column]) -> tuple[Indexes, Indexes]:
    """Like ``np.unique(axis=0)`` over columns side by side: the first row of each distinct tuple, and which each row has."""
    which = np.zeros(len(columns[0]), np.int64)
    firsts = np.zeros(min(1, len(which)), np.int64)
    for column in columns:
        _, codes = np.unique(column, return_inverse=True)
        size = int(codes.max(initial=0)) + 1
        _, firsts, which = np.unique(which * size + codes, return_index=True, return_inverse=True)
    return firsts, which


def most_frequent(which: Indexes, count: int, limit: int) -> tuple[Indexes, Indexes]:
    """Of ``count`` things the ``limit`` that come most often, and which of those each row has; ``limit`` is all the others.

    >>> [found.tolist() for found in most_frequent(np.array([0, 2, 1, 2, 0]), 3, 2)]
    [[0, 2], [0, 1, 2, 1, 0]]
    """
    if count <= limit:
        return np.arange(count), which
    kept = np.sort(np.argsort(-np.bincount(which, minlength=count), kind="stable")[:limit])
    number = np.full(count, limit, np.int64)
    number[kept] = np.arange(limit)
    return kept, number[which]
