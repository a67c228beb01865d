"""The errors and operations pages in a browser: opening, sorting, refreshing, both schemes, a phone, no JavaScript."""

import re
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Viewer, Watched, context_of
from tests.browser.test_traces_page import APPEARS_MS
from tests.writing import line, span


def test_a_group_opens_beside_the_list_and_closes_again(page: Page) -> None:
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Errors").click()
    expect(page.locator(".tally__row")).to_have_count(10)
    page.locator(".tally__link", has_text="TypeError").click()
    expect(page.locator("#fault .fault__title")).to_have_text("TypeError")
    expect(page.locator(".tally__row[aria-current]")).to_have_count(1)
    expect(page).to_have_title("TypeError · Diamond Viewer")
    page.go_back()
    expect(page.locator("#fault")).to_have_count(0)
    page.go_forward()
    page.locator("#fault").get_by_role("link", name="Close").click()
    expect(page.locator("#fault")).to_have_count(0)


def test_a_new_error_appears_by_itself(page: Page, viewer: Viewer) -> None:
    page.goto(f"{viewer.address}/errors")
    expect(page.locator(".tally__row")).to_have_count(10)
    viewer.write(line(span(1, trace=0xABC, name="GET /new", kind=2, status={"code": 2, "message": "brand new"})))
    expect(page.locator(".tally__link", has_text="brand new")).to_be_visible(timeout=APPEARS_MS)


def test_a_click_on_a_heading_sorts_the_operations(page: Page) -> None:
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Operations").click()
    page.get_by_role("link", name="Calls").click()
    expect(page).to_have_url(re.compile(r"/operations\?by=count$"))
    expect(page.locator(".tally__table--operations .tally__link").first).to_have_text("POST /api/progress")
    page.locator("#filter-lesson").fill("lesson-011")
    page.locator("#filter-lesson").press("Enter")
    expect(page).to_have_url(re.compile(r"lesson=lesson-011.*by=count"))
    page.locator(".tally__table--operations .tally__link").first.click()
    expect(page.locator("#list .row").first).to_be_visible()
    expect(page.locator("#filter-lesson")).to_have_value("lesson-011")


def test_operations_are_sorted_on_a_phone_as_well(page: Page, shown: Viewer) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{shown.address}/operations")
    longest, heading = (
        page.locator(".tally__name").first.text_content(),
        page.locator(".tally__sort", has_text="Calls").first,
    )
    place = heading.bounding_box()
    assert place is not None
    assert 0 < place["x"] < 390
    heading.click()
    expect(page.locator(".tally__name").first).not_to_have_text(longest or "")


@pytest.mark.parametrize("path", ["/errors", "/operations"])
def test_a_view_is_copied_and_a_search_kept_that_filters_every_page(page: Page, shown: Viewer, path: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{shown.address}{path}?since=1d&by=count")
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("[data-act=copy-view]")).to_have_class(re.compile("button--done"))
    copied = page.evaluate("navigator.clipboard.readText()")
    assert re.search(rf"{path}\?since=2[^&]*Z&until=2[^&]*Z", copied), copied
    page.goto(f"{shown.address}{path}?lesson=lesson-011&by=users")
    page.locator("#kept > summary").click()
    page.get_by_label("Name for this search").fill("one lesson")
    page.get_by_role("button", name="Keep").click()
    kept = page.locator("#kept").get_by_role("link", name="one lesson")
    expect(kept).to_have_attribute("href", f"{path}?lesson=lesson-011")
    page.goto(f"{shown.address}/trace-viewer.html")
    page.locator("#kept > summary").click()
    kept.click()
    expect(page).to_have_url(re.compile(r"/trace-viewer.html\?lesson=lesson-011$"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280, 1600])
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_both_pages_fit_and_work_in_every_guise(
    browser: Browser, shown: Viewer, watched: Watched, scheme: Literal["light", "dark"], width: int, scripts: bool
) -> None:
    context = context_of(
        browser, viewport={"width": width, "height": 860}, color_scheme=scheme, java_script_enabled=scripts
    )
    try:
        page = context.new_page()
        watched.watch(page)
        page.goto(f"{shown.address}/errors")
        page.locator(".tally__link", has_text="P2002").click()
        expect(page.locator("#fault .fault__title")).to_have_text("P2002")
        assert _is_narrow_enough(page, width)
        page.locator("#fault").get_by_role("link", name="All its traces").click()
        expect(page.locator("#list .row")).to_have_count(2)
        page.goto(f"{shown.address}/operations?by=p95")
        expect(page.locator(".tally__table--statements .tally__row").first).to_be_visible()
        assert _is_narrow_enough(page, width)
    finally:
        context.close()


def _is_narrow_enough(page: Page, width: int) -> bool:
    box = page.locator("#tallies").bounding_box()
    return box is not None and box["x"] >= 0 and box["x"] + box["width"] <= width
