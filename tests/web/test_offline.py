"""The offline file: what it holds, and what it says it does not."""

import pytest

from diamond_viewer.web import offline
from tests.web.test_trace_faults import Seen
from tests.writing import event, line, span, trace_id

URL = f"/traces/{trace_id(1)}/offline.html"


def page_of(*lines: bytes) -> str:
    return Seen(*lines).client.get(URL).get_data(as_text=True)


def test_a_trace_that_fits_says_nothing_of_limits() -> None:
    assert 'class="remark"' not in page_of(line(span(1), span(2, 1, events=[event("tick")])))


def test_the_first_10000_spans_are_in_it_and_it_says_so() -> None:
    spans = [span(n, 1 if n > 1 else 0) for n in range(1, 10_003)]
    page = page_of(*(line(*spans[at : at + 1_000]) for at in range(0, len(spans), 1_000)))
    assert "This file holds the first 10,000 of 10,002 spans. The trace as OTLP/JSON has everything." in page
    assert page.count('<details class="span"') == 10_000


def test_long_values_fill_it_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offline, "MAX_BYTES", 20_000)
    page = page_of(line(*(span(n, attributes={"long": "x" * 3_000}) for n in range(1, 20))))
    assert "This file holds the first 3 of 19 spans." in page
    assert len(page) < 120_000


def test_events_beyond_what_it_tells_are_counted() -> None:
    page = page_of(line(span(1, events=[event(f"tick {n}") for n in range(2_500)])))
    assert "Of its events it tells the first 2,000." in page
    assert page.count('class="story__entry"') == 2_000
