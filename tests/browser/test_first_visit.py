"""What helps a newcomer, and whoever looks at another tab: first steps, notifications, the tab's colour, paper."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Viewer, Watched
from tests.browser.test_traces_page import fresh
from tests.feed.waiting import until

TOLD = (
    "window.told = []; window.Notification = class extends EventTarget {"  # the system's own window cannot be looked at
)
TOLD += " static permission = 'granted'; static requestPermission = async () => 'granted';"
TOLD += " constructor(title, options) { super(); told.push([title, options.body]) } };"


@pytest.fixture
def newcomer(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield context
    context.close()


def test_three_hints_are_read_once_and_found_again(newcomer: BrowserContext, shown: Viewer) -> None:
    page = newcomer.new_page()
    page.goto(f"{shown.address}/trace-viewer.html")
    hints = page.get_by_role("complementary", name="First steps")
    for number, (title, marked) in enumerate(
        (("Whose trouble", "#filters"), ("What happened", "#list"), ("only once", ".header__nav")), 1
    ):
        expect(hints).to_contain_text(title)
        expect(hints).to_contain_text(f"{number} of 3")
        expect(page.locator(marked)).to_have_class(re.compile("hinted"))
        if number == 3:
            page.set_viewport_size({"width": 390, "height": 844})
            expect(page.locator(".hinted").locator("visible=true")).to_have_count(1)  # a menu, on a phone
        hints.get_by_role("button", name="Done" if number == 3 else "Next").click()
    expect(hints).to_be_hidden()
    expect(page.locator(".hinted")).to_have_count(0)
    page.reload()
    page.locator("#list .row").first.wait_for()
    expect(hints).to_be_hidden()
    page.keyboard.press("?")
    page.get_by_role("button", name="First steps").click()
    expect(hints).to_contain_text("1 of 3")
    page.keyboard.press("Escape")
    expect(hints).to_be_hidden()


def test_a_kept_search_notifies_once_of_what_is_new(page: Page, viewer: Viewer) -> None:
    page.context.add_init_script(TOLD)
    page.goto(f"{viewer.address}/trace-viewer.html?user=usr_new&column=spans")
    page.locator("#kept > summary").click()
    page.get_by_label("Name for this search").fill("New one")
    page.get_by_role("button", name="Keep").click()
    bell = page.get_by_role("button", name="Notify me when “New one” matches something new")
    bell.click()
    expect(bell).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#kept .menu__said")).to_contain_text("You are notified")

    viewer.write(fresh(1, **{"user.id": "usr_new"}))
    page.locator("#list .row").first.wait_for()
    for _ in range(2):  # the second look finds nothing that was not told
        page.evaluate("document.dispatchEvent(new Event('viewer:look'))")
        until(lambda: page.evaluate("told.length === 1"))
    assert page.evaluate("told") == [["New one", "GET /fresh/1: 1 trace matches now"]]

    bell.click()
    expect(bell).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("localStorage.notify") == "{}"


def test_a_browser_that_refuses_is_said(page: Page) -> None:
    page.context.add_init_script(TOLD.replace("'granted'", "'denied'"))
    page.reload()
    page.locator("#kept > summary").click()
    page.get_by_role("button", name="Keep").click()
    page.locator("#kept [data-notify]").click()
    expect(page.locator("#kept .menu__said")).to_contain_text("allow it in the settings of this site")
    expect(page.locator("#kept [data-notify]")).to_have_attribute("aria-pressed", "false")


def test_the_tab_is_red_while_nothing_comes(page: Page, viewer: Viewer, watched: Watched) -> None:
    watched.expected = ("503",)
    viewer.write(fresh(2))  # or nothing may have come for many minutes of tests
    icon = page.locator("link[rel=icon]")
    expect(icon).to_have_attribute("href", re.compile("/diamond.svg"))
    page.route("**/trace-viewer.html*", lambda route: route.fulfill(status=503, body=""))
    expect(icon).to_have_attribute("href", re.compile("/diamond-trouble.svg"))
    page.unroute("**/trace-viewer.html*")
    expect(icon).to_have_attribute("href", re.compile("/diamond.svg"))


WIDTHS = (
    "selector => [...document.querySelectorAll(selector)].map(one => one.getBoundingClientRect().width / innerWidth)"
)
INPUTS = "[...document.querySelectorAll('input, select, button')].filter(one => one.checkVisibility()).length"


def test_a_list_and_a_trace_are_printed_without_the_furniture(page: Page, shown: Viewer) -> None:
    page.set_viewport_size({"width": 718, "height": 1000})  # an A4 sheet between its margins
    page.emulate_media(media="print", color_scheme="dark")
    for gone in (".header__nav", ".header__menu", "#filters", "#facets", ".list__foot", "#pill"):
        expect(page.locator(gone)).to_be_hidden()
    assert page.evaluate(WIDTHS, "#list") == [pytest.approx(1, abs=0.06)]
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    page.emulate_media(media="screen")
    page.locator("#list .row__link").first.click()
    page.locator("#opened .trace").wait_for()
    page.emulate_media(media="print")
    expect(page.locator("#list")).to_be_hidden()
    assert page.evaluate(WIDTHS, "#opened .trace") == [pytest.approx(1, abs=0.06)]
    assert page.evaluate(INPUTS) == 0
    left = "one => one.getBoundingClientRect().left"
    minimap, bars = (page.locator(one).first.evaluate(left) for one in ("#opened .minimap__map", "#opened .span__lane"))
    assert minimap == pytest.approx(bars, abs=12)  # one stands above the other
    for path in ("/errors", "/map", "/users/usr_0007", "/logs"):
        page.goto(f"{shown.address}{path}")
        assert page.evaluate(INPUTS) == 0, path


def test_what_is_chosen_is_seen_in_the_colours_of_the_system(page: Page, shown: Viewer) -> None:
    page.emulate_media(forced_colors="active")
    outline = "one => getComputedStyle(one).outlineStyle"
    edge = "row => getComputedStyle(row.querySelector('td')).borderLeftColor"
    page.goto(f"{shown.address}/trace-viewer.html?status=error")
    for chosen in ("#filter-status", ".figure[data-key=e]", ".facet__link[aria-current]", ".header__tab[aria-current]"):
        assert page.locator(chosen).first.evaluate(outline) == "solid", chosen
    assert page.locator("#filter-service").evaluate(outline) == "none"
    failed = page.locator("#list .row--error").first.evaluate(edge)
    page.goto(f"{shown.address}/trace-viewer.html?status=ok")
    assert page.locator("#list .row").first.evaluate(edge) != failed
    page.goto(f"{shown.address}/map")
    for chosen in (".bar__windows", ".map__zooms"):
        assert page.locator(f"{chosen} [aria-current]").evaluate(outline) == "solid", chosen


def test_more_contrast_is_given_to_who_asks(page: Page) -> None:
    page.emulate_media(contrast="more")
    colours = page.evaluate(
        "['.row__second', '.row__first'].map(one => getComputedStyle(document.querySelector(one)).color)"
    )
    assert colours[0] == colours[1]
