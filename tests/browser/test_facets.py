"""Narrowing by a click on a facet, and counts that follow."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Viewer
from tests.browser.test_traces_page import APPEARS_MS, fresh


def test_a_click_on_a_facet_narrows_and_a_second_one_takes_it_back(page: Page) -> None:
    page.locator("#facet-lesson").get_by_role("link", name=re.compile("^lesson-011")).click()
    expect(page.locator(".list__foot")).to_contain_text("20 of 20")
    expect(page.locator("#facet-lesson a")).to_have_count(1)
    page.locator("#facet-http-status").get_by_role("link").first.click()
    expect(page.locator("#filter-q")).to_have_value(re.compile(r"^http\.status:\d+$"))
    page.locator("#facet-lesson a[aria-current]").click()
    expect(page.locator("#facet-lesson a[aria-current]")).to_have_count(0)
    page.locator("#facet-http-status a[aria-current]").click()
    expect(page.locator(".list__foot")).to_contain_text("50 of 314")
    page.go_back()
    expect(page.locator("#filter-q")).not_to_have_value("")


def test_a_list_without_a_match_has_all_the_width(page: Page) -> None:
    page.goto(re.sub(r"\?.*|$", "?q=xyzzy", page.url, count=1))
    expect(page.locator("#list .empty__title")).to_be_visible()
    widths = page.evaluate("['.columns', '#list'].map(it => document.querySelector(it).getBoundingClientRect().width)")
    assert widths[0] == widths[1]
    page.get_by_role("link", name="Clear the filters").click()
    expect(page.locator("#facet-lesson")).to_be_visible()
    beside = page.evaluate("document.querySelector('#list').getBoundingClientRect().width")
    assert beside < widths[0] - 200


def test_counts_follow_what_comes_in_and_a_closed_facet_stays_closed(page: Page, viewer: Viewer) -> None:
    page.locator("#facet-service summary").click()
    failed = page.locator("#facet-event a", has_text="auth.failed").locator(".facet__count")
    before = int(failed.inner_text())
    viewer.write(fresh(1))
    expect(failed).to_have_text(str(before + 1), timeout=APPEARS_MS)
    expect(page.locator("#facet-service")).not_to_have_attribute("open", re.compile(".*"))
