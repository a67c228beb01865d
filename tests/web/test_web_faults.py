"""Faults of the web that have no better place: ``docs/faults.md`` names them by their numbers."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.telemetry.model import FeedState
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.index.filling import add_lines, filled
from tests.test_app import LINES, Viewer, viewer
from tests.web.html_outline import Outline
from tests.writing import event, line, span, trace_id

FORGED = "a\r\nSet-Cookie: forged=1\x00\x1b[31m\u202egnp.exe"


def client_of(*lines: bytes) -> FlaskClient:
    return create_app(filled([lines]), clock=lambda: NOW_NS).test_client()


def test_as_many_values_as_a_producer_likes_stay_within_the_budget_and_the_page_says_since_when_it_holds() -> None:
    """78: each trace has a user, a route, a message and an attribute of its own."""
    budget_bytes = 4_000_000
    store = MemoryStore(budget_bytes, segment_spans=2_000)
    for number in range(1, 12_001):
        said = {"user.id": f"usr_{number}", "http.route": f"/{number}/x", f"key.{number}": f"value {number}" * 3}
        failed = [event("exception", NOW_NS, **{"exception.message": f"no {number} of {number * 7919}"})]
        one = span(
            trace=number, start_ns=NOW_NS - 10**12 + number * 10**6, status_code=2, attributes=said, events=failed
        )
        add_lines(store, [line(one, service=f"service-{number}")])
        if number % 500 == 0:
            store.commit()
            assert store.health().memory_bytes <= budget_bytes
    store.report(FeedState(ready=True))
    health = store.health()
    assert health.counters["evicted_traces"] > 1_000
    client = create_app(store, clock=lambda: NOW_NS).test_client()
    assert "traces are held since" in Outline(client.get("/health").text).root.words()
    page = client.get("/trace-viewer.html")
    assert len(page.data) < 300_000  # the most frequent values, not all
    assert len(client.get("/errors").data) < 300_000


@pytest.mark.parametrize(
    ("value", "is_link"),
    [
        ("https://a.example/x?y=1", True),
        ("javascript:alert(1)", False),
        ("JaVaScRiPt:alert(1)", False),
        ("data:text/html,<script>alert(1)</script>", False),
        ("//evil.example/x", False),
        (" https://a.example", False),
    ],
)
def test_only_addresses_of_the_web_may_be_followed(value: str, is_link: bool) -> None:
    """83: in an address, a statement, an attribute of any name."""
    said = {"url.full": value, "db.query.text": value, "my.link": value}
    client = client_of(line(span(attributes=said, events=[event("e", NOW_NS, link=value)])))
    for path in (f"/traces/{trace_id(1)}", f"/trace-viewer.html?trace={trace_id(1)}", "/trace-viewer.html"):
        links = {
            element.attributes[name]
            for element in Outline(client.get(path).text).root.all()
            for name in ("href", "src", "action", "formaction", "data-href")
            if name in element.attributes
        }
        foreign = {link for link in links if not link.startswith(("/", "#", "?")) or link.startswith("//")}
        assert foreign <= ({value} if is_link else set())


def test_no_name_forges_a_header_or_the_name_of_a_file() -> None:
    """85: line ends, escapes, NUL and marks that turn the direction of writing."""
    told = span(name=FORGED, attributes={"user.id": FORGED, "lesson.id": FORGED}, events=[event(FORGED, NOW_NS)])
    client = client_of(line(told, service=FORGED))
    escaped = "a%0D%0ASet-Cookie%3A%20forged%3D1"
    for path in (
        *(
            f"/traces/{trace_id(1)}{end}"
            for end in ("", "/download.json", "/offline.html", "/outline.txt", "/findings.md")
        ),
        *("/api/export?format=csv", "/api/export?format=ndjson", f"/users/{escaped}", f"/lessons/{escaped}"),
        *(f"/link?user={escaped}", f"/trace-viewer.html?user={escaped}&lesson=", f"/{escaped}"),
    ):
        answer = client.get(path)
        assert "Set-Cookie" not in answer.headers, path
        names = answer.headers.get("Content-Disposition", "attachment; filename=traces.csv")
        assert names.isascii(), path
        assert all(character.isprintable() for character in "".join(f"{k}: {v}" for k, v in answer.headers)), path


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static/....//app.py",
        "/static//etc/passwd",
        "/static/..\\app.py",
        "/static/%00/../app.py",
        "/traces/../../etc/passwd",
        "/import/1/../../etc/passwd",
        "//etc/passwd",
    ],
)
def test_no_path_leads_out_of_the_folder(path: str, running: Viewer) -> None:
    """93: as it comes over the wire, where no client has tidied it."""
    status, content = running.get(path)
    assert status in (302, 308, 400, 404), content[:200]
    assert b"root:" not in content
    assert b"def main" not in content


@pytest.fixture(scope="module")
def running() -> Iterator[Viewer]:
    with viewer(str(LINES)) as one:
        yield one
