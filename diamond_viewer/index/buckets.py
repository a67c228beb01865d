"""Time in equal buckets, for series beside figures."""

from dataclasses import dataclass

import numpy as np

from diamond_viewer.index.columns import Column, Indexes
from diamond_viewer.query.terms import Overlaps
from diamond_viewer.telemetry.tallies import SERIES_BUCKETS


@dataclass(frozen=True, slots=True)
class Buckets:
    start_ns: int
    width_ns: int

    def counts(self, start_ns: Column, groups: Indexes, group_count: int) -> Indexes:
        """How many of each group begin in each bucket; those outside stand in the nearest."""
        bucket = np.clip((start_ns - self.start_ns) // self.width_ns, 0, SERIES_BUCKETS - 1)
        found = np.bincount(groups * SERIES_BUCKETS + bucket, minlength=group_count * SERIES_BUCKETS)
        return found.reshape(group_count, SERIES_BUCKETS)


def buckets_over(window: Overlaps, now_ns: int, start_ns: Column) -> Buckets:
    """Over the window; an open end is the first or last of ``start_ns``, or now when only the beginning is given."""
    known = start_ns[start_ns > 0]
    first_ns = window.since_ns if window.since_ns is not None else int(known.min(initial=2**63 - 1))
    last_ns = window.until_ns if window.until_ns is not None else now_ns if window.since_ns is not None else None
    if last_ns is None:
        last_ns = int(known.max(initial=0))
    if last_ns < first_ns:
        return Buckets(min(first_ns, max(last_ns, 0)), 1)
    return Buckets(min(first_ns, 2**62), max(1, -(-(last_ns - first_ns + 1) // SERIES_BUCKETS)))
