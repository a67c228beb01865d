"""What holds for every page: it stands still while it loads, fits a phone, has its own title, leads on, and axe agrees."""

from collections import Counter
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import Viewer, Watched, context_of
from tests.browser.test_accessibility import in_both_schemes
from tests.browser.test_traces_page import MISMATCH_TRACE

PAGES = (
    "/trace-viewer.html",
    f"/traces/{MISMATCH_TRACE}",
    "/errors",
    "/journeys",
    "/users/usr_0007",
    "/lessons/lesson-012",
    "/operations",
    "/logs",
    "/video",
    "/map",
    "/health",
    "/connect",
    "/import",
    "/search-help",
)
MAX_SHIFT = 0.02  # Core Web Vitals call 0.1 good
SHIFT = """() => new Promise(done => {
    let shift = 0;
    new PerformanceObserver(list => { for (const entry of list.getEntries()) shift += entry.value; })
        .observe({ type: "layout-shift", buffered: true });
    setTimeout(() => done(shift), 300); // what was buffered comes at once; this is longer than a font or an image would take
})"""


@pytest.fixture(scope="module", params=["light", "dark"])
def desk(browser: Browser, shared_viewer: Viewer, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = context_of(browser, base_url=shared_viewer.address, color_scheme=request.param)
    yield context.new_page()
    context.close()


@pytest.mark.timeout(120)
def test_pages_stand_still_and_fit_a_phone(desk: Page, watched: Watched) -> None:
    watched.watch(desk)
    shifts, too_wide, titles = {}, {}, {}
    for path in PAGES:
        desk.set_viewport_size({"width": 1280, "height": 800})
        desk.goto(path)
        titles[path] = desk.title()
        shifts[path] = desk.evaluate(SHIFT)
        desk.set_viewport_size({"width": 390, "height": 844})
        too_wide[path] = desk.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert {path: shift for path, shift in shifts.items() if shift > MAX_SHIFT} == {}
    assert {path: pixels for path, pixels in too_wide.items() if pixels > 0} == {}
    assert len(set(titles.values())) == len(PAGES), titles


@pytest.mark.timeout(120)
def test_axe_finds_nothing_serious_on_pages_that_no_other_test_opens(browser: Browser, shared_viewer: Viewer) -> None:
    context = context_of(browser, base_url=shared_viewer.address, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    found: dict[str, list[str]] = {}
    for path in ("/errors", "/operations", "/logs", "/connect", "/import"):
        page.goto(path)
        found |= {f"{path}, {scheme}": said for scheme, said in in_both_schemes(page).items()}
    context.close()
    assert len(found) == 5 * 2
    assert {path: sentences for path, sentences in found.items() if sentences} == {}


TABLE_ROLES = ("table", "rowgroup", "row", "cell", "columnheader", "rowheader")


def test_a_table_is_one_on_a_phone_as_well(desk: Page) -> None:
    """Rows that are laid out as blocks there are read aloud as rows still, with their headings."""
    tree = desk.context.new_cdp_session(desk)
    counts: dict[int, dict[str, Counter[str]]] = {1280: {}, 390: {}}
    for path in ("/trace-viewer.html", "/errors", "/operations", "/journeys", "/logs", "/map", "/health", "/import"):
        desk.goto(path)
        for width, counted in counts.items():
            desk.set_viewport_size({"width": width, "height": 844})
            nodes = tree.send("Accessibility.getFullAXTree")["nodes"]
            roles = (node["role"]["value"] for node in nodes if not node["ignored"])
            counted[path] = Counter(role for role in roles if role in TABLE_ROLES)
        assert counts[1280][path]["columnheader"] > 0, path
    journeys = counts[390].pop("/journeys")  # where a column has no room
    assert journeys["rowheader"] == counts[1280].pop("/journeys")["rowheader"]
    assert counts[390] == counts[1280]
    counts[390].pop("/map")  # stays a table, to be scrolled
    # Chromium leaves groups out unless they say what they are, as others do with rows
    groups = {path: counted["rowgroup"] / counted["table"] for path, counted in counts[390].items()}
    assert groups == dict.fromkeys(groups, 2)


def test_no_page_is_a_dead_end(desk: Page) -> None:
    """From each page the list, the help and the other pages can be reached by keyboard alone."""
    for path in (*PAGES, "/nothing-here"):
        desk.goto(path)
        desk.keyboard.press("Tab")  # the skip link
        assert desk.evaluate("document.activeElement.className") == "skip", path
        desk.keyboard.press("Tab")
        assert desk.evaluate("document.activeElement.getAttribute('href')") == "/trace-viewer.html", path
        desk.keyboard.press("?")
        assert desk.locator("#help").is_visible(), path
        desk.keyboard.press("Escape")
        assert not desk.locator("#help").is_visible(), path
