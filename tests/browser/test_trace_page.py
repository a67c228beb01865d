"""One trace as a reader uses it: a real server, a real browser, and a file that opens without either."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import StartViewer, Viewer, Watched, context_of
from tests.feed.waiting import until
from tests.writing import line, span, span_id, trace_id

SESSION = "4785e271b3daa680fd09a81249c1380e"
FAILED = "64ca9bd24dffecb1bed85b2f6178dd24"
MISMATCH = "3e2337288c0cde97c1f5cae76038ca5b"
SPANS = 10_000
OPENS_S = 5  # generous: the machine may be busy; `make bench` measures


@pytest.fixture
def trace(context: BrowserContext, watched: Watched, shown: Viewer) -> Page:
    """The page of a trace of 101 spans."""
    page = context.new_page()
    watched.watch(page)
    page.goto(f"{shown.address}/traces/{SESSION}")
    return page


def test_folding_keeps_the_place_and_stands_in_the_url(trace: Page) -> None:
    rows = trace.locator("#trace .span")
    expect(rows).to_have_count(101)
    fold = trace.locator(".span__fold").nth(2)
    fold.click()
    expect(rows).not_to_have_count(101)
    expect(trace).to_have_url(re.compile("shut="))
    trace.reload()
    expect(rows).not_to_have_count(101)
    trace.keyboard.press("[")
    expect(trace).to_have_url(re.compile("level=5"))
    trace.keyboard.press("[")
    expect(trace).to_have_url(re.compile("level=4"))
    trace.keyboard.press("]")
    expect(trace).to_have_url(re.compile("level=5"))
    trace.keyboard.press("p")
    expect(trace.locator(".tools__plumbing")).to_contain_text("hidden")


def test_a_window_is_dragged_over_the_minimap_and_moved_with_keys(trace: Page) -> None:
    box = trace.locator(".minimap__map").bounding_box()
    assert box
    trace.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 20)
    trace.mouse.down()
    trace.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 20, steps=4)
    trace.mouse.up()
    words = trace.locator(".minimap__words")
    expect(words).to_have_text(re.compile(r"\+43\d ms to \+4[89]\d ms: 5\d(\.\d)? ms"))
    before = words.inner_text()
    trace.keyboard.press("ArrowRight")
    expect(words).not_to_have_text(before)
    trace.keyboard.press("0")
    expect(words).to_have_text("")
    trace.keyboard.press("+")
    expect(words).to_have_text("+135 ms to +406 ms: 271 ms")


def test_a_search_goes_from_match_to_match(trace: Page) -> None:
    trace.keyboard.press("f")
    trace.keyboard.type("prisma")
    trace.keyboard.press("Enter")
    count = trace.locator(".tools__count")
    expect(count).to_have_text(re.compile(r"1 of \d+"))
    expect(trace.locator(".span--current")).to_be_in_viewport()
    trace.keyboard.press("Escape")
    first = trace.locator(".span--current").get_attribute("id")
    trace.keyboard.press("n")
    expect(count).to_have_text(re.compile(r"2 of \d+"))
    assert trace.locator(".span--current").get_attribute("id") != first
    trace.keyboard.press("N")
    expect(trace.locator(".span--current")).to_have_id(first or "")


def test_an_opened_span_stands_in_the_url_and_its_link_opens_it_again(trace: Page, shown: Viewer) -> None:
    target = trace.locator("#trace .span").nth(60)
    target.locator("summary").first.click()
    expect(target.locator(".span__body .attributes__line").first).to_be_visible()
    element = (target.get_attribute("id") or "")[2:]
    expect(trace).to_have_url(re.compile(f"span={element}"))
    trace.goto(trace.url)
    opened = trace.locator(f"#s-{element}")
    expect(opened).to_have_attribute("open", "")
    expect(opened).to_be_in_viewport()
    opened.locator("summary").first.click()
    expect(trace).not_to_have_url(re.compile("span="))


def test_a_link_to_an_event_shows_it_in_its_span(trace: Page, shown: Viewer) -> None:
    trace.goto(f"{shown.address}/traces/{FAILED}")
    trace.locator(".story__offset").last.click()
    expect(trace).to_have_url(re.compile(r"span=\w+&moment=\d+"))
    event = trace.locator(".span__happened--linked")
    expect(event).to_contain_text("exception")
    expect(event).to_be_in_viewport()


def test_values_are_found_copied_and_filtered_by(page: Page, shown: Viewer, context: BrowserContext) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{shown.address}/trace-viewer.html?trace={FAILED}")
    first = page.locator("#trace .span").first
    first.locator("summary").first.click()
    queue = first.locator(".attributes__line", has_text="messaging.destination.name")
    queue.hover()
    queue.get_by_role("button").click()
    assert page.evaluate("navigator.clipboard.readText()") == "video-transcode"
    first.locator(".span__filter").fill("lesson")
    expect(queue).to_be_hidden()
    first.locator(".span__filter").fill("")
    queue.hover()
    queue.get_by_label("Only traces with this value").click()
    expect(page.get_by_label("Search", exact=True)).to_have_value('"messaging.destination.name":"video-transcode"')
    expect(page.locator("#list .row")).not_to_have_count(0)
    page.locator(".takeaway summary").click()
    page.get_by_text("Copy as text").click()
    until(lambda: "ffmpeg.segment" in page.evaluate("navigator.clipboard.readText()"))


def test_views_and_comparison_come_without_leaving_the_list(page: Page, shown: Viewer) -> None:
    page.goto(f"{shown.address}/trace-viewer.html?user=usr_0007&trace={MISMATCH}")
    for words, selector in (("Statistics", ".figures"), ("Flame graph", ".flame"), ("JSON", "pre.json")):
        page.locator(".views").get_by_text(words).click()
        expect(page.locator(f"#trace {selector}")).to_be_visible()
    page.locator(".views").get_by_text("Compare").click()
    page.locator(".candidates a").first.click()
    expect(page.locator(".figures--difference")).to_contain_text("only here")
    expect(page).to_have_url(re.compile("user=usr_0007.*view=compare"))
    page.go_back()
    expect(page.locator("pre.json")).to_be_visible()
    expect(page.locator("#list .row").first).to_be_visible()


def test_the_keys_move_through_the_spans(trace: Page) -> None:
    trace.keyboard.press("j")
    trace.keyboard.press("j")
    expect(trace.locator("#trace .span > summary").nth(1)).to_be_focused()
    trace.keyboard.press("k")
    trace.keyboard.press("Enter")
    expect(trace.locator("#trace .span").first).to_have_attribute("open", "")


def test_what_is_open_and_folded_survives_a_late_span(page: Page, viewer: Viewer) -> None:
    now_ns = time.time_ns()
    viewer.write(line(*(span(n, 1 if n > 1 else 0, trace=5, start_ns=now_ns + n) for n in range(1, 6))))
    page.locator(f"#t-{trace_id(5)} .row__link").wait_for()
    page.goto(f"{viewer.address}/traces/{trace_id(5)}")
    details = page.locator(f"#s-{span_id(3)}")
    details.locator("summary").first.click()
    expect(details.locator(".attributes__line").first).to_be_visible()
    viewer.write(line(span(9, 3, trace=5, name="late child", start_ns=now_ns + 9)))
    expect(page.locator("#trace")).to_contain_text("late child")
    expect(details).to_have_attribute("open", "")
    expect(details.locator(".attributes__line").first).to_be_visible()


def test_a_trace_of_10000_spans_opens_at_once_and_all_of_it_can_be_reached(
    start_viewer: StartViewer, context: BrowserContext, watched: Watched, tmp_path: Path
) -> None:
    wire = [span(n, (n + 8) // 10 if n > 1 else 0, start_ns=10**18 + n, name=f"step {n}") for n in range(1, SPANS + 1)]
    (tmp_path / "traces.json").write_bytes(b"".join(line(*wire[at : at + 500]) + b"\n" for at in range(0, SPANS, 500)))
    viewer = start_viewer()
    page = context.new_page()
    watched.watch(page)
    page.goto(f"{viewer.address}/health")
    expect(page.locator("body")).to_contain_text("10,000")
    began_s = time.monotonic()
    page.goto(f"{viewer.address}/traces/{trace_id(1)}")
    expect(page.locator("#trace .span").first).to_be_visible()
    assert time.monotonic() - began_s < OPENS_S
    height = page.evaluate("document.querySelector('.waterfall__rows').getBoundingClientRect().height")
    assert abs(height - 25 * SPANS) < 300
    page.evaluate("scrollTo(0, 25 * 5000)")  # the middle, without passing what lies before
    expect(page.locator("#trace .span")).not_to_have_count(200)
    seen = page.locator("#trace .span").nth(450)  # of the rows in the file's order: some way into what has come
    expect(seen).to_be_attached()
    places = page.locator("#trace .span").evaluate_all("rows => rows.map(row => row.getBoundingClientRect().top)")
    assert any(100 < top < 800 for top in places)
    assert page.locator("#trace .span").count() < 2_000
    page.goto(f"{viewer.address}/traces/{trace_id(1)}?find=step+7777")
    expect(page.locator(".span--current")).to_contain_text("step 7777")
    expect(page.locator(".span--current")).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_offline_file_opens_from_disk_and_finds_things(
    browser: Browser, viewer: Viewer, watched: Watched, tmp_path: Path, scheme: str
) -> None:
    context = context_of(browser, color_scheme="dark" if scheme == "dark" else "light", offline=False)
    page = context.new_page()
    page.goto(f"{viewer.address}/traces/{SESSION}")
    page.locator(".takeaway summary").click()
    with page.expect_download() as download:
        page.get_by_text("Download offline HTML").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    viewer.stop()
    page.close()
    context.set_offline(True)
    offline = context.new_page()
    watched.watch(offline)
    asked: list[str] = []
    offline.on("request", lambda request: asked.append(request.url))
    offline.goto(path.as_uri())
    expect(offline.locator(".span")).to_have_count(101)
    offline.locator("#find").fill("prisma")
    expect(offline.locator("#count")).to_have_text(re.compile(r"[1-9]\d* of 101 spans"))
    offline.locator(".span--found > summary").first.click()
    expect(offline.locator(".span--found .span__body").first).to_be_visible()
    assert asked == [path.as_uri()]
    context.close()


@pytest.mark.parametrize("width", [390, 1280, 3840])
def test_no_view_stands_out_of_the_window(trace: Page, shown: Viewer, width: int) -> None:
    trace.set_viewport_size({"width": width, "height": 860})
    for asked in (
        "",
        "?level=2&plain=1",
        "?view=statistics",
        "?view=flame",
        "?view=json",
        "?view=compare",
        "?find=get",
    ):
        trace.goto(f"{shown.address}/traces/{SESSION}{asked}")
        assert trace.evaluate("document.documentElement.scrollWidth") <= width, asked


def test_on_a_phone_two_traces_stand_side_by_side(page: Page, shown: Viewer) -> None:
    page.set_viewport_size({"width": 390, "height": 860})
    page.goto(f"{shown.address}/traces/{MISMATCH}?view=compare&with={SESSION}")
    for column in ("This trace", "The other"):
        heading = page.get_by_role("columnheader", name=column).bounding_box()
        assert heading is not None
        assert 0 <= heading["x"] <= heading["x"] + heading["width"] <= 390, column
    section = page.locator(".trace__section:has(.figures--difference)")
    expect(section.locator(".difference").first).to_be_visible()
    assert section.evaluate("it => it.scrollWidth <= it.clientWidth")
    figure = section.get_by_role("cell", name=re.compile("^total ")).first
    expect(figure).to_be_visible()
    assert figure.evaluate("it => getComputedStyle(it, '::before').content") == '"total "'
    page.goto(f"{shown.address}/traces/{SESSION}?view=statistics")
    section = page.locator(".trace__section:has(.figures--operations)")
    assert section.evaluate("it => it.scrollWidth <= it.clientWidth")
    name, caption = page.locator(".operation").first.bounding_box(), section.locator("caption").bounding_box()
    assert name is not None
    assert caption is not None
    assert caption["width"] == name["width"]


def test_without_javascript_a_span_is_opened_folded_and_found(browser: Browser, shown: Viewer) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{shown.address}/traces/{SESSION}")
    page.locator(".span__fold").nth(1).click()
    expect(page).to_have_url(re.compile("shut="))
    page.get_by_placeholder("Find in this trace").fill("redis")
    page.get_by_placeholder("Find in this trace").press("Enter")
    expect(page).to_have_url(re.compile("find=redis"))
    current = page.locator(".span--current")
    current.locator("summary").click()
    current.get_by_text("Attributes and events").click()
    expect(page.locator(".span__body .attributes__line").first).to_be_visible()
    context.close()
