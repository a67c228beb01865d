"""The logs page in a browser, and the way to it: live, an opened record stays, on a phone by keyboard, in both schemes."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Viewer, Watched, context_of
from tests.browser.test_accessibility import SCHEMES, in_both_schemes
from tests.web.conftest import TRACES
from tests.writing import A_TIME_NS, log, logs_line

LOGS = TRACES.with_name("logs.json")
LATE_NS = A_TIME_NS + 10**12


def test_records_come_in_by_themselves_and_an_opened_one_stays_where_it_is(page: Page, viewer: Viewer) -> None:
    page.goto(f"{viewer.address}/logs")
    expect(page.get_by_text("No logs yet.")).to_be_visible()
    viewer.write(*LOGS.read_bytes().splitlines(), logs_line(log("before", trace=0, time_ns=LATE_NS)))
    first = page.locator(".logs__row").first
    expect(first).to_contain_text("before")
    first.locator("summary").click()
    expect(first.locator(".logs__ways")).to_be_visible()
    viewer.write(logs_line(log("after", trace=0, time_ns=LATE_NS + 10**9)))
    newer = page.get_by_role("link", name="1 newer")
    expect(newer).to_be_visible()
    expect(first).to_contain_text("before")
    expect(first.locator(".logs__ways")).to_be_visible()
    newer.click()
    expect(page.locator(".logs__row").first).to_contain_text("after")


def test_words_find_a_record_whose_trace_is_a_click_away_without_scripts(
    browser: Browser, watched: Watched, viewer: Viewer
) -> None:
    viewer.write(*LOGS.read_bytes().splitlines())
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    watched.watch(page)
    page.goto(f"{viewer.address}/logs")
    for _ in range(200):  # without scripts nothing refreshes by itself
        if page.locator(".logs__row").count():
            break
        page.reload()
    page.locator("#log-text").fill("note failed")
    page.locator("[name=severity]").select_option("error")
    page.get_by_role("button", name="Search").click()
    expect(page).to_have_url(re.compile(r"/logs\?text=note\+failed&severity=error$"))
    expect(page.locator(".logs__row")).to_have_count(2)
    page.locator(".logs__row summary").first.click()
    page.get_by_role("link", name="Open its trace").first.click()
    expect(page).to_have_url(re.compile(r"/traces/[0-9a-f]{32}\?span=[0-9a-f]{16}$"))
    expect(page.locator("#events")).to_contain_text("note failed")
    context.close()


# on a wide window these are icons of the header, and in the help
BEHIND_ICONS = ["How to search", "Connect your own traces", "Open a file"]


def test_on_a_phone_every_page_is_reached_by_keyboard_from_a_menu(
    browser: Browser, watched: Watched, shown: Viewer
) -> None:
    context = context_of(browser, viewport={"width": 390, "height": 844})
    page = context.new_page()
    watched.watch(page)
    page.goto(f"{shown.address}/health")
    menu = page.locator(".header__menu")
    expect(menu.locator("summary")).to_contain_text("Health")
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    names = menu.get_by_role("link").all_inner_texts()
    for link in menu.get_by_role("link").all():
        box = link.bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 390
        assert box["height"] >= 24
    page.keyboard.press("Escape")
    expect(menu.get_by_role("link").first).to_be_hidden()
    expect(menu.locator("summary")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(1 + names.index("Logs")):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/logs$"))
    page.set_viewport_size({"width": 1280, "height": 800})
    nav = page.locator(".header__nav")
    assert [*nav.get_by_role("link").all_inner_texts(), *BEHIND_ICONS] == names
    expect(menu).to_be_hidden()
    for link in nav.get_by_role("link").all():
        box = link.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 1280
    context.close()


@pytest.mark.timeout(180)
def test_logs_are_seen_fit_and_are_not_hard_to_use(browser: Browser, watched: Watched, shared_viewer: Viewer) -> None:
    context = context_of(browser)
    page = context.new_page()
    watched.watch(page)
    page.goto(f"{shared_viewer.address}/logs")
    expect(page.locator(".logs__row")).to_have_count(100)
    found: dict[tuple[str, int, str], list[str]] = {}
    for path in ("/logs", "/logs?severity=warn&text=auth", "/logs?text=nothing", "/logs?severity=loud"):
        page.goto(f"{shared_viewer.address}{path}")
        if page.locator(".logs__row").count():
            page.locator(".logs__row summary").first.click()
        for width in (1920, 1280, 390):
            page.set_viewport_size({"width": width, "height": 860})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
            found |= {(path, width, scheme): said for scheme, said in in_both_schemes(page).items()}
    assert len(found) == 4 * 3 * 2
    assert {place: sentences for place, sentences in found.items() if sentences} == {}
    page.goto(f"{shared_viewer.address}/logs")
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        ground = page.locator(".panel").first.evaluate("element => getComputedStyle(element).backgroundColor")
        for bar in page.locator(".logs__chart .chart__bar").all():
            assert bar.evaluate("element => getComputedStyle(element).fill") != ground
    context.close()
