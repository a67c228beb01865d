"""The video page and the map in a browser: both schemes, laptop and phone, without a complaint of the console."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Viewer, Watched, context_of
from tests.web.conftest import METRICS


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_charts_and_map_are_seen_and_fit(
    browser: Browser, watched: Watched, shared_viewer: Viewer, scheme: str, width: int
) -> None:
    context = context_of(browser, viewport={"width": width, "height": 860}, color_scheme=scheme)
    page = context.new_page()
    watched.watch(page)
    page.goto(f"{shared_viewer.address}/video")
    expect(page.locator(".metric")).to_have_count(6)
    expect(page.locator(".compared__table tbody tr")).to_have_count(7)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground = page.locator(".panel").first.evaluate("element => getComputedStyle(element).backgroundColor")
    assert page.locator(".chart__bar").first.evaluate("element => getComputedStyle(element).fill") != ground
    plot = page.locator(".chart__plot").first.bounding_box()
    assert plot is not None
    assert plot["width"] > 200

    if width == 390:
        page.locator(".header__menu summary").click()
    page.get_by_role("link", name="Map").click()
    expect(page.locator(".map__node")).to_have_count(8)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator(".map__node", has_text="diamond-district-worker").click()
    expect(page).to_have_url(re.compile(r"/map\?service=diamond-district-worker$"))
    page.locator('.map__call[aria-label^="video-transcode calls"]').focus()
    page.keyboard.press("Enter")
    expect(page.locator(".list__foot")).to_contain_text("3 of 3")
    context.close()


def test_metrics_come_in_by_themselves(page: Page, viewer: Viewer) -> None:
    page.goto(f"{viewer.address}/video")
    expect(page.locator(".metric")).to_have_count(0)
    viewer.write(*METRICS.read_bytes().splitlines())
    expect(page.locator(".metric")).to_have_count(6)


def test_a_split_is_chosen_and_drawn(browser: Browser, watched: Watched, shared_viewer: Viewer) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    watched.watch(page)
    page.goto(f"{shared_viewer.address}/video")
    expect(page.locator(".metric")).to_have_count(6)
    page.get_by_label("Split by").select_option("quality")
    page.get_by_role("button", name="Draw").click()
    expect(page).to_have_url(re.compile("by=quality"))
    expect(page.locator(".metric").first.locator(".chart__key")).to_have_count(3)
    context.close()
