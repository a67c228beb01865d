"""Pages below a prefix: every address in them leads there, whichever way the proxy passes requests on."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from diamond_viewer.imports import Imports
from diamond_viewer.settings.values import OWN_PATHS
from diamond_viewer.tokens import TokenFile
from diamond_viewer.web.app import create_app
from diamond_viewer.web.gate import Gate, Sessions
from diamond_viewer.web.placed import LINK_ATTRIBUTES, Place
from tests.asking import NOW_NS
from tests.plain_store import PlainStore
from tests.web.html_outline import Outline

VARIANTS = Path(__file__).parents[1] / "data" / "variants"
LINES = (VARIANTS / "rotation-timberjack-names/traces.json").read_bytes()
TOKEN = "a-token-of-the-team"
TRACE_ID = "3e2337288c0cde97c1f5cae76038ca5b"


@pytest.fixture
def client(real_store: PlainStore) -> Iterator[FlaskClient]:
    with Imports(1024**3, 16 * 1024**2) as imports:
        yield create_app(real_store, clock=lambda: NOW_NS, imports=imports, place=Place("/viewer")).test_client()


def addresses_in(html: str) -> set[str]:
    elements = list(Outline(html).root.all())
    found = {element.attributes[name] for element in elements for name in LINK_ATTRIBUTES if name in element.attributes}
    return {address for address in found if address.startswith(("/", "http"))}


PAGES = (
    *("/trace-viewer.html?limit=5", f"/trace-viewer.html?limit=2&trace={TRACE_ID}", f"/traces/{TRACE_ID}", "/errors"),
    *("/journeys", "/users/usr_0007", "/lessons/lesson-011", "/operations", "/video", "/map", "/health", "/import"),
    *("/search-help", "/connect", "/nothing-here"),
)


@pytest.mark.parametrize("page", PAGES)
def test_every_address_in_a_page_stands_below_the_prefix(client: FlaskClient, page: str) -> None:
    addresses = addresses_in(client.get(f"/viewer{page}").text)
    assert len(addresses) > 8
    assert {address for address in addresses if not address.startswith("/viewer/")} == set()


@pytest.mark.parametrize("page", ["/trace-viewer.html?limit=5", "/errors", "/health", "/nothing-here"])
def test_pages_of_an_import_stand_below_both(client: FlaskClient, page: str) -> None:
    told = client.post("/viewer/api/import", data=LINES, query_string={"name": "a.json"}).json
    assert told is not None
    assert told["href"] == "/viewer/import/1/trace-viewer.html"
    shared = ("/viewer/import/1/", "/viewer/static/")
    addresses = addresses_in(client.get(f"/viewer/import/1{page}").text)
    assert {address for address in addresses if not address.startswith(shared)} == {"/viewer/import"}


def test_a_proxy_may_take_the_prefix_off_itself(client: FlaskClient) -> None:
    assert client.get("/health").text == client.get("/viewer/health").text
    assert client.get("/viewerhealth").status_code == 404


@pytest.mark.parametrize("way", ["/viewer", "/viewer/", "/"])
def test_redirections_and_copied_links_lead_below_the_prefix(client: FlaskClient, way: str) -> None:
    assert client.get(way).headers["Location"] == "/viewer/trace-viewer.html"
    assert client.get("/viewer/trace-viewer.html?lesson=").headers["Location"] == "/viewer/trace-viewer.html"
    assert client.get("/viewer/link?lesson=a").text.startswith("/viewer/trace-viewer.html?lesson=a&until=")
    assert client.get("/viewer/link/errors").text.startswith("/viewer/errors")
    headers = {"HX-Request": "true", "HX-Target": "main#page", "HX-Source": "form#filters"}
    said = client.get("/viewer/trace-viewer.html?lesson=&user=usr_0007", headers=headers).headers
    assert said["HX-Replace-Url"] == "/viewer/trace-viewer.html?user=usr_0007"
    assert f"http://localhost/viewer/traces/{TRACE_ID}" in client.get(f"/viewer/traces/{TRACE_ID}/findings.md").text


def test_without_a_prefix_no_template_is_changed(real_store: PlainStore) -> None:
    app = create_app(real_store, clock=lambda: NOW_NS)
    assert "below" not in app.jinja_env.filters
    assert "data-root" not in app.test_client().get("/health").text


def test_the_cookie_is_sent_below_the_prefix_only(real_store: PlainStore, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(TOKEN)
    tokens = TokenFile(str(tmp_path / "tokens"))
    gate = Gate(tokens, sessions=Sessions(tokens), proxies=("10.0.0.2",))
    client = create_app(real_store, clock=lambda: NOW_NS, gate=gate, place=Place("/viewer")).test_client()
    assert 'action="/viewer/log-in"' in client.get("/viewer/errors?since=all").text
    answer = client.post("/viewer/log-in", data={"token": TOKEN, "next": "/errors?since=all"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/viewer/errors?since=all")
    assert re.search(r"; Path=/viewer/(;|$)", answer.headers["Set-Cookie"])
    assert client.get("/viewer/errors?since=all").status_code == 200
    left = client.post("/viewer/log-out")
    assert (left.headers["Location"], "Path=/viewer/" in left.headers["Set-Cookie"]) == ("/viewer/log-in", True)
    assert client.get("/viewer/errors").status_code == 401


@pytest.mark.parametrize(("peer", "is_believed"), [("10.0.0.2", True), ("::ffff:10.0.0.2", True), ("10.0.0.3", False)])
def test_what_a_proxy_says_of_readers_is_believed_of_the_one_that_was_named(
    real_store: PlainStore, tmp_path: Path, peer: str, is_believed: bool
) -> None:
    (tmp_path / "tokens").write_text(TOKEN)
    tokens = TokenFile(str(tmp_path / "tokens"))
    gate = Gate(tokens, sessions=Sessions(tokens), proxies=("10.0.0.2",))
    client = create_app(real_store, clock=lambda: NOW_NS, gate=gate).test_client()

    def log_in(token: str, reader: str) -> tuple[int, str]:
        headers = {"X-Forwarded-For": f"1.2.3.4, {reader}", "X-Forwarded-Proto": "https"}
        answer = client.post("/log-in", data={"token": token}, headers=headers, environ_overrides={"REMOTE_ADDR": peer})
        return answer.status_code, answer.headers.get("Set-Cookie", "")

    for _ in range(5):
        log_in("wrong-token-of-somebody", "192.0.2.66")
    assert log_in(TOKEN, "192.0.2.66")[0] == 429
    status, cookie = log_in(TOKEN, "192.0.2.7")
    assert (status, "; Secure" in cookie) == ((303, True) if is_believed else (429, False))


def test_a_prefix_cannot_look_like_a_page(client: FlaskClient) -> None:
    rules = {rule.rule.split("/")[1] for rule in client.application.url_map.iter_rules() if rule.rule.count("/") > 1}
    assert rules - OWN_PATHS == set(), "add what is new to OWN_PATHS in settings/values.py"
