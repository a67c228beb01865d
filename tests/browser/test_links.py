"""Links between spans, drawn as arrows and followed; folding by key; a trace that is still to come."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Viewer, Watched, await_ready, launch
from tests.feed.waiting import until
from tests.web.conftest import TRACES
from tests.writing import line, log, logs_line, span, span_id, trace_id


@pytest.fixture(scope="module")
def viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    """One for all: each test writes traces of its own."""
    live = tmp_path_factory.mktemp("links") / "traces.json"
    live.write_bytes(TRACES.read_bytes())
    viewer = launch(live)
    yield await_ready(viewer)
    viewer.stop()


def spans(trace: int) -> bytes:
    now_ns = time.time_ns()
    links = [{"traceId": trace_id(trace), "spanId": span_id(2)}, {"traceId": trace_id(trace + 1), "spanId": span_id(1)}]
    wire = (
        span(1, trace=trace),
        span(2, 1, trace=trace, name="publish"),
        span(3, 1, trace=trace, name="consume", links=links),
    )
    return line(*(one | {"startTimeUnixNano": str(now_ns), "endTimeUnixNano": str(now_ns + 10**7)} for one in wire))


def opened(page: Page, viewer: Viewer, trace: int) -> Page:
    page.goto(f"{viewer.address}/traces/{trace_id(trace)}")
    expect(page.locator("#trace .span").first).to_be_visible()
    return page


def test_a_link_is_an_arrow_while_both_of_its_ends_are_there(page: Page, viewer: Viewer) -> None:
    viewer.write(spans(70))
    page.locator(f"#t-{trace_id(70)} .row__link").wait_for()
    opened(page, viewer, 70)
    expect(page.locator(".arrows__line")).to_have_count(1)
    arrow, target = page.locator(".arrows__head").bounding_box(), page.locator(f"#s-{span_id(2)}").bounding_box()
    assert arrow is not None
    assert target is not None
    assert target["y"] <= arrow["y"] + arrow["height"] / 2 <= target["y"] + target["height"]
    page.locator(f"#s-{span_id(1)} summary").first.click()  # what is below moves down, and the arrow with it
    expect(page.locator(f"#s-{span_id(1)} .attributes__line").first).to_be_visible()
    apart = (
        "Math.abs(document.querySelector('.arrows__head').getBoundingClientRect().top"
        f" - document.getElementById('s-{span_id(2)}').getBoundingClientRect().top)"
    )
    until(lambda: page.evaluate(apart) < 25)


def test_a_link_from_another_trace_is_found_and_followed_both_ways(page: Page, viewer: Viewer) -> None:
    viewer.write(spans(80), line(span(1, trace=81, start_ns=time.time_ns())))
    page.locator(f"#t-{trace_id(81)} .row__link").wait_for()
    opened(page, viewer, 81)
    page.locator(".remark").get_by_text("consume").click()
    expect(page).to_have_url(f"{viewer.address}/traces/{trace_id(80)}?span={span_id(3)}")
    page.locator(f"#s-{span_id(3)}").get_by_text("another trace").click()
    expect(page).to_have_url(f"{viewer.address}/traces/{trace_id(81)}?span={span_id(1)}")


def test_x_folds_the_span_in_focus_and_keeps_the_focus(page: Page, viewer: Viewer) -> None:
    viewer.write(spans(90))
    page.locator(f"#t-{trace_id(90)} .row__link").wait_for()
    opened(page, viewer, 90)
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("#trace .span")).to_have_count(1)
    expect(page.locator(f"#s-{span_id(1)} > summary")).to_be_focused()
    page.keyboard.press("x")
    expect(page.locator("#trace .span")).to_have_count(3)


def test_a_trace_and_its_logs_come_by_themselves(context: BrowserContext, watched: Watched, viewer: Viewer) -> None:
    page = context.new_page()
    watched.expected = ("404",)
    watched.watch(page)
    page.goto(f"{viewer.address}/traces/{trace_id(95)}")
    expect(page.locator("#missing")).to_contain_text("No trace")
    viewer.write(spans(95))
    expect(page.locator("#trace .span").first).to_be_visible()
    expect(page.locator("#events")).to_contain_text("no log names it")
    viewer.write(logs_line(log("it was said", trace=95, of=1, time_ns=time.time_ns(), severityNumber=13)))
    expect(page.locator("#events")).to_contain_text("it was said")
