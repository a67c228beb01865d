"""A line full of secrets, wherever a producer can write: no address shows one, and no search finds one."""

import json
import re
from collections.abc import Iterator
from types import FunctionType, ModuleType

import numpy as np
import pytest
from flask.testing import FlaskClient

from diamond_viewer.telemetry.redactions import COUNTS
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.index.filling import filled

TRACE_ID = "1" * 32
KEYS = (
    *("http.route", "url.path", "url.full", "user.id", "lesson.id", "enduser.id", "db.query.text", "db.statement"),
    *("db.system", "db.collection.name", "server.address", "exception.message", "exception.type", "session.id"),
    *("http.request.method", "messaging.destination.name", "peer.service", "code.function"),
)
SECRET = re.compile(r"SECRETZ\w*")


def jwt(place: str) -> str:
    return f"a Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.SECRETZ{place.replace('.', '_')}"


def text(key: str, value: str) -> dict[str, object]:
    return {"key": key, "value": {"stringValue": value}}


def full_of_secrets() -> bytes:
    at_ns = str(NOW_NS - 10**9)
    exception = [text(key, jwt(key)) for key in ("exception.type", "exception.message", "exception.stacktrace")]
    span = {
        "traceId": TRACE_ID,
        "spanId": "2" * 16,
        "name": f"GET /x?token=SECRETZparameter {jwt('name')}",
        "kind": 3,
        "startTimeUnixNano": at_ns,
        "endTimeUnixNano": str(NOW_NS),
        "attributes": [*(text(key, jwt(key)) for key in KEYS), text("user.password", "SECRETZpassword")],
        "status": {"code": 2, "message": jwt("message")},
        "events": [
            {"name": "exception", "timeUnixNano": at_ns, "attributes": exception},
            {"name": jwt("event"), "timeUnixNano": at_ns, "attributes": [text("lesson.id", jwt("lesson"))]},
        ],
        "traceState": f"k={jwt('state')}",
    }
    resource = {"attributes": [text("service.name", jwt("service"))]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}).encode()


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_app(filled([[full_of_secrets()]]), clock=lambda: NOW_NS).test_client()


def test_no_address_shows_a_secret(client: FlaskClient) -> None:
    shown = {}
    for rule in client.application.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.endpoint != "static":
            path = re.sub(r"<(\w+:)?\w+>", "service", re.sub(r"<(\w+:)?trace_id>", TRACE_ID, rule.rule))
            for query in ("", "?since=15m", "?since=15m&format=ndjson", "?since=15m&format=csv", "?format=markdown"):
                shown[path + query] = client.get(path + query).text
    assert {path: found for path, said in shown.items() if (found := SECRET.findall(said))} == {}
    assert sum("REDACTED" in said for said in shown.values()) > 8  # the trace was there to be shown


def test_no_column_holds_a_secret() -> None:
    """What is worked out of a line stays in memory for as long as its traces do, in names, facets, events, statements."""
    kept = [place for place, found in texts_within(filled([[full_of_secrets()]])) if SECRET.search(found)]
    assert kept
    assert [place for place in kept if "originals" not in place] == []


def texts_within(root: object) -> Iterator[tuple[str, str]]:
    """Every text and all bytes that hang on an object, and where."""
    seen: set[int] = set()
    waiting: list[tuple[object, str]] = [(root, "store")]
    while waiting:
        found, place = waiting.pop()
        if id(found) in seen or isinstance(found, type | ModuleType | FunctionType):
            continue
        seen.add(id(found))
        if isinstance(found, str):
            yield place, found
        elif isinstance(found, bytes | bytearray | np.ndarray):
            yield place, bytes(found).decode("latin-1")
        elif isinstance(found, dict):
            waiting += [(part, f"{place}[{str(key)[:40]}]") for key, value in found.items() for part in (key, value)]
        elif isinstance(found, list | tuple | set | frozenset):
            waiting += [(part, place) for part in found]
        slots = [name for kind in type(found).__mro__ for name in getattr(kind, "__slots__", ())]
        waiting += [(getattr(found, name), f"{place}.{name}") for name in slots if hasattr(found, name)]
        waiting += [(value, f"{place}.{name}") for name, value in getattr(found, "__dict__", {}).items()]


def test_health_says_under_which_keys_and_quotes_nothing(client: FlaskClient) -> None:
    COUNTS.forget()
    client.get(f"/api/traces/{TRACE_ID}")
    said = client.get("/api/health").json["redactions"]  # type: ignore[index]
    assert said["enabled"] is True
    assert {"user.password", "(span name)", "(status message)", "exception.stacktrace"} <= said["keys"].keys()
    assert said["count"] == sum(said["keys"].values()) > 10
    page = client.get("/health").text
    assert "<code>user.password</code>" in page
    assert not SECRET.search(page)


@pytest.mark.parametrize("search", ["SECRETZhttp_route", "SECRETZname", "SECRETZpassword", "SECRETZmessage"])
def test_no_search_finds_a_secret(client: FlaskClient, search: str) -> None:
    for query in (search, f'"{search}"', f"user.password:{search}", f"name:*{search}*"):
        answer = client.get("/api/traces", query_string={"q": query, "since": "15m"})
        assert (answer.status_code, answer.json["total"] if answer.json else None) == (200, 0), query
    assert client.get("/api/traces", query_string={"q": "REDACTED", "since": "15m"}).json["total"] == 1  # type: ignore[index]
