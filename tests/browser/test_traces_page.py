"""The traces page as a reader uses it: a real server, a real file, a real browser."""

import re
import time

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import StartViewer, Viewer, Watched
from tests.feed.waiting import until
from tests.writing import event, line, span, trace_id

APPEARS_MS = 2_000  # from written to seen
MISMATCH_TRACE = "3e2337288c0cde97c1f5cae76038ca5b"


def fresh(number: int, **attributes: str) -> bytes:
    """A trace of now."""
    now_ns = time.time_ns()
    happened = [event("auth.failed", now_ns, hasCookie=False)]
    return line(
        span(number, trace=number, name=f"GET /fresh/{number}", start_ns=now_ns, attributes=attributes, events=happened)
    )


def row(page: Page, number: int) -> str:
    return f"#t-{trace_id(number)}"


def test_filters_by_lesson_and_by_user(page: Page) -> None:
    page.get_by_label("Lesson ID").fill("lesson-011")
    page.get_by_label("Lesson ID").press("Enter")
    expect(page.locator(".list__foot")).to_contain_text("20 of 20")
    expect(page).to_have_url(re.compile(r"\?lesson=lesson-011$"))
    page.get_by_label("User ID").fill("usr_0007")
    page.get_by_label("User ID").press("Tab")  # leaving the field is enough
    expect(page).to_have_url(re.compile(r"\?lesson=lesson-011&user=usr_0007$"))
    expect(page.locator(".field--user")).to_have_class(re.compile("field--set"))
    page.get_by_label("Status", exact=True).select_option("error")
    expect(page.locator(".list__foot")).to_contain_text("4 of 4")
    page.locator(".field--status .field__clear").click()
    expect(page.locator(".list__foot")).to_contain_text("20 of 20")
    page.get_by_text("Clear filters").click()
    expect(page.locator(".list__foot")).to_contain_text("50 of 314")
    expect(page.get_by_label("User ID")).to_have_value("")
    expect(page).to_have_url(re.compile(r"/trace-viewer.html$"))


def test_typing_brings_suggestions_from_the_index(page: Page) -> None:
    page.get_by_label("Lesson ID").press_sequentially("lesson-01")
    options = page.locator("#filter-lesson-values option")
    expect(options).to_have_count(3)
    assert options.first.get_attribute("value") == "lesson-011"


def test_a_user_in_a_row_filters_by_that_user_and_back_undoes_it(page: Page) -> None:
    page.locator("#list .row__who a").first.click()
    expect(page).to_have_url(re.compile(r"user=usr_0043"))
    expect(page.get_by_label("User ID")).to_have_value("usr_0043")
    page.go_back()
    expect(page.get_by_label("User ID")).to_have_value("")
    expect(page.locator(".list__foot")).to_contain_text("50 of 314")


def test_the_header_leads_on_with_what_is_filtered_in_place(page: Page) -> None:
    errors = page.get_by_role("navigation", name="Pages").get_by_role("link", name="Errors")
    page.get_by_label("Status", exact=True).select_option("error")
    expect(errors).to_have_attribute("href", "/errors?status=error")
    page.locator("#facets").get_by_role("link", name=re.compile("^diamond-district-worker")).click()
    expect(errors).to_have_attribute("href", "/errors?status=error&service=diamond-district-worker")
    page.go_back()
    expect(errors).to_have_attribute("href", "/errors?status=error")
    errors.click()
    expect(page).to_have_url(re.compile(r"/errors\?status=error$"))
    expect(page.get_by_label("Status", exact=True)).to_have_value("error")
    page.set_viewport_size({"width": 390, "height": 860})
    page.locator(".header__menu summary").click()
    page.locator("#pages-menu").get_by_role("link", name="Operations").click()
    expect(page).to_have_url(re.compile(r"/operations\?status=error$"))
    page.get_by_role("link", name="Clear filters").click()
    expect(page.locator("#pages-menu a").first).to_have_attribute("href", "/trace-viewer.html")


def test_a_page_that_only_polls_its_header_keeps_one(page: Page, shown: Viewer) -> None:
    for path in ("/connect", "/search-help"):
        with page.expect_response(
            lambda response: "seen=" in response.url
        ):  # the second poll: the first has been put in
            page.goto(f"{shown.address}{path}")
        expect(page.locator(".header")).to_have_count(1)
        expect(page.locator(".pill")).to_have_count(1)


def test_a_written_line_appears_by_itself(page: Page, viewer: Viewer) -> None:
    page.locator("#pill", has_text="Live").wait_for()
    viewer.write(fresh(1, **{"user.id": "usr_new"}))
    newest = page.locator("#list .row").first
    expect(newest).to_have_id(f"t-{trace_id(1)}", timeout=APPEARS_MS)
    expect(newest).to_contain_text("auth.failed · no cookie")
    expect(newest).to_contain_text("usr_new")


def test_a_reader_who_has_scrolled_loses_neither_place_nor_selection(page: Page, viewer: Viewer) -> None:
    page.mouse.wheel(0, 700)
    until(lambda: page.evaluate("scrollY > 600"))
    place = page.locator("#list .row").nth(18)
    place.evaluate("row => getSelection().selectAllChildren(row.querySelector('.row__service'))")
    before = (place.bounding_box(), page.evaluate("scrollY"), page.evaluate("String(getSelection())"))
    viewer.write(fresh(1), fresh(2))
    newer = page.locator("#newer")
    expect(newer).to_have_text("2 new traces", timeout=APPEARS_MS)
    viewer.write(fresh(3))
    expect(newer).to_have_text("3 new traces", timeout=APPEARS_MS)
    assert (place.bounding_box(), page.evaluate("scrollY"), page.evaluate("String(getSelection())")) == before
    assert before[2].startswith("diamond-district")
    expect(page.locator(row(page, 1))).to_have_count(0)
    newer.click()
    expect(page.locator("#list .row").first).to_have_id(f"t-{trace_id(3)}")
    until(lambda: page.evaluate("scrollY === 0"))


def test_pausing_freezes_the_page_and_loses_nothing(page: Page, viewer: Viewer) -> None:
    page.keyboard.press("Space")
    pill = page.locator("#pill")
    expect(pill).to_contain_text(re.compile(r"Paused at \d\d:\d\d, 0 new"))
    figures = page.locator("#strip .strip__figures").inner_text()
    viewer.write(fresh(1), fresh(2))
    expect(pill).to_contain_text("2 new", timeout=APPEARS_MS)
    expect(page.locator(row(page, 1))).to_have_count(0)
    assert page.locator("#strip .strip__figures").inner_text() == figures
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(row(page, 1))).to_be_visible()
    expect(pill).to_contain_text("Live")


def test_who_filters_while_paused_counts_what_is_new_from_there_on(page: Page, viewer: Viewer) -> None:
    page.keyboard.press("Space")
    pill = page.locator("#pill")
    expect(pill).to_contain_text("0 new")
    viewer.write(fresh(1, **{"user.id": "usr_new"}))
    expect(pill).to_contain_text("1 new", timeout=APPEARS_MS)
    page.get_by_label("User ID").fill("usr_new")
    page.get_by_label("User ID").press("Enter")
    expect(page.locator(row(page, 1))).to_be_visible()
    expect(pill).to_contain_text("0 new")
    viewer.write(fresh(2, **{"user.id": "usr_new"}))
    expect(pill).to_contain_text("1 new", timeout=APPEARS_MS)
    expect(page.locator(row(page, 2))).to_have_count(0)


def test_the_tab_is_called_after_what_it_shows(page: Page) -> None:
    expect(page).to_have_title("All traces · Diamond Viewer")
    page.get_by_label("User ID").fill("usr_0007")
    page.get_by_label("User ID").press("Enter")
    expect(page).to_have_title("Traces where user is usr_0007 · Diamond Viewer")
    page.locator("#list .row__link").first.click()
    expect(page).not_to_have_title(re.compile("^Traces"))
    page.keyboard.press("Escape")
    expect(page).to_have_title("Traces where user is usr_0007 · Diamond Viewer")


def test_opens_a_trace_reads_its_events_and_goes_back_and_forward(page: Page) -> None:
    page.get_by_label("Event").fill("video.resume_position_mismatch")
    page.get_by_label("Event").press("Enter")
    expect(page.locator("#list .row")).to_have_count(4)
    page.locator(f"#t-{MISMATCH_TRACE} .row__time").click()  # anywhere on the row
    expect(page.locator("#opened .trace__name")).to_have_text("POST /api/telemetry/video")
    expect(page.locator(f"#t-{MISMATCH_TRACE}")).to_have_attribute("aria-current", "true")
    names = page.locator("#opened .story__name")
    assert names.all_inner_texts() == ["video.resume_attempt", "video.resume_position_mismatch"]
    expect(page.locator("#opened .story")).to_contain_text("expected=240")
    other = page.locator("#list .row:not([aria-current]) .row__link").first
    other.click()
    expect(page).not_to_have_url(re.compile(MISMATCH_TRACE))
    page.go_back()
    expect(page).to_have_url(re.compile(MISMATCH_TRACE))
    expect(page.locator("#trace")).to_have_attribute("data-trace", MISMATCH_TRACE)
    page.go_back()
    expect(page.locator("#trace")).to_have_count(0)
    expect(page.get_by_label("Event", exact=True)).to_have_value("video.resume_position_mismatch")
    page.go_forward()
    expect(page.locator("#trace")).to_have_attribute("data-trace", MISMATCH_TRACE)


def test_an_opened_span_and_the_focus_survive_a_refresh(page: Page, viewer: Viewer) -> None:
    viewer.write(fresh(7))
    page.locator(f"{row(page, 7)} .row__link").click()
    details = page.locator(f"#s-{7:016x}")
    details.locator("summary").click()
    expect(details.locator(".span__body")).to_contain_text("hasCookie")
    page.get_by_label("User ID").focus()
    page.keyboard.type("usr_00")
    viewer.write(line(span(8, parent=7, trace=7, name="late child", start_ns=time.time_ns())))
    expect(page.locator("#opened")).to_contain_text("late child")
    expect(details).to_have_attribute("open", "")
    expect(page.get_by_label("User ID")).to_be_focused()
    expect(page.get_by_label("User ID")).to_have_value("usr_00")


def test_everything_can_be_reached_with_keys(page: Page) -> None:
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator("#list .row__link").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#trace")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#trace")).to_have_count(0)
    expect(page.locator("#list .row__link").first).to_be_focused()
    page.keyboard.press("e")
    expect(page.locator(".list__foot")).to_contain_text("33 of 33")
    page.keyboard.press("e")
    expect(page.locator(".list__foot")).to_contain_text("50 of 314")
    page.keyboard.press("a")
    expect(page.locator(".list__foot")).to_contain_text("20 of 20")
    page.keyboard.press("/")
    expect(page.locator("#filters .field__control:focus")).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()


def test_a_hidden_tab_does_not_poll(page: Page) -> None:
    page.evaluate("Object.defineProperty(document, 'hidden', { get: () => true, configurable: true })")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("new Promise(done => setTimeout(done, 2500))")  # two polls' time
    assert len(asked) <= 1  # one may have been on its way
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_event("request", timeout=APPEARS_MS)


def test_the_theme_is_remembered(page: Page) -> None:
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("button", name="Theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body.parentElement).colorScheme") == "dark"


def test_a_server_that_goes_away_is_noticed_and_found_again(
    page: Page, viewer: Viewer, start_viewer: StartViewer, watched: Watched
) -> None:
    watched.expected = ("Failed to fetch", "ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")
    port = int(viewer.address.rsplit(":", 1)[1])
    viewer.stop()
    expect(page.locator("#pill")).to_contain_text("Connection lost, retrying")
    expect(page.locator(".pill__lost")).to_be_visible()
    start_viewer(port)
    expect(page.locator(".pill__lost")).to_be_hidden()


def test_a_file_that_appears_later_is_picked_up(start_viewer: StartViewer, browser: Browser, watched: Watched) -> None:
    viewer = start_viewer()
    page = browser.new_page()
    watched.watch(page)
    page.goto(f"{viewer.address}/trace-viewer.html")
    expect(page.locator("#list")).to_contain_text(str(viewer.live))
    expect(page.locator("#pill")).to_contain_text("Waiting for traces.json")
    viewer.write(fresh(1))
    expect(page.locator(row(page, 1))).to_be_visible()
    page.close()


@pytest.mark.parametrize("width", [390, 1280, 1440, 3840])
def test_nothing_stands_out_of_the_window(page: Page, shown: Viewer, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 860})
    for path in (
        "/trace-viewer.html",
        f"/trace-viewer.html?user=usr_0007&trace={MISMATCH_TRACE}",
        f"/traces/{MISMATCH_TRACE}",
        "/health",
    ):
        page.goto(shown.address + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_setting_a_filter_moves_nothing_below_it(page: Page, shown: Viewer) -> None:
    tops: dict[tuple[int, str], float] = {}
    for width in (1280, 1440, 1920):
        page.set_viewport_size({"width": width, "height": 860})
        for asked in ("", "?status=error"):
            page.goto(f"{shown.address}/trace-viewer.html{asked}")
            tops[width, asked] = page.locator("#strip").evaluate("strip => strip.getBoundingClientRect().top")
    assert {width: tops[width, "?status=error"] - top for (width, asked), top in tops.items() if not asked} == {
        1280: 0,
        1440: 0,
        1920: 0,
    }


def test_without_javascript_it_filters_opens_and_pages(browser: Browser, shown: Viewer, watched: Watched) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    watched.watch(page)
    page.goto(f"{shown.address}/trace-viewer.html")
    page.get_by_label("User ID").fill("usr_0007")
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile(r"\?user=usr_0007$"))
    expect(page.locator(".list__foot")).to_contain_text("50 of 53")
    page.get_by_role("link", name="Older").click()
    expect(page.locator("#list .row")).to_have_count(3)
    page.locator(".row__link").first.click()
    expect(page.locator("#opened .trace__name")).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_be_hidden()
    context.close()


def test_a_closed_trace_stays_closed_whatever_is_filtered_next(page: Page) -> None:
    page.locator("#list .row__link").first.click()
    page.locator("#opened .trace").wait_for()
    page.keyboard.press("Space")  # paused: nothing prints the links anew
    page.keyboard.press("Escape")
    expect(page.locator("#opened .trace")).to_have_count(0)
    page.keyboard.press("e")
    expect(page).to_have_url(re.compile(r"status=error"))
    expect(page).not_to_have_url(re.compile(r"trace="))
    expect(page.locator("#opened .trace")).to_have_count(0)


@pytest.mark.parametrize(("lesson", "found", "is_there"), [("lesson-020", 15, True), ("lesson-011", 20, False)])
def test_what_was_typed_is_applied_before_a_row_is_followed(
    page: Page, lesson: str, found: int, is_there: bool
) -> None:
    def answer_when_the_row_was_clicked(route: Route) -> None:
        page.locator("html[data-clicked]").wait_for()
        route.continue_()

    asked = re.compile(rf"trace-viewer\.html\?lesson={lesson}&user=&")
    page.get_by_label("Lesson ID").press_sequentially(lesson)
    page.evaluate("addEventListener('click', () => document.documentElement.setAttribute('data-clicked', ''), true)")
    page.route(asked, answer_when_the_row_was_clicked)
    page.locator("#list .row__link").first.click()  # the field is left: a change
    expect(page.locator(".list__foot")).to_contain_text(f"{found} of {found}")
    expect(page).to_have_url(re.compile(rf"\?lesson={lesson}{'&trace=[0-9a-f]{32}' if is_there else ''}$"))
    expect(page.locator("#opened .trace")).to_have_count(int(is_there))
    expect(page.get_by_label("Lesson ID")).to_have_value(lesson)


def test_enter_in_a_filter_asks_once(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "lesson=lesson-011&user=" in request.url else None)
    page.get_by_label("Lesson ID").press_sequentially("lesson-011")
    page.get_by_label("Lesson ID").press("Enter")
    expect(page.locator(".list__foot")).to_contain_text("20 of 20")
    assert len(asked) == 1
