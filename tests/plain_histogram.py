"""Percentiles and histograms by plain loops."""

from collections import Counter
from collections.abc import Iterable

from diamond_viewer.telemetry.model import FacetValues, Flag, Histogram, TraceSummary


def nearest_rank(ordered: list[int], percent: int) -> int:
    """The value at rank ``ceil(percent / 100 * n)``, counted from 1; 0 of nothing.

    >>> [nearest_rank([10, 20, 30, 40], percent) for percent in (50, 75, 99)]
    [20, 30, 40]
    """
    return ordered[-(-percent * len(ordered) // 100) - 1] if ordered else 0


def histogram_of(rows: Iterable[TraceSummary], start_ns: int, width_ns: int, buckets: int) -> Histogram:
    """Rows into given buckets; those that start outside all of them into the nearest."""
    counts = {"ok": [0] * buckets, "auth": [0] * buckets, "error": [0] * buckets}
    for row in rows:
        bucket = min(max((row.start_ns - start_ns) // width_ns, 0), buckets - 1)
        colour = "error" if row.flags & Flag.ERROR else "auth" if row.flags & Flag.AUTH_FAILURE else "ok"
        counts[colour][bucket] += 1
    return Histogram(start_ns, width_ns, tuple(counts["ok"]), tuple(counts["auth"]), tuple(counts["error"]))


def most_carried(traces: Iterable[set[str]], limit: int) -> FacetValues:
    """What most of the traces carry, ties by value."""
    counts = Counter(value for carried in traces for value in carried)
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:limit])
