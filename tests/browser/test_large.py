"""A trace of 100,000 spans in a browser: the first rows at once, the rest as one scrolls, all of it searched."""

import sys
from pathlib import Path

from playwright.sync_api import BrowserContext, expect

from tests.bench.opening import big_trace
from tests.browser.conftest import StartViewer, Watched
from tests.writing import trace_id

SPANS = 100_000
MAX_FIRST_BYTES = 500_000
INDEXED_MS = 60_000


def test_a_trace_of_100000_spans_shows_its_first_rows_and_reaches_its_last(
    start_viewer: StartViewer, context: BrowserContext, watched: Watched, tmp_path: Path
) -> None:
    (tmp_path / "traces.json").write_bytes(b"".join(one + b"\n" for one in big_trace(1, SPANS)))
    viewer = start_viewer()
    page = context.new_page()
    watched.watch(page)
    page.goto(f"{viewer.address}/health")
    expect(page.locator("body")).to_contain_text("100,000", timeout=INDEXED_MS)
    answer = page.goto(f"{viewer.address}/traces/{trace_id(1)}")
    assert answer is not None
    assert len(answer.body()) < MAX_FIRST_BYTES
    expect(page.locator("#trace .span").first).to_be_visible()
    timing = page.evaluate(
        "(({responseStart, domInteractive}) => [responseStart, domInteractive])(performance.getEntriesByType('navigation')[0])"
    )
    sys.stdout.write(f"100,000 spans: first byte {timing[0]:.0f} ms, interactive {timing[1]:.0f} ms\n")
    page.evaluate(
        "scrollTo(0, document.querySelector('.waterfall__rows').getBoundingClientRect().bottom + scrollY - 600)"
    )
    expect(page.locator(".rowgap:last-child")).to_have_count(0)
    assert page.locator("#trace .span").count() < 2_000
    page.goto(f"{viewer.address}/traces/{trace_id(1)}?find=b+where+id+%3D+99999")
    expect(page.locator(".tools__count")).to_have_text("1 of 1")
    expect(page.locator(".span--current")).to_be_in_viewport()
