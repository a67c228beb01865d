"""Time in equal buckets, for series beside figures."""

from dataclasses import dataclass

import numpy as np

from diamond_viewer.index.columns import Column, Indexes
from diamond_viewer.query.terms import Overlaps
from diamond_viewer.telemetry.tallies import SERIES_BUCKETS

STRAY_PERCENT = 2


@dataclass(frozen=True, slots=True)
class Buckets:
    start_ns: int
    width_ns: int

    def counts(self, start_ns: Column, groups: Indexes, group_count: int) -> Indexes:
        """How many of each group begin in each bucket; those outside are in none."""
        bucket = (start_ns - self.start_ns) // self.width_ns
        inside = (bucket >= 0) & (bucket < SERIES_BUCKETS)
        places = groups[inside] * SERIES_BUCKETS + bucket[inside]
        found = np.bincount(places, minlength=group_count * SERIES_BUCKETS)
        return found.reshape(group_count, SERIES_BUCKETS)


def buckets_over(window: Overlaps, now_ns: int, start_ns: Column) -> Buckets:
    """Over the window; an open end is the first or last of ``start_ns``, or now when only the beginning is given.

    One job of this morning among many requests of this minute would leave the reader a single bar: when no beginning is
    given and 98 % lie in the last third of the time, the buckets begin where those do.
    """
    known = start_ns[start_ns > 0]
    first_ns = window.since_ns if window.since_ns is not None else int(known.min(initial=2**63 - 1))
    last_ns = window.until_ns if window.until_ns is not None else now_ns if window.since_ns is not None else None
    if last_ns is None:
        last_ns = int(known.max(initial=0))
    if window.since_ns is None and len(known):
        rank = len(known) * STRAY_PERCENT // 100
        crowded_ns = int(np.partition(known, rank)[rank])
        if (last_ns - crowded_ns) * 3 <= last_ns - first_ns:
            first_ns = crowded_ns
    if last_ns < first_ns:
        return Buckets(min(first_ns, max(last_ns, 0)), 1)
    return Buckets(min(first_ns, 2**62), max(1, -(-(last_ns - first_ns + 1) // SERIES_BUCKETS)))
