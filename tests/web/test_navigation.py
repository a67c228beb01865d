"""The links of the header: they take the filters of a page along to the others, as far as those understand them."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask.testing import FlaskClient

from diamond_viewer.web.navigation import FILTERED_BY, PAGES
from tests.web.html_outline import Outline
from tests.web.test_polling import POLL

BODY = POLL | {"HX-Target": "main#page"}
FILTERED = (
    "lesson=lesson-011&user=usr_0007&service=diamond-district-web&status=error&flag=slow&min_ms=5&q=span:{kind:server}"
)
WINDOWED = f"{FILTERED}&since=2026-11-22T14:00:00Z&until=2026-11-22T15:00:00Z"
ALL = dict(parse_qsl(WINDOWED))
WINDOW = {name: ALL[name] for name in ("since", "until")}


def links_of(client: FlaskClient, url: str, **headers: dict[str, str]) -> dict[str, str]:
    page = Outline(client.get(url, follow_redirects=True, **headers).text)
    found = {}
    for name in ("pages", "pages-menu"):
        links = [one for one in page.one(id=name).all() if one.tag == "a"]
        found[name] = {one.words(): one.attributes["href"] for one in links}
    assert found["pages"] == found["pages-menu"]
    return found["pages"]


def taken(href: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(href).query))


@pytest.mark.parametrize("path", ["/trace-viewer.html", "/errors", "/operations", "/map", "/differences"])
def test_a_filtered_page_leads_to_the_others_with_what_they_understand(client: FlaskClient, path: str) -> None:
    links = links_of(
        client, f"{path}?{WINDOWED}&limit=20&page=2&sort=duration&column=spans&group=1&by=last&zoom=50&trace=12"
    )
    whose = {name: ALL[name] for name in ("lesson", "user", "service")}
    assert {words: taken(href) for words, href in links.items() if urlsplit(href).path != path} == {
        words: found
        for words, there, found in (
            ("Traces", "/trace-viewer.html", ALL),
            ("Errors", "/errors", ALL),
            ("Journeys", "/journeys", {"find": "usr_0007", **WINDOW}),
            ("Operations", "/operations", ALL),
            ("Logs", "/logs", whose | WINDOW),
            ("Video", "/video", WINDOW),
            ("Map", "/map", ALL),
            ("Health", "/health", {}),
        )
        if there != path
    }
    assert path == "/differences" or path in links.values()  # to itself without any


@pytest.mark.parametrize(
    ("url", "page", "leads_to"),
    [
        ("/users/usr_0007?since=1h", "Traces", "/trace-viewer.html?user=usr_0007&since=1h"),
        ("/users/usr_0007?since=1h", "Journeys", "/journeys?since=1h"),
        ("/lessons/lesson-011", "Logs", "/logs?lesson=lesson-011"),
        ("/logs?service=web&severity=warn&text=a&since=15m", "Errors", "/errors?service=web&since=15m"),
        ("/journeys?find=usr&since=15m", "Operations", "/operations?since=15m"),
        ("/video?by=device&since=15m", "Traces", "/trace-viewer.html?since=15m"),
        ("/trace-viewer.html?status=ok&user=a", "Errors", "/errors?user=a"),
        ("/trace-viewer.html?lesson=lesson-011", "Journeys", "/journeys?find=lesson-011"),
        (f"/trace-viewer.html?lesson={'x' * 61}", "Journeys", "/journeys"),
        (
            "/trace-viewer.html?since=14:30&colour=red&min_ms=slow&q=(",
            "Errors",
            "/errors?since=2026-11-23T14%3A30%3A00Z",
        ),
        ("/traces/3e2337288c0cde97c1f5cae76038ca5b?from=1&kind=server", "Errors", "/errors"),
        ("/health", "Errors", "/errors"),
        ("/nowhere?user=a", "Errors", "/errors"),
        ("/trace-viewer.html?flag=slow&flag=buffering", "Map", "/map?flag=slow&flag=buffering"),
    ],
)
def test_what_a_page_cannot_use_is_left_behind(client: FlaskClient, url: str, page: str, leads_to: str) -> None:
    assert links_of(client, url)[page] == leads_to


def test_no_link_of_the_header_leads_to_a_page_that_complains(client: FlaskClient) -> None:
    for path in FILTERED_BY:
        for href in links_of(client, f"{path}?{WINDOWED}").values():
            answer = client.get(href)
            assert answer.status_code == 200
            assert not re.search(r"Unknown parameter|is ignored|cannot be filtered", answer.text), href


def test_filters_that_are_set_in_place_reach_the_header(client: FlaskClient) -> None:
    for path, name in (
        ("/trace-viewer.html", "Errors"),
        ("/errors", "Map"),
        ("/operations", "Map"),
        ("/differences", "Map"),
    ):
        link = links_of(client, f"{path}?user=usr_0007", headers=BODY)[name]
        assert taken(link) == {"user": "usr_0007"}


def test_every_page_of_the_header_says_what_is_there() -> None:
    assert len({title for *_, title in PAGES}) == len(PAGES)
    assert {path for path, *_ in PAGES} <= {*FILTERED_BY, "/health"}
