"""BusyTime: when nearly all matching traces began. One old job among them must not stretch a chart, nor a rate."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from diamond_viewer.query.query import Query
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import Histogram
from diamond_viewer.telemetry.units import format_rfc3339

BUCKETS = 60
OUTSIDE_SHARE = 0.02  # it is where all traces began but these, ...
FEW = 5  # ... and of so many or more one at least may be outside; ...
CROWDED_BUCKETS = BUCKETS // 3  # ... when that is at most a third of the time
MAX_ZOOMS = 6


@dataclass(frozen=True, slots=True)
class BusyTime:
    """``histogram`` over it, and the ``query`` with it as its window. ``count`` traces began then, ``earlier`` before it: the
    histogram has those of them that lasted into it in its first bucket. ``is_whole``: that is the whole time of the query,
    because it has a window or because its traces are spread over it."""

    histogram: Histogram
    query: Query
    count: int
    earlier: int
    is_whole: bool

    @property
    def totals(self) -> list[int]:
        return totals_of(self.histogram)

    @property
    def width_ns(self) -> int:
        return self.histogram.width_ns * len(self.histogram.ok)


def is_spread(query: Query, store: TraceStore, now_ns: int) -> bool:
    """Whether the busy time is the whole time of the query, for who needs no more: one histogram, none for a window."""
    if _has_window(query):
        return True
    histogram = store.histogram(query, now_ns, BUCKETS)
    totals = totals_of(histogram)
    return _crowded_from(histogram, totals, _least(sum(totals))) is None


def busy_time(query: Query, store: TraceStore, now_ns: int) -> BusyTime:
    """The newest part of the time as long as nearly all traces are in a third of it or less; all of it when the reader set a
    window."""
    histogram = store.histogram(query, now_ns, BUCKETS)
    earlier, shown = 0, query
    if _has_window(query):
        return BusyTime(histogram, query, sum(totals_of(histogram)), 0, is_whole=True)
    count = sum(totals_of(histogram))
    least = _least(count)
    for _ in range(MAX_ZOOMS):
        totals = totals_of(histogram)
        totals[0] = max(0, totals[0] - (sum(totals) - count))  # without those that began before it
        first = _crowded_from(histogram, totals, least)
        if first is None:
            break
        inside = sum(totals[first:])
        zoomed = replace(query, page=1, anchor=None)
        since_ns = histogram.start_ns + first * histogram.width_ns
        zoomed = zoomed.with_values("since", format_rfc3339(since_ns))
        zoomed = zoomed.with_values("until", format_rfc3339(histogram.start_ns + len(totals) * histogram.width_ns))
        earlier += count - inside
        count = inside
        histogram, shown = store.histogram(zoomed, now_ns, BUCKETS), zoomed
    return BusyTime(histogram, shown, count, earlier, is_whole=shown is query)


def _has_window(query: Query) -> bool:
    return bool(query.value("since") or query.value("until"))


def _least(count: int) -> int:
    """How many of so many traces must lie in the busy time."""
    return count - max(int(count >= FEW), int(OUTSIDE_SHARE * count))


def _crowded_from(histogram: Histogram, totals: Sequence[int], least: int) -> int | None:
    """The bucket from which on that many traces began; None when they need more than a third of the time, or no time at all."""
    first, inside = len(totals), 0
    while first > 0 and inside < least:
        first -= 1
        inside += totals[first]
    is_crowded = len(totals) - first <= CROWDED_BUCKETS and histogram.width_ns > 1_000_000
    return first if is_crowded else None


def totals_of(histogram: Histogram) -> list[int]:
    return [sum(counts) for counts in zip(histogram.ok, histogram.auth, histogram.error, strict=True)]
