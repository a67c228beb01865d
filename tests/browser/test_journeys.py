"""Journeys in a browser: from "a user complains" to the span in four clicks, with and without JavaScript, in both schemes."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Viewer, Watched, context_of
from tests.browser.test_accessibility import SCHEMES, in_both_schemes

CUT = """() => [...document.querySelectorAll(".journeys__table")]
    .map(table => [table, table.parentElement])
    .flatMap(([table, frame]) => [...table.querySelectorAll("th, td")].filter(cell => cell.getClientRects().length &&
        (cell.scrollWidth > cell.clientWidth
         || cell.getBoundingClientRect().right > frame.getBoundingClientRect().right)))
    .map(cell => cell.innerText)"""
USER, LESSON = "/users/usr_0007", "/lessons/lesson-012"


def indexed(page: Page, viewer: Viewer) -> None:
    """The file has been read: until then nobody is known."""
    page.goto(f"{viewer.address}/journeys")
    for _ in range(200):  # without scripts nothing refreshes by itself
        if page.get_by_text("3 with trouble").count():
            return
        page.reload()
    raise AssertionError("The file is not read.")


@pytest.mark.parametrize("with_scripts", [True, False], ids=["with JavaScript", "without"])
def test_a_user_complains_and_the_span_is_four_clicks_away(
    browser: Browser, watched: Watched, shown: Viewer, with_scripts: bool
) -> None:
    context = browser.new_context(java_script_enabled=with_scripts)
    page = context.new_page()
    watched.watch(page)
    indexed(page, shown)
    page.goto(f"{shown.address}/trace-viewer.html")
    page.get_by_role("link", name="Journeys", exact=True).click()  # 1
    page.get_by_role("link", name="usr_0007").click()  # 2
    expect(page).to_have_url(re.compile(rf"{USER}$"))
    finding = page.locator(".tale__row", has_text="lost 3 s of progress")
    if with_scripts:
        finding.locator(".tale__clock").click()  # 3
        expect(page).to_have_url(re.compile("/traces/[0-9a-f]{32}$"))
        page.locator(".span__line", has_text="pg.query:INSERT").first.click()  # 4
    else:
        finding.get_by_role("link", name="POST /api/progress failed with 500").click()  # 3, and the span is open
    expect(page.locator(".span__body .attributes__line").first).to_be_visible()
    page.get_by_role("link", name="Journey of usr_0007").click()
    expect(page).to_have_url(re.compile(rf"{USER}$"))
    context.close()


def test_a_finding_leads_to_its_span_and_back_to_the_same_place(page: Page, shown: Viewer) -> None:
    indexed(page, shown)
    page.goto(f"{shown.address}{USER}")
    page.get_by_role("link", name="POST /api/progress failed with 500").click()
    expect(page).to_have_url(re.compile(r"/traces/[0-9a-f]{32}\?span=[0-9a-f]{16}"))
    page.go_back()
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()


def test_a_click_on_a_bar_opens_its_trace_and_a_time_zooms_in(page: Page, shown: Viewer) -> None:
    indexed(page, shown)
    page.goto(f"{shown.address}{USER}")
    total = page.locator(".lanes__title").inner_text()
    page.get_by_role("link", name=re.compile("Zoom in: 14:38:18 to")).click()
    expect(page).to_have_url(re.compile(r"since=2026-11-22T14%3A38%3A18Z&until="))
    assert page.locator(".lanes__title").inner_text() != total
    page.get_by_role("link", name="Wider").click()
    page.locator(".lane--auth .lane__bar").first.click()
    expect(page).to_have_url(re.compile("/traces/"))
    expect(page.locator(".trace__name")).to_have_text("POST /api/auth/[...nextauth]")


@pytest.mark.timeout(180)
def test_journeys_are_seen_fit_and_are_not_hard_to_use(browser: Browser, watched: Watched, shown: Viewer) -> None:
    context = context_of(browser)
    page = context.new_page()
    watched.watch(page)
    indexed(page, shown)
    found: dict[tuple[str, int, str], list[str]] = {}
    paths, widths = (USER, LESSON, "/journeys", "/users/nobody"), (1920, 1280, 390)
    for path in paths:
        page.goto(f"{shown.address}{path}")
        for width in widths:
            page.set_viewport_size({"width": width, "height": 860})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
            assert page.evaluate(CUT) == [], (path, width)
            found |= {(path, width, scheme): said for scheme, said in in_both_schemes(page).items()}
    assert len(found) == len(paths) * len(widths) * len(SCHEMES)
    assert {place: sentences for place, sentences in found.items() if sentences} == {}
    page.goto(f"{shown.address}{USER}")
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        ground = page.locator(".panel").first.evaluate("element => getComputedStyle(element).backgroundColor")
        for mark in (".lane__bar--error rect", ".lane__diamond path", ".lane--progress .lane__bar rect"):
            assert page.locator(mark).first.evaluate("element => getComputedStyle(element).fill") != ground
    context.close()
