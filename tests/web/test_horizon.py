"""What had to leave memory is said on /health, and where a filter's window reaches past what is held."""

from datetime import UTC, datetime, timedelta

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.index.filling import add_lines
from tests.index.test_eviction import wire_of
from tests.web.conftest import LIVE
from tests.writing import line

NO_LONGER = "are no longer held: --memory is "


def test_a_window_that_reaches_past_what_is_held_says_so_and_a_later_one_does_not() -> None:
    memory = MemoryStore(400_000, segment_spans=100)
    memory.report(LIVE)
    client = create_app(memory, clock=lambda: NOW_NS).test_client()
    assert NO_LONGER not in client.get("/trace-viewer.html").text
    for trace in range(1, 2_000):
        add_lines(memory, [line(*(wire_of(trace, number) for number in range(1, 5)))])
        memory.commit()
    health = memory.health()
    assert health.counters["evicted_spans"] > 0
    held_since = datetime.fromtimestamp(health.held_since_ns // 10**9, UTC)
    before, after = ((held_since + timedelta(seconds=shift)).strftime("%Y-%m-%dT%H:%M:%SZ") for shift in (-5, 5))
    assert NO_LONGER in client.get("/trace-viewer.html").text
    assert NO_LONGER in client.get("/trace-viewer.html", query_string={"since": before}, follow_redirects=True).text
    assert NO_LONGER not in client.get("/trace-viewer.html", query_string={"since": after}, follow_redirects=True).text
    page = client.get("/health").text
    assert "traces are held since " in page
    assert f"{health.counters['evicted_spans']:,}" in page
    assert f"{health.counters['evicted_traces']:,}" in page
