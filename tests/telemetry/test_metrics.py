"""What was added between two points: cumulative and delta, restarts of every sort, and what counts in a window."""

import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.index.metric_series import MetricSeries
from diamond_viewer.telemetry.metrics import SeriesPoints, added_up, percentile_of, within
from diamond_viewer.telemetry.otlp import decode_line
from tests.metric_lines import (
    CUMULATIVE,
    DELTA,
    SECOND_NS,
    T0_NS,
    buckets,
    counter,
    gauge,
    histogram,
    line,
    number,
)


def held(lines: Iterable[bytes], metric: str = "m") -> tuple[SeriesPoints, ...]:
    series = MetricSeries(1 << 24)
    for one in lines:
        series.add(decode_line(one).metrics)
    return series.series(metric)


def drawn(lines: Iterable[bytes]) -> str:
    """``start-end:amount`` in seconds, in the order of time."""
    return " ".join(
        f"{(i.start_ns - T0_NS) / SECOND_NS:g}-{(i.end_ns - T0_NS) / SECOND_NS:g}:{i.amount:g}"
        for series in held(lines)
        for i in series.increments()
    )


def counts(*points: dict[str, object], temporality: int = CUMULATIVE) -> list[bytes]:
    return [line(counter("m", point, temporality=temporality)) for point in points]


@pytest.mark.parametrize(
    ("lines", "drawing"),
    [
        pytest.param(counts(number(3, 10), number(5, 20), number(5, 30)), "0-10:3 10-20:2 20-30:0", id="totals"),
        pytest.param(
            counts(number(3, 10), number(2, 20, since_s=12), number(6, 30, since_s=12)),
            "0-10:3 12-20:2 20-30:4",
            id="a later start is another life",
        ),
        pytest.param(counts(number(5, 10), number(2, 20), number(3, 30)), "0-10:5 10-20:2 20-30:1", id="a fall is too"),
        pytest.param(
            counts(number(3, 10), number(30, 11, since_s=1), number(4, 20), number(35, 21, since_s=1)),
            "0-10:3 1-11:30 10-20:1 11-21:5",
            id="two processes that cannot be told apart by their resource",
        ),
        pytest.param(
            counts(number(3, 10, None), number(5, 20, None)), "10-20:2", id="no start: the first says nothing"
        ),
        pytest.param(
            counts(number(3, 10), number(2, 20, since_s=10), temporality=DELTA), "0-10:3 10-20:2", id="differences"
        ),
        pytest.param(counts(number(3, 10), number(9, 30), number(5, 20)), "0-10:3 10-20:2 20-30:4", id="out of order"),
        pytest.param(
            counts(number(3, 10), {**number(0, 20), "flags": 1}, number(5, 30)), "0-10:3 10-30:2", id="no value"
        ),
    ],
)
def test_what_was_added(lines: list[bytes], drawing: str) -> None:
    assert drawn(lines) == drawing


@pytest.mark.parametrize("temporality", [DELTA, CUMULATIVE])
def test_a_line_that_comes_again_counts_once(temporality: int) -> None:
    lines = counts(number(3, 10), number(5, 20, since_s=10 if temporality == DELTA else 0), temporality=temporality)
    again = [lines[0].replace(b": ", b":"), *lines]  # the same points under another digest
    assert drawn(lines + again) == drawn(lines)


def test_processes_are_told_apart_by_their_resource() -> None:
    lines = [line(counter("m", number(count, 10)), pid=pid) for pid, count in ((1, 3), (2, 40))]
    assert sorted(series.increments()[0].amount for series in held(lines)) == [3, 40]


def test_a_gauge_and_a_level_are_readings_not_amounts() -> None:
    level = counter("m", number(-2, 10), rises=False)
    assert [series.increments() for series in held([line(gauge("m", number(1, 10))), line(level)])] == [(), ()]


def test_a_window_counts_what_ends_in_it_but_not_what_began_long_before() -> None:
    (series,) = held(counts(number(100, 1000), number(103, 1010), number(104, 1020)))
    since_ns = T0_NS + 995 * SECOND_NS
    chosen, is_cut = within(series.increments(), since_ns, T0_NS + 1015 * SECOND_NS)
    assert [increment.amount for increment in chosen] == [3]
    assert is_cut


values_st = st.lists(st.lists(st.floats(0, 3000), max_size=8), min_size=1, max_size=12)


@given(values_st, st.sets(st.integers(0, 11)), st.sampled_from([DELTA, CUMULATIVE]), st.randoms(use_true_random=False))
def test_percentiles_hold_what_was_measured_whatever_the_temporality_and_restarts(
    exports: list[list[float]], restarts: set[int], temporality: int, order: random.Random
) -> None:
    """Values are measured, exported in buckets by a process that may begin anew, read in any order, and asked for."""
    lines: list[bytes] = []
    began_s, totals = 0.0, [0, 0, 0, 0]
    for at, exported in enumerate(exports):
        if at in restarts or temporality == DELTA:
            began_s, totals = 10.0 * at, [0, 0, 0, 0]
        for value in exported:
            totals[sum(value > bound for bound in (10, 100, 1000))] += 1
        lines.append(line(histogram("m", buckets(totals, 10 * at + 9, began_s), temporality=temporality)))
    order.shuffle(lines)
    flow = added_up(increment for series in held(lines) for increment in series.increments())
    measured = sorted(value for exported in exports for value in exported)
    assert flow.amount == len(measured)
    for percent in (1, 50, 95, 99):
        found = percentile_of(flow, percent)
        if measured:
            exact = measured[-(-percent * len(measured) // 100) - 1]
            assert found.low <= exact <= found.high
            assert found.low <= found.estimate <= found.high
        else:
            assert found.estimate != found.estimate
