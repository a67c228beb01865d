"""What lies over a page, what is folded out, and pages that are seldom met: axe agrees with all of them, in both schemes."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Route, expect

from diamond_viewer.settings.settings import Settings
from diamond_viewer.store import StoreError
from diamond_viewer.telemetry.model import Health
from diamond_viewer.web.app import app_for, create_app
from tests.asking import NOW_NS
from tests.browser.conftest import Viewer, Watched, context_of
from tests.browser.test_accessibility import SCHEMES, in_both_schemes
from tests.browser.test_traces_page import MISMATCH_TRACE
from tests.plain_store import PlainStore
from tests.web.test_cut_off_ids import LINES, ONE
from tests.web.test_golden import INDEXING, WAITING

OPENED = f"/trace-viewer.html?trace={MISMATCH_TRACE}"
FOLDED_OUT: dict[str, tuple[str, str, str, int]] = {  # path, what is clicked, what is there then, width
    "take away": (OPENED, ".takeaway > summary", ".takeaway__panel", 1280),
    "a span": (f"/traces/{MISMATCH_TRACE}", ".span--error > summary", ".span__body .attributes", 1280),
    "statistics": (f"/traces/{MISMATCH_TRACE}?view=statistics", "", ".figures", 1280),
    "flame graph": (f"/traces/{MISMATCH_TRACE}?view=flame", "", ".flame", 1280),
    "JSON": (f"/traces/{MISMATCH_TRACE}?view=json", "", ".json", 1280),
    "comparison": (f"/traces/{MISMATCH_TRACE}?view=compare", ".candidates a", ".figures--difference", 1280),
    "a group of errors": ("/errors", ".tally__link", "#fault .differ", 1280),
    "durations as a table": ("/operations", ".heat__table > summary", ".heat__table table", 1280),
    "a chart as a table": ("/video", ".chart__table > summary", ".chart__scroll", 1280),
    "video on a phone": ("/video", "", ".metric", 390),
    "the map": ("/map", "", ".map__node", 1280),
    "the map in part": ("/map", "[data-zoom='200']", ".map__node", 390),
    "pages on a phone": ("/health", ".header__menu > summary", ".header__menu .menu__panel", 390),
    "keys": ("/map", "[data-act=help]", "#help", 1280),
    "paused": ("/trace-viewer.html?limit=5", "[data-act=pause]", ".pill--paused", 1280),
}


class Broken(PlainStore):
    def health(self) -> Health:
        raise StoreError("The cluster does not answer.")


def rendered(tmp_path: Path) -> dict[str, str]:
    """Pages that the shared viewer has no occasion to show: name -> HTML."""
    (tmp_path / "tokens").write_text("a-token-of-the-team")
    alike, empty, indexing = PlainStore.from_lines(LINES), PlainStore(), PlainStore()
    empty.report(WAITING)
    indexing.report(INDEXING)
    guarded = app_for(alike, Settings(auth_token_file=str(tmp_path / "tokens")))

    def page(app: Flask, path: str) -> str:
        return app.test_client().get(path, headers={"Host": "localhost"}).text

    def showing(store: PlainStore) -> Flask:
        return create_app(store, clock=lambda: NOW_NS)

    return {
        "traces alike": page(showing(alike), f"/traces/{ONE[:8]}"),
        "no such trace": page(showing(alike), f"/traces/{'1' * 32}"),
        "waiting for a file": page(showing(empty), "/trace-viewer.html"),
        "reading the backlog": page(showing(indexing), "/trace-viewer.html"),
        "no answer": page(showing(Broken()), "/trace-viewer.html"),
        "log in": page(guarded, "/log-in"),
        "log out": page(guarded, "/log-out"),
    }


@pytest.fixture
def reader(browser: Browser, shared_viewer: Viewer, watched: Watched) -> Iterator[Page]:
    context = context_of(browser, base_url=shared_viewer.address)
    page = context.new_page()
    watched.watch(page)
    yield page
    context.close()


@pytest.mark.timeout(180)
def test_what_is_folded_out_is_no_harder(reader: Page) -> None:
    found: dict[tuple[str, str], list[str]] = {}
    for name, (path, clicked, there, width) in FOLDED_OUT.items():
        reader.set_viewport_size({"width": width, "height": 860})
        reader.goto(path)
        if clicked:
            reader.locator(clicked).first.click()
        expect(reader.locator(there).first).to_be_visible()
        found |= {(name, scheme): said for scheme, said in in_both_schemes(reader).items()}
    assert len(found) == len(FOLDED_OUT) * len(SCHEMES)
    assert {state: sentences for state, sentences in found.items() if sentences} == {}


@pytest.mark.timeout(120)
def test_pages_that_are_seldom_met_are_no_harder_and_lead_on(reader: Page, tmp_path: Path) -> None:
    found: dict[tuple[str, str], list[str]] = {}
    pages = rendered(tmp_path)

    def answer(route: Route) -> None:
        if "hx-request" in route.request.headers:
            return route.fulfill(status=204)  # a poll: nothing new
        (name,) = parse_qs(urlsplit(route.request.url).query)["rendered"]
        return route.fulfill(body=pages[name], content_type="text/html; charset=utf-8")

    reader.route("**/trace-viewer.html?rendered=*", answer)
    reader.set_viewport_size({"width": 390, "height": 860})
    for name in pages:
        reader.goto(f"/trace-viewer.html?rendered={name}")
        found |= {(name, scheme): said for scheme, said in in_both_schemes(reader).items()}
        assert reader.evaluate("document.documentElement.scrollWidth") <= 390, name
        assert reader.locator("#page").locator("a[href], button").count() > 0, name
    assert len(found) == len(pages) * len(SCHEMES)
    assert {state: sentences for state, sentences in found.items() if sentences} == {}


def test_the_first_steps_are_no_harder(browser: Browser, shared_viewer: Viewer) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    page.goto(f"{shared_viewer.address}/trace-viewer.html")
    page.locator("#hints").wait_for()
    assert in_both_schemes(page) == {scheme: [] for scheme in SCHEMES}
    context.close()
