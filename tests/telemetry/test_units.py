from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.telemetry import units

BIGGEST_NS = 2**64 - 1  # what fixed64 can carry


@pytest.mark.parametrize(
    "format_time",
    [units.format_clock, units.format_minute, units.format_day, units.format_date_time, units.format_rfc3339],
)
@pytest.mark.parametrize("time_ns", [0, 1, 2**63, BIGGEST_NS, 10**25, -1])
def test_no_time_is_too_strange_to_be_shown(format_time: Callable[[int], str], time_ns: int) -> None:
    assert format_time(time_ns)


def test_the_year_2554_is_a_year() -> None:
    assert units.format_day(BIGGEST_NS) == "2554-07-21"


@given(st.integers(0, BIGGEST_NS))
def test_a_duration_is_shown_to_half_a_percent_and_never_as_a_unit_too_small(duration_ns: int) -> None:
    sizes = {"ns": 1, "µs": 10**3, "ms": 10**6, "s": 10**9, "min": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}
    words = units.format_duration(duration_ns).replace(",", "").split(" ")
    shown_ns = sum(float(number) * sizes[unit] for number, unit in zip(words[::2], words[1::2], strict=True))
    tolerance = 0.005 * duration_ns if duration_ns < 59 * 10**9 else sizes[words[-1]] * (1 if len(words) == 4 else 60)
    assert abs(shown_ns - duration_ns) <= max(tolerance, 0.5)
    assert float(words[0]) < {"ns": 1000, "µs": 1000, "ms": 1000, "s": 60, "min": 60, "h": 24}.get(words[1], 10**9)


@given(st.integers(-BIGGEST_NS, BIGGEST_NS))
def test_an_offset_says_its_sign_and_the_duration(offset_ns: int) -> None:
    shown = units.format_offset(offset_ns)
    assert shown[0] == ("-" if offset_ns < 0 else "+")
    number = float(shown[1:].split(" ")[0].replace(",", ""))
    assert number == float(units.format_duration(abs(offset_ns)).split(" ")[0].replace(",", ""))


@given(st.integers(0, 10**18), st.integers(-5, 10**20))
def test_any_rate_has_words(count: int, duration_ns: int) -> None:
    words = units.format_rate(count, duration_ns)
    assert bool(words) == (duration_ns > 0)
    assert not words.startswith("0/") or not count
