"""``docs/operations.md``: its sizes follow from one another, and what it tells to watch is there."""

import re
from pathlib import Path

import pytest

from diamond_viewer.settings.values import read_memory
from diamond_viewer.web.health_page import COUNTERS

DOCS = Path(__file__).parents[1] / "docs"
TEXT = (DOCS / "operations.md").read_text("utf-8")
SPAN_BYTES = 120
PROGRAM_BYTES = 70_000_000
SECONDS = {"min": 60, "h": 3_600, "day": 86_400, "days": 86_400}
ROWS = re.findall(r"^\| ([\d.]+ [MG]iB) \| ([\d.]+) million \| (.+) \|$", TEXT, re.MULTILINE)


def test_the_sizes_are_worked_out_from_what_a_span_takes() -> None:
    assert f"about {SPAN_BYTES} bytes a span" in TEXT
    assert f"about {PROGRAM_BYTES // 10**6} MB for the program itself" in TEXT
    rates = [int(rate.replace(",", "")) for rate in re.findall(r"at ([\d,]+) spans/s \|", TEXT)]
    assert (len(ROWS), len(rates)) == (4, 3)
    for size, millions, stretches in ROWS:
        span_count = (read_memory(size.replace(" ", ""), "--memory") - PROGRAM_BYTES) / SPAN_BYTES
        assert float(millions) * 10**6 == pytest.approx(span_count, rel=0.05)
        for rate, stretch in zip(rates, stretches.split(" | "), strict=True):
            number, unit = stretch.split()
            assert float(number) * SECONDS[unit] == pytest.approx(span_count / rate, rel=0.1), (size, rate)


def test_alerts_and_counters_to_watch_are_there() -> None:
    alerts = set(re.findall(r"alert: (\w+)", (DOCS / "prometheus" / "alerts.yml").read_text("utf-8")))
    told = set(re.findall(r"^\| `([A-Z]\w+)` \|", TEXT, re.MULTILINE))
    assert len(told) >= 4
    assert told <= alerts
    events = re.findall(r'event="(\w+)"', TEXT)
    assert events
    assert set(events) <= set(COUNTERS)
    metrics = set(re.findall(r"diamond_\w+", TEXT))
    documented = (DOCS / "integrations.md").read_text("utf-8")
    assert {name for name in metrics if f"`{name}`" not in documented} == set()
