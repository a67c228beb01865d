"""Searches that are kept in the browser, columns that the reader chose."""

import json
import re
from functools import partial
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.feed.waiting import until


def test_a_search_is_kept_under_a_name_and_found_again(page: Page, tmp_path: Path) -> None:
    page.get_by_label("Status", exact=True).select_option("error")
    expect(page).to_have_url(re.compile("status=error"))
    page.locator("#kept > summary").click()
    page.get_by_label("Name for this search").fill("<b>Trouble</b>")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("#kept .menu__said")).to_have_text("Kept as “<b>Trouble</b>”.")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    taken = tmp_path / "searches.json"
    download.value.save_as(taken)
    assert json.loads(taken.read_text()) == {"named": [{"name": "<b>Trouble</b>", "search": "?status=error"}]}
    page.get_by_role("button", name="Forget <b>Trouble</b>").click()
    expect(page.locator("#kept")).to_contain_text("None yet.")
    page.locator("#kept-file").set_input_files(taken)
    expect(page.locator("#kept .menu__said")).to_have_text("1 searches are in.")
    page.reload()
    page.get_by_text("Clear filters").click()
    expect(page).to_have_url(re.compile(r"/trace-viewer.html$"))
    page.locator("#kept > summary").click()
    page.get_by_role("link", name="<b>Trouble</b>").click()
    expect(page).to_have_url(re.compile(r"\?status=error$"))


def is_latest(page: Page, search: str) -> bool:
    latest = page.evaluate("JSON.parse(localStorage.searches ?? '{}').recent?.[0]?.search")
    return bool(latest == search)


def test_recent_searches_come_newest_first_and_each_once(page: Page) -> None:
    for status in ("error", "ok", "error"):
        page.get_by_label("Status", exact=True).select_option(status)
        expect(page).to_have_url(re.compile(f"status={status}$"))
        until(partial(is_latest, page, f"?status={status}"))
    page.locator("#kept > summary").click()
    expect(page.locator("#kept .menu__item")).to_have_text(["status is error", "status is ok"])


def test_a_file_that_holds_no_searches_changes_nothing(page: Page, tmp_path: Path) -> None:
    hostile = tmp_path / "hostile.json"
    page.locator("#kept > summary").click()
    for text in (
        "no JSON",
        '{"named": 5}',
        '{"named": [{"name": "x", "search": "javascript:alert(1)"}, null, 7]}',
        "[]",
    ):
        hostile.write_text(text)
        page.locator("#kept-file").set_input_files(hostile)
        expect(page.locator("#kept .menu__said")).to_have_text("This file holds no searches.")
        page.locator("#kept > summary").click()
        page.locator("#kept > summary").click()
    expect(page.locator("#kept .menu__item")).to_have_count(0)


def test_columns_are_added_and_taken_away(page: Page) -> None:
    page.locator("#columns > summary").click()
    page.get_by_role("link", name="+ Spans").click()
    expect(page).to_have_url(re.compile(r"\?column=spans$"))
    expect(page.get_by_role("columnheader", name="Spans")).to_be_visible()
    page.locator("#columns > summary").click()
    page.get_by_label("Any attribute").fill("http.method")
    page.get_by_label("Any attribute").press("Enter")
    expect(page).to_have_url(re.compile(r"\?column=spans&column=http.method$"))
    expect(page.locator("#list .row").first.locator(".row__added").nth(1)).to_have_text("POST")
    page.get_by_label("Status", exact=True).select_option("error")
    expect(page).to_have_url(re.compile(r"status=error&column=spans&column=http.method$"))
    page.locator("#columns > summary").click()
    page.get_by_role("link", name="✓ http.method").click()
    expect(page.get_by_role("columnheader", name="http.method")).to_have_count(0)
