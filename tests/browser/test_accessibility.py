"""WCAG 2.2 AA as far as axe-core (tests/browser/axe, see VENDOR.txt there) can tell, in both schemes and at three widths."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Viewer, context_of
from tests.browser.test_traces_page import APPEARS_MS, MISMATCH_TRACE, fresh
from tests.feed.waiting import until

AXE = next((Path(__file__).parent / "axe").glob("axe-*.min.js"))
SOURCE = AXE.read_text(encoding="utf-8")
UNLIKE = Path(__file__).with_name("unlike.js").read_text(encoding="utf-8")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
AXE_RUN = "() => axe.run(document, options).then(found => found.violations)"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
HEAVY = ("serious", "critical")
# A row of the waterfall opens, and its triangle folds what is below it: a link inside a summary. Chromium's tree has both,
# and [ ] and the levels above the waterfall fold as well.
ACCEPTED = ("nested-interactive", '<summary class="span__line"')
WIDTHS = {"wide": (1600, 900), "laptop": (1280, 800), "phone": (390, 844)}
PAGES = {
    "list": "/trace-viewer.html",
    "durations": "/trace-viewer.html?face=durations&column=spans&column=http.method",
    "filtered": "/trace-viewer.html?status=error&q=event:exception&since=2026-11-22T14:00:00Z",
    "mistake": "/trace-viewer.html?q=lesso:x&limit=0",
    "nothing": "/trace-viewer.html?user=nobody",
    "detail": f"/trace-viewer.html?trace={MISMATCH_TRACE}",
    "trace": f"/traces/{MISMATCH_TRACE}",
    "differences": "/differences?flag=slow",
    "operations": "/operations",
    "search help": "/search-help",
    "health": "/health",
    "error": "/nothing-here",
}


@pytest.fixture
def reader(browser: Browser) -> Iterator[Page]:
    context = context_of(browser)
    yield context.new_page()
    context.close()


def in_both_schemes(page: Page) -> dict[str, list[str]]:
    """What axe finds in the light and in the dark, on a page that is loaded once; the name of the scheme -> sentences."""
    found: dict[str, list[str]] = {}
    for scheme in SCHEMES:
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(f"matchMedia('(prefers-color-scheme: {scheme})').matches")
        found[scheme] = violations(page)
    return found


def violations(page: Page) -> list[str]:
    """What axe finds that is serious or critical: the rule, and where. Of rows that are alike it is asked about one."""
    return found_by_axe(page, f"({UNLIKE})({AXE_RUN})")


def found_by_axe(page: Page, asked: str) -> list[str]:
    """``asked`` is JavaScript that runs it with ``options``. The page gets axe once, however often it is asked."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(SOURCE)
    found: list[dict[str, Any]] = page.evaluate(
        f"options => {asked}",
        {"runOnly": RULES, "resultTypes": ["violations"], "selectors": False, "preload": {"assets": ["media"]}},
    )  # none of these rules reads the style sheets that axe would fetch as well
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:160]} {node['any'][:1]}"
        for rule in found
        if rule["impact"] in HEAVY
        for node in rule["nodes"]
        if not (rule["id"] == ACCEPTED[0] and node["html"].startswith(ACCEPTED[1]))
    ]


def test_axe_finds_what_is_wrong(reader: Page) -> None:
    reader.set_content('<html lang="en"><title>x</title><main><h1>x</h1><img src="x"><input></main>')
    assert [found.split(" ")[0] for found in violations(reader)] == ["image-alt", "label"]


FAULTS = {  # the rule, and what is done to one row
    "image-alt": "row.append(new Image())",
    "link-name": "link.textContent = ''",
    "color-contrast": "row.style.color = '#bbb'",
    "aria-valid-attr-value": "row.setAttribute('aria-busy', 'maybe')",
    "aria-allowed-attr": "link.setAttribute('aria-checked', 'true')",
    "target-size": "link.style.font = '6px serif'; row.replaceChildren(link, link.cloneNode(true))",
    "aria-roles": "row.setAttribute('role', 'lign')",
    "tabindex": "link.tabIndex = 3",
    "label": "row.append(document.createElement('input'))",
}
ROWS = f"""<html lang="en"><title>x</title><main><h1>x</h1>
<ul>{"<li>a row and <a href='/y'>a word</a></li>" * 80}</ul>
<div style="height: 100px; overflow: auto">{"<div>words</div>" * 40}</div></main>"""
ROW = "const row = document.querySelectorAll('li')[at], link = row.firstElementChild"


def test_what_is_wrong_in_one_of_many_rows_is_found(reader: Page) -> None:
    """While axe looks most of the rows are out of the page, though what has to be scrolled still has to be."""
    reader.set_content(ROWS)
    for at, fault in enumerate(FAULTS.values()):
        reader.evaluate(f"at => {{ {ROW}; {fault}; }}", 9 + 7 * at)
    before = reader.content()
    assert {found.split(" ")[0] for found in violations(reader)} == {*FAULTS, "scrollable-region-focusable"}
    assert reader.content() == before
    assert reader.evaluate(f"({UNLIKE})(() => document.querySelectorAll('li').length)") < 30


@pytest.mark.timeout(180)
def test_no_page_is_hard_to_use(reader: Page, shown: Viewer) -> None:
    found: dict[str, list[str]] = {}
    for name, path in PAGES.items():
        reader.goto(f"{shown.address}{path}")
        for width, height in WIDTHS.values():
            reader.set_viewport_size({"width": width, "height": height})
            found |= {f"{name}, {width}, {scheme}": said for scheme, said in in_both_schemes(reader).items()}
    assert len(found) == len(PAGES) * len(WIDTHS) * len(SCHEMES)
    assert {name: sentences for name, sentences in found.items() if sentences} == {}


@pytest.mark.timeout(120)
def test_what_opens_is_no_harder(reader: Page, shown: Viewer) -> None:
    harmless: dict[str, list[str]] = {scheme: [] for scheme in SCHEMES}
    reader.goto(f"{shown.address}/trace-viewer.html?since=2026-11-22T14:00:00Z&until=2026-11-22T15:00:00Z")
    for summary in ("#window > summary", "#kept > summary", "#columns > summary"):
        reader.locator(summary).click()
        assert in_both_schemes(reader) == harmless, summary
        reader.keyboard.press("Escape")
    reader.locator("#filter-q").press_sequentially("sta")
    reader.locator("#search-options [role=option]").first.wait_for()
    assert in_both_schemes(reader) == harmless
    reader.locator("#filter-q").fill("")
    reader.get_by_role("button", name="Keys").click()
    assert in_both_schemes(reader) == harmless


def test_everything_is_reached_by_keyboard_in_the_order_it_is_read(page: Page) -> None:
    order = []
    for _ in range(26):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.id || document.activeElement.className.split(' ')[0]"))
    assert order[0] == "skip"
    wanted = ["filter-lesson", "filter-user", "filter-status", "filter-service", "filter-q"]
    assert [step for step in order if step in wanted] == wanted
    assert page.evaluate("document.activeElement.matches(':focus-visible')")


def test_escape_closes_what_lies_over_the_page_and_nothing_else(page: Page, shown: Viewer) -> None:
    """With the focus where it was, so that the keyboard goes on from there; a click elsewhere closes it as well."""
    over = {
        f"/trace-viewer.html?trace={MISMATCH_TRACE}": (
            "#window",
            "#kept",
            "#columns",
            ".histogram__table",
            ".takeaway",
        ),
        "/operations": ("#window", ".heat__table"),
    }
    for path, panels in over.items():
        page.goto(f"{shown.address}{path}")
        for name in panels:
            panel, summary = page.locator(f"{name}"), page.locator(f"{name} > summary")
            summary.focus()
            page.keyboard.press("Enter")
            expect(panel).to_have_attribute("open", "")
            page.keyboard.press("Escape")
            expect(panel).not_to_have_attribute("open", "")
            expect(summary).to_be_focused()
            page.keyboard.press("Enter")
            expect(panel).to_have_attribute("open", "")
            page.mouse.click(4, 400)
            expect(panel).not_to_have_attribute("open", "")
        expect(page).to_have_url(f"{shown.address}{path}")


def test_what_changes_is_announced(page: Page, viewer: Viewer) -> None:
    live = page.locator("#said")
    expect(live).to_have_attribute("role", "status")
    page.get_by_label("Lesson ID").fill("lesson-011")
    page.get_by_label("Lesson ID").press("Enter")
    expect(live).to_have_text("Traces where lesson is lesson-011: 20 traces")
    page.get_by_text("Clear filters").click()
    expect(live).to_have_text("All traces: 314 traces")
    page.mouse.wheel(0, 700)
    until(lambda: page.evaluate("scrollY > 600"))
    viewer.write(fresh(1))
    expect(page.locator("#newer")).to_have_text("1 new trace", timeout=APPEARS_MS)
    expect(live).to_have_text("1 new trace", timeout=APPEARS_MS)
