"""Distributions in buckets: explicit bounds or powers of a base, added, subtracted, and asked for percentiles with their error.

Source: OTLP metrics data model, "Histogram" and "ExponentialHistogram": an explicit bucket holds ``(bound before, bound]``; at
scale ``s`` the bucket of index ``i`` holds ``(2**(i / 2**s), 2**((i + 1) / 2**s)]``.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, inf, isfinite

import msgspec

MAX_EXPONENT = 1024.0  # of two: beyond it a float is infinite


class ExplicitBuckets(msgspec.Struct, frozen=True, gc=False):
    """``counts`` has one more than ``bounds``: the last holds what is above all of them."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]


class ExponentialBuckets(msgspec.Struct, frozen=True, gc=False):
    """Indexes and counts of the buckets that hold anything, ascending; negative ones are mirrored."""

    scale: int
    zero_count: int
    zero_threshold: float
    positive: tuple[tuple[int, int], ...]
    negative: tuple[tuple[int, int], ...] = ()


Buckets = ExplicitBuckets | ExponentialBuckets
Range = tuple[float, float, int]  # low, high, how many lie between


@dataclass(frozen=True, slots=True)
class Percentile:
    """The value lies surely in ``[low, high]``; ``estimate`` as if each bucket were filled evenly. Nothing counted: NaN."""

    estimate: float
    low: float
    high: float


def plus(one: Buckets | None, two: Buckets | None) -> Buckets | None:
    """None when the two cannot be added: different bounds, or different kinds."""
    return _combined(one, two, 1)


def minus(one: Buckets | None, two: Buckets | None) -> Buckets | None:
    """What ``one`` counted beyond ``two``; None when they cannot be compared."""
    return _combined(one, two, -1)


def is_below(one: Buckets | None, two: Buckets | None) -> bool:
    """Whether a bucket of ``one`` holds less than it held in ``two``: counting has begun anew."""
    difference = minus(one, two)
    if isinstance(difference, ExplicitBuckets):
        return min(difference.counts) < 0
    if isinstance(difference, ExponentialBuckets):
        counts = [count for _, count in difference.positive + difference.negative]
        return min([*counts, difference.zero_count]) < 0
    return one is not None and two is not None  # not to be compared: other bounds are another beginning


def _combined(one: Buckets | None, two: Buckets | None, sign: int) -> Buckets | None:
    if isinstance(one, ExplicitBuckets) and isinstance(two, ExplicitBuckets):
        if one.bounds != two.bounds:
            return None
        counts = tuple(a + sign * b for a, b in zip(one.counts, two.counts, strict=True))
        return ExplicitBuckets(one.bounds, counts)
    if isinstance(one, ExponentialBuckets) and isinstance(two, ExponentialBuckets):
        scale = min(one.scale, two.scale)
        return ExponentialBuckets(
            scale,
            one.zero_count + sign * two.zero_count,
            max(one.zero_threshold, two.zero_threshold),
            *(
                _added(_rescaled(of_one, one.scale - scale), _rescaled(of_two, two.scale - scale), sign)
                for of_one, of_two in ((one.positive, two.positive), (one.negative, two.negative))
            ),
        )
    return None


def _rescaled(buckets: tuple[tuple[int, int], ...], steps: int) -> Mapping[int, int]:
    """Two neighbours become one with each step, as the data model defines it.

    >>> _rescaled(((-3, 1), (-2, 1), (0, 2), (1, 1)), 1)
    Counter({0: 3, -2: 1, -1: 1})
    """
    counts: Counter[int] = Counter()
    for index, count in buckets:
        counts[index >> steps] += count
    return counts


def _added(one: Mapping[int, int], two: Mapping[int, int], sign: int) -> tuple[tuple[int, int], ...]:
    sums = {index: one.get(index, 0) + sign * two.get(index, 0) for index in one.keys() | two.keys()}
    return tuple(sorted((index, count) for index, count in sums.items() if count))


def ranges_of(buckets: Buckets, low: float = -inf, high: float = inf) -> list[Range]:
    """Where the counted values lie, ascending; nothing lies outside of ``[low, high]``, where that is known.

    Without a known minimum a first bucket of positive bound begins at 0, as every tool for durations assumes.

    >>> ranges_of(ExplicitBuckets((5, 10), (1, 0, 2)), high=30)
    [(0, 5, 1), (10, 30, 2)]
    """
    if isinstance(buckets, ExplicitBuckets):
        first = 0 if not isfinite(low) and buckets.bounds and buckets.bounds[0] > 0 else -inf
        edges = (first, *buckets.bounds, inf)
        found = [(edges[at], edges[at + 1], count) for at, count in enumerate(buckets.counts) if count > 0]
    else:
        found = [(-_edge(index + 1, buckets.scale), -_edge(index, buckets.scale), n) for index, n in buckets.negative]
        found.reverse()
        if buckets.zero_count > 0:
            found.append((-buckets.zero_threshold, buckets.zero_threshold, buckets.zero_count))
        found += [(_edge(index, buckets.scale), _edge(index + 1, buckets.scale), n) for index, n in buckets.positive]
        found = [(a, b, n) for a, b, n in found if n > 0]
    return [(min(max(a, low), b), max(min(b, high), a), n) for a, b, n in found]


def _edge(index: int, scale: int) -> float:
    """``base ** index``."""
    exponent = index * 2.0**-scale if scale > -1024 else inf
    return 2.0**exponent if exponent < MAX_EXPONENT else inf


def percentile(ranges: Iterable[Range], percent: float) -> Percentile:
    """Nearest rank: the smallest value that at least this share of the counted values does not exceed.

    The k-th value lies between the k-th of all lower ends and the k-th of all upper ends, whatever mixture of buckets the
    counts come from: that is the error bound.

    >>> percentile([(0, 10, 50), (10, 20, 50)], 75)
    Percentile(estimate=15.0, low=10, high=20)
    """
    held = list(ranges)
    count = sum(n for _, _, n in held)
    if not count:
        return Percentile(float("nan"), float("nan"), float("nan"))
    rank = min(max(1, ceil(percent * count / 100 - 1e-9)), count)
    low, before, many = _kth(((a, n) for a, _, n in held), rank)
    high, _, _ = _kth(((b, n) for _, b, n in held), rank)
    if not isfinite(low) or not isfinite(high):
        estimate = low if isfinite(low) else high
    else:
        estimate = low + (high - low) * (rank - before) / many
    return Percentile(estimate, low, high)


def _kth(ends: Iterable[tuple[float, int]], rank: int) -> tuple[float, int, int]:
    """The end of that rank, how many lie before those that are equal to it, and how many are equal."""
    counts: Counter[float] = Counter()
    for end, many in ends:
        counts[end] += many
    before = 0
    for end, many in sorted(counts.items()):
        if before + many >= rank:
            return end, before, many
        before += many
    raise AssertionError("The rank is beyond what was counted.")
