"""Buckets: powers of a base at different scales, mixtures, and the error that a percentile is given with."""

import math
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.telemetry.distribution import (
    ExplicitBuckets,
    ExponentialBuckets,
    is_below,
    minus,
    percentile,
    plus,
    ranges_of,
)


def exponential(values: list[float], scale: int) -> ExponentialBuckets:
    """As the data model defines it: ``ceil(log_base(value)) - 1`` is the index."""
    counts: dict[bool, dict[int, int]] = {True: {}, False: {}}
    for value in values:
        if value:
            index = math.ceil(math.log2(abs(value)) * 2.0**scale) - 1
            counts[value > 0][index] = counts[value > 0].get(index, 0) + 1
    positive, negative = (tuple(sorted(counts[sign].items())) for sign in (True, False))
    return ExponentialBuckets(scale, values.count(0), 0.0, positive, negative)


sizes = st.floats(1e-6, 1e6).map(lambda value: float(f"{value:.3g}") * 1.0001)  # not on an edge, where logs are rounded
values_st = st.lists(st.one_of(sizes, sizes.map(lambda value: -value), st.just(0.0)), min_size=1, max_size=40)


@given(values_st, values_st, st.integers(-2, 6), st.integers(-2, 6), st.sampled_from([1, 50, 90, 99]))
def test_exponential_histograms_of_two_scales_add_up(
    one: list[float], two: list[float], scale: int, other_scale: int, percent: int
) -> None:
    both = plus(exponential(one, scale), exponential(two, other_scale))
    assert both is not None
    found = percentile(ranges_of(both), percent)
    exact = sorted(one + two)[-(-percent * len(one + two) // 100) - 1]
    assert found.low * (1 - 1e-9) - 1e-12 <= exact or exact < 0
    assert found.low - abs(found.low) * 1e-9 <= exact <= found.high + abs(found.high) * 1e-9
    assert minus(both, exponential(two, other_scale)) == plus(
        exponential(one, scale), ExponentialBuckets(other_scale, 0, 0.0, ())
    )


def test_what_was_counted_in_different_buckets_is_asked_together() -> None:
    mixed = [(0.0, 10.0, 5), (10.0, 20.0, 5), (5.0, 15.0, 10)]
    found = percentile(mixed, 50)
    assert (found.low, found.high) == (5.0, 15.0)


@pytest.mark.parametrize(
    ("counts", "percent", "low", "high", "found"),
    [
        ((4, 0, 0, 0), 50, -inf, inf, (0, 5, 10)),
        ((0, 0, 0, 3), 99, -inf, inf, (1000, 1000, inf)),
        ((0, 0, 0, 3), 99, -inf, 1600, (1000, 1594, 1600)),
        ((0, 2, 0, 0), 100, 40, 60, (40, 60, 60)),
    ],
    ids=["a first bucket begins at 0", "above all bounds", "below the maximum", "between minimum and maximum"],
)
def test_the_ends_of_the_scale(
    counts: tuple[int, ...], percent: float, low: float, high: float, found: tuple[float, float, float]
) -> None:
    given_ranges = ranges_of(ExplicitBuckets((10, 100, 1000), counts), low, high)
    one = percentile(given_ranges, percent)
    assert (one.low, round(one.estimate) if one.estimate != 1594 else 1594, one.high) == pytest.approx(found, rel=0.01)


def test_other_bounds_are_another_beginning() -> None:
    assert is_below(ExplicitBuckets((1,), (5, 5)), ExplicitBuckets((2,), (1, 1)))
    assert plus(ExplicitBuckets((1,), (5, 5)), ExplicitBuckets((2,), (1, 1))) is None


def test_scales_that_no_float_can_hold_are_infinite_not_errors() -> None:
    assert ranges_of(ExponentialBuckets(-20, 0, 0.0, ((1, 3),))) == [(inf, inf, 3)]
