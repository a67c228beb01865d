"""Imports over HTTP: taken, shown beside the live files, removed; and who may not."""

import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from diamond_viewer.imports import Imports
from diamond_viewer.web.app import create_app
from diamond_viewer.web.uploads import MAX_UPLOAD_BYTES
from tests import writing
from tests.asking import NOW_NS
from tests.plain_store import PlainStore
from tests.web.html_outline import Outline

VARIANTS = Path(__file__).parents[1] / "data" / "variants"
LINES = (VARIANTS / "rotation-timberjack-names/traces.json").read_bytes()
PAGES = ("trace-viewer.html", "errors", "operations", "video", "map", "health", "search-help")


@pytest.fixture
def client(real_store: PlainStore) -> Iterator[FlaskClient]:
    with Imports(1024**3, 16 * 1024**2) as imports:
        yield create_app(real_store, clock=lambda: NOW_NS, imports=imports).test_client()


def taken(client: FlaskClient, content: bytes = LINES, name: str = "dropped.json") -> str:
    answer = client.post("/api/import", data=content, query_string={"name": name})
    assert answer.status_code == 201, answer.text
    return str(answer.json["href"])  # type: ignore[index]


def form(name: str, content: bytes, text: str = "") -> dict[str, object]:
    return {"file": (io.BytesIO(content), name), "text": text}


def test_an_import_is_a_source_of_its_own_and_the_live_one_stays_as_it_was(client: FlaskClient) -> None:
    before = client.get("/api/stats").json
    assert taken(client) == "/import/1/trace-viewer.html"
    health = client.get("/import/1/api/health").json
    assert health is not None
    assert (health["spans"], [source["path"] for source in health["sources"]]) == (304, ["dropped.json"])
    assert client.get("/api/stats").json == before
    page = client.get("/import/1/trace-viewer.html").text
    assert "dropped.json: lines of a collector" in page
    assert "Imported" in Outline(page).one(id="pill").words()


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_an_import_s_page_stays_in_the_import(client: FlaskClient, page: str) -> None:
    taken(client)
    outline = Outline(client.get(f"/import/1/{page}").text)
    assert outline.problems == []
    names = ("href", "src", "action", "hx-get", "data-copy", "data-from", "data-href", "data-rows")
    targets = {
        element.attributes[name] for element in outline.root.all() for name in names if name in element.attributes
    }
    own = {target for target in targets if target.startswith("/import/1/")}
    others = {target for target in targets - own if target.startswith("/")}
    assert own
    assert {target for target in others if not target.startswith("/static/")} == {"/import"}
    for target in own:
        assert client.get(target).status_code in (200, 302), target


def test_an_opened_trace_and_its_fragments_stay_in_the_import(client: FlaskClient) -> None:
    href = taken(client, (VARIANTS / "jaeger/trace.json").read_bytes())
    assert href == "/import/1/trace-viewer.html?trace=3e2337288c0cde97c1f5cae76038ca5b"
    poll = {"HX-Request": "true", "HX-Target": "div#status", "Accept-Encoding": "gzip"}
    answer = client.get(href, headers=poll)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert 'href="/traces/' not in gzip.decompress(answer.data).decode()
    assert 'href="/import/1/traces/3e2337288c0cde97c1f5cae76038ca5b' in client.get(href).text
    assert client.get("/import/1/").headers["Location"] == "/import/1/trace-viewer.html"
    assert client.get("/import/1/link?since=15m").text.startswith("/import/1/trace-viewer.html?")
    assert client.get("/import/1/traces/3e2337288c0cde97c1f5cae76038ca5b").status_code == 200


def test_a_form_without_javascript_opens_a_file_or_a_text(client: FlaskClient) -> None:
    answer = client.post("/api/import", data=form("mine.json", gzip.compress(LINES)))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/import/1/trace-viewer.html")
    answer = client.post("/api/import", data=form("", b"", writing.line(writing.span()).decode()))
    assert (answer.status_code, answer.headers["Location"][:9]) == (303, "/import/2")
    refused = client.post("/api/import", data=form("x.txt", b"Hello"))
    assert refused.status_code == 422
    assert "This is text, no telemetry" in Outline(refused.text).one(role="alert").words()
    page = Outline(client.get("/import").text)
    assert page.problems == []
    assert "mine.json" in page.one(aria_label="Open sources").words()


@pytest.mark.parametrize("path", ["/import", "/api/import"])
def test_a_poll_of_the_page_brings_the_status_only(client: FlaskClient, path: str) -> None:
    """Or the whole page would stand in place of its own pill."""
    page = client.get(path).text
    assert page.count("<header") == 1
    polled = client.get(path, headers={"HX-Request": "true", "HX-Target": "div#status"}).text
    assert polled.count("<hx-partial") == 1
    assert "<header" not in polled
    assert "pill" in polled


def test_an_import_is_removed_and_its_address_says_so(client: FlaskClient) -> None:
    href = taken(client)
    assert client.post("/import/1/remove").headers["Location"] == "/import"
    gone = client.get(href)
    assert gone.status_code == 404
    assert "This import is not open any more" in gone.text
    assert client.post("/import/1/remove").status_code == 404


def test_the_console_exporter_s_output_is_named(client: FlaskClient) -> None:
    answer = client.post("/api/import", data=(VARIANTS / "js-console-exporter.txt").read_bytes())
    assert answer.status_code == 422
    assert "what the JavaScript SDK's console exporter prints" in json.loads(answer.text)["error"]


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}]
)
def test_another_site_may_neither_import_nor_remove(client: FlaskClient, headers: dict[str, str]) -> None:
    taken(client)
    assert client.post("/api/import", data=LINES, headers=headers).status_code == 403
    assert client.post("/import/1/remove", headers=headers).status_code == 403
    assert len(Outline(client.get("/import").text).find(action="/import/1/remove")) == 1


def test_a_form_of_ours_which_has_no_origin_is_taken_when_the_browser_says_that_it_is_ours(client: FlaskClient) -> None:
    taken(client)
    assert client.post("/import/1/remove", headers={"Origin": "null"}).status_code == 403
    headers = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/import/1/remove", headers=headers).status_code == 303


def test_under_another_host_name_an_import_is_not_shown(client: FlaskClient) -> None:
    assert client.get(taken(client), headers={"Host": "evil.example"}).status_code == 400


def test_what_is_too_large_is_refused_and_other_addresses_still_take_little(client: FlaskClient) -> None:
    said = {"CONTENT_LENGTH": str(MAX_UPLOAD_BYTES + 1)}
    assert client.post("/api/import", data=b"{}", environ_overrides=said).status_code == 413
    assert client.post("/import/1/remove", data=b"x" * 100_000).status_code == 413


def test_hostile_names_and_values_are_shown_as_text(client: FlaskClient) -> None:
    hostile = '"><img src=x onerror=alert(1)>" href="'
    href = taken(client, writing.line(writing.span(name=hostile, attributes={"user.id": hostile})), f"{hostile}.json")
    for page in (href, "/import", href.replace("trace-viewer.html?trace=", "traces/")):
        html = client.get(page).text
        assert "<img" not in html
        assert "&lt;img src=x onerror" in html
        assert Outline(html).problems == []


def test_the_menu_of_a_small_screen_leads_to_help_and_to_other_traces(client: FlaskClient) -> None:
    hrefs = [one.attributes.get("href") for one in Outline(client.get("/map").text).find(class_="menu__item")]
    assert hrefs[-3:] == ["/search-help", "/connect", "/import"]
