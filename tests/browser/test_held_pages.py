"""Pages that stand still: because their reader has paused, or because the server has no time for them."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route, expect

from diamond_viewer.web.crowd import MAX_WAITING, later
from tests.browser.conftest import Viewer, Watched
from tests.browser.test_traces_page import APPEARS_MS, fresh

AGAIN_MS = 12_000  # a poll waits up to 4 s, a page up to 6 s


def test_a_pause_goes_along_to_every_page_of_the_tab_until_it_is_resumed(page: Page, viewer: Viewer) -> None:
    viewer.write(fresh(1, **{"user.id": "usr_new"}))
    page.goto(f"{viewer.address}/users/usr_new")
    traces = page.locator(".figure", has_text="Traces").locator(".figure__value").first
    expect(traces).to_have_text("1")
    viewer.write(fresh(2, **{"user.id": "usr_new"}))
    expect(traces).to_have_text("2", timeout=APPEARS_MS)  # the figures move
    page.keyboard.press("Space")
    pill = page.locator("#pill")
    expect(pill).to_contain_text("Paused at")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Journeys").click()
    expect(pill).to_contain_text("Paused at")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.get_by_role("link", name="usr_new").click()
    expect(pill).to_contain_text("Paused at")
    with page.expect_response(lambda response: "paused=" in response.url and response.status == 200):
        viewer.write(fresh(3, **{"user.id": "usr_new"}))
    expect(traces).to_have_text("2")
    page.get_by_role("button", name="Resume").click()
    expect(traces).to_have_text("3", timeout=APPEARS_MS)
    page.go_back()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(pill).to_contain_text("Live")


def in_a_crowd(route: Route) -> None:
    """What the server's loop says when too many ask."""
    asked = "".join(f"{name}: {said}\r\n" for name, said in route.request.headers.items())
    answer = later(f"GET {urlsplit(route.request.url).path} HTTP/1.1\r\n{asked}\r\n".encode(), MAX_WAITING)
    assert answer is not None
    head, body = answer.split(b"\r\n\r\n", 1)
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    route.fulfill(status=503, headers=headers, body=body)


def test_in_a_crowd_the_page_stays_says_why_and_what_was_clicked_comes_by_itself(page: Page, watched: Watched) -> None:
    watched.expected = ("503",)
    page.route("**/trace-viewer.html**", in_a_crowd)
    pill = page.locator("#pill")
    expect(pill).to_contain_text("Too many requests, retrying", timeout=AGAIN_MS)
    expect(page.locator("#list .row")).to_have_count(50)
    page.unroute("**/trace-viewer.html**")
    expect(pill).not_to_contain_text("Too many requests, retrying", timeout=AGAIN_MS, use_inner_text=True)
    page.route("**/trace-viewer.html**", in_a_crowd)
    page.locator("#list .row__who a").first.click()
    expect(page.get_by_role("heading", name="Busy for a moment")).to_be_visible()
    expect(page).to_have_url(re.compile("user=usr_0043"))
    page.unroute("**/trace-viewer.html**")
    expect(page.get_by_label("User ID")).to_have_value("usr_0043", timeout=AGAIN_MS)
