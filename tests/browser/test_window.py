"""The window: by calendar, by dragging over the histogram, in the reader's own zone; and a link that stands still."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Viewer, Watched, context_of

OPENED = "/trace-viewer.html?trace=3e2337288c0cde97c1f5cae76038ca5b"


@pytest.fixture
def in_berlin(browser: Browser, shown: Viewer, watched: Watched) -> Iterator[Page]:
    context = context_of(browser, timezone_id="Europe/Berlin", viewport={"width": 1440, "height": 860})
    page = context.new_page()
    watched.watch(page)
    page.goto(f"{shown.address}/trace-viewer.html")
    yield page
    context.close()


def asked(page: Page, name: str) -> str:
    return parse_qs(urlsplit(page.url).query).get(name, [""])[0]


def drag(page: Page, left: float, right: float, top: float = 0.4, bottom: float = 0.5) -> None:
    box = page.locator("#chart").bounding_box()
    assert box
    page.mouse.move(box["x"] + left * box["width"], box["y"] + top * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + right * box["width"], box["y"] + bottom * box["height"], steps=4)
    assert page.locator("#chart-drag").bounding_box()
    page.mouse.up()


def test_dragging_over_the_histogram_sets_the_window_and_back_undoes_it(page: Page) -> None:
    before = page.url
    drag(page, 0.7, 0.3)
    expect(page).to_have_url(re.compile(r"since=.*&until="))
    expect(page.locator(".field--window")).to_have_class(re.compile("field--set"))
    assert asked(page, "since") < asked(page, "until")
    narrow = page.url
    page.locator("#strip").get_by_role("link", name="Wider").click()
    expect(page).not_to_have_url(narrow)
    assert asked(page, "until") > parse_qs(urlsplit(narrow).query)["until"][0]
    page.go_back()
    expect(page).to_have_url(narrow)
    page.go_back()
    expect(page).to_have_url(before)
    expect(page.locator(".list__foot")).to_contain_text("50 of 314")


def test_a_finger_drags_as_well(browser: Browser, shown: Viewer, watched: Watched) -> None:
    context = context_of(browser, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = context.new_page()
    watched.watch(page)
    page.goto(f"{shown.address}/trace-viewer.html")
    box = page.locator("#chart").bounding_box()
    assert box
    session = context.new_cdp_session(page)
    y = box["y"] + 20
    for kind, x in (("touchStart", 60), ("touchMove", 90), ("touchMove", 160), ("touchMove", 250), ("touchEnd", None)):
        points = [] if x is None else [{"x": x, "y": y}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    expect(page).to_have_url(re.compile(r"since=.*&until="))
    context.close()


def test_dragging_over_the_dots_chooses_durations_too(page: Page) -> None:
    page.get_by_role("link", name="Duration", exact=True).first.click()
    expect(page).to_have_url(re.compile(r"\?face=durations$"))
    page.locator("#chart circle").first.wait_for()
    drag(page, 0.1, 0.9, top=0.1, bottom=0.7)
    expect(page).to_have_url(re.compile(r"min_ms=.*max_ms="))
    assert float(asked(page, "min_ms")) < float(asked(page, "max_ms"))
    expect(page.locator("#chart circle").first).to_be_visible()
    expect(page.locator(".list__foot")).not_to_contain_text("of 314")


def test_a_click_on_a_bar_is_still_a_link(page: Page) -> None:
    page.locator(".histogram__hit").last.click()
    expect(page).to_have_url(re.compile(r"since=.*&until="))


def test_the_calendar_is_read_by_the_clock_that_is_shown(in_berlin: Page) -> None:
    page = in_berlin
    first = page.locator("#list time").first
    expect(first).to_have_text(re.compile(r"^14:38"))
    before = page.locator("#list").bounding_box()
    page.get_by_role("button", name="Times are UTC").click()
    expect(first).to_have_text(re.compile(r"^15:38"))
    expect(page.locator(".traces__zone")).to_have_text("Berlin")
    assert page.locator("#list").bounding_box() == before
    page.locator("#window > summary").click()
    page.locator("[data-fills=filter-since]").fill("2026-11-22T15:38:00")
    expect(page.locator("#filter-since")).to_have_value(re.compile(r"2026-11-22T15:38"))
    page.get_by_label("Until", exact=True).fill("15:38:25")  # today, which is another day: the day of the page's clock
    page.get_by_label("Until", exact=True).fill("2026-11-22 15:38:25")
    page.get_by_role("button", name="Show this window").click()
    expect(page).to_have_url(re.compile("since="))
    assert (asked(page, "since"), asked(page, "until")) == ("2026-11-22T14:38:00Z", "2026-11-22T14:38:25Z")
    expect(page.locator(".window__words")).to_have_text("15:38:00–15:38:25")
    page.goto(urlsplit(page.url)._replace(path=OPENED.split("?")[0], query=OPENED.split("?")[1]).geturl())
    expect(page.locator(".trace__facts")).to_contain_text("15:38")
    expect(page.locator(".trace__facts")).to_contain_text("Berlin")
    page.get_by_role("button", name="Times are Europe/Berlin").click()
    expect(page.locator(".trace__facts")).to_contain_text("UTC")


def test_a_copied_link_has_a_window_that_stands_still(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#window > summary").click()
    page.get_by_role("link", name="last 24 h").click()
    expect(page).to_have_url(re.compile("since=24h"))
    page.get_by_role("button", name="Copy link").first.click()
    expect(page.locator("[data-act=copy-view]")).to_have_class(re.compile("button--done"))
    copied = parse_qs(urlsplit(page.evaluate("navigator.clipboard.readText()")).query)
    assert copied.keys() == {"since", "until"}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", values[0]) for values in copied.values())
