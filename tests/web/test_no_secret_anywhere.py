"""Secrets of every sort of value at every place of a span, a log record and a metric: no address and no command tells one."""

import io
import json
import re
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from diamond_viewer.cli import program
from diamond_viewer.telemetry.otlp_sentences import sentences
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.index.filling import filled

TRACE_ID, OTHER_ID = "1" * 32, "3" * 32
SECRET = re.compile(r"SECRETZ\w+")  # a reader who asks for SECRETZ alone sees what was asked for
Value = dict[str, object]  # and every other part of a line


def text(value: str) -> Value:
    return {"stringValue": value}


def table(**members: Value) -> Value:
    return {
        "kvlistValue": {"values": [{"key": key.replace("_", "-"), "value": value} for key, value in members.items()]}
    }


def listed(*values: Value) -> Value:
    return {"arrayValue": {"values": list(values)}}


def attributes(place: str) -> list[Value]:
    """A secret under its name, beside it, below it, in texts of all sorts, and in bytes."""
    secret = f"SECRETZ{place}"
    values = {
        "password": text(secret),
        "http.request.header.cookie": listed(text(f"a={secret}")),
        "form": table(user=text("ada"), X_Api_Key=text(secret), inner=listed(table(token=text(secret)))),
        "headers": listed(listed(text("x-api-key"), text(secret)), listed(text("host"), text("x"))),
        "har": listed(table(name=text("Cookie"), value=text(f"a={secret}"))),
        "payload": text(json.dumps({"session": {"id": secret}, "cookies": [["a", secret]]})),
        "twice": text(json.dumps({"body": json.dumps({"client_secret": secret})})),
        "url.full": text(f"https://b.test/v?x%2Damz%2Dsignature={secret}&AWSAccessKeyId={secret}&part=3"),
        "dsn": text(f"postgres://app:p/{secret}@db/x"),
        "db.query.text": text(f"CREATE USER x PASSWORD '{secret}'; UPDATE u SET password = '{secret}'"),
        "raw": {"bytesValue": "cGFzc3dvcmQ9U0VDUkVUWmJ5dGVz"},  # password=SECRETZbytes
        "exception.stacktrace": text(f"Error: x\n  at a\nCookie: a={secret}; b=c\nAuthorization: Basic {secret}\n"),
        "process.command_args": listed(text("psql"), text("--password"), text(secret)),
        f"k?token={secret}": text("a"),
    }
    return [{"key": key, "value": value} for key, value in values.items()]


def envelope(place: str) -> tuple[Value, Value]:
    resource: Value = {
        "attributes": [
            *attributes(f"{place}resource"),
            {"key": "service.name", "value": text(f"web?token=SECRETZ{place}service")},
        ]
    }
    scope = {"name": f"s?token=SECRETZ{place}scope", "version": f"?token=SECRETZ{place}version"}
    return resource, {**scope, "attributes": attributes(f"{place}scopes")}


def lines() -> list[bytes]:
    at_ns, later_ns = str(NOW_NS - 10**9), str(NOW_NS)
    resource, scope = envelope("span")
    span = {
        "traceId": TRACE_ID,
        "spanId": "2" * 16,
        "name": "GET /x?token=SECRETZname",
        "kind": 2,
        "startTimeUnixNano": at_ns,
        "endTimeUnixNano": later_ns,
        "attributes": attributes("attribute"),
        "status": {"code": 2, "message": "failed: password=SECRETZmessage postgres://u:SECRETZstatus@db"},
        "events": [
            {"name": "exception?token=SECRETZevent", "timeUnixNano": at_ns, "attributes": attributes("event")},
            {"name": "exception", "timeUnixNano": at_ns, "attributes": attributes("exception")},
        ],
        "links": [
            {
                "traceId": OTHER_ID,
                "spanId": "4" * 16,
                "traceState": "k=token=SECRETZlinkstate",
                "attributes": attributes("link"),
            }
        ],
        "traceState": "k=password=SECRETZstate",
    }
    other = {**span, "traceId": OTHER_ID, "spanId": "4" * 16, "links": [{"traceId": TRACE_ID, "spanId": "2" * 16}]}
    spans = {
        "resource": resource,
        "schemaUrl": "https://u:SECRETZschema@x",
        "scopeSpans": [{"scope": scope, "spans": [span, other]}],
    }
    resource, scope = envelope("log")
    records = [
        {
            "timeUnixNano": at_ns,
            "traceId": trace_id,
            "spanId": "2" * 16,
            "severityText": "token=SECRETZseverity",
            "severityNumber": 17,
            "eventName": "e?token=SECRETZeventname",
            "body": body,
            "attributes": attributes("record"),
        }
        for trace_id in (TRACE_ID, "")
        for body in (
            text("Cookie: a=SECRETZbody; b=c"),
            table(password=text("SECRETZmap")),
            {"bytesValue": "cGFzc3dvcmQ9U0VDUkVUWmJ5dGVz"},
        )
    ]
    logs = {"resource": resource, "scopeLogs": [{"scope": scope, "logRecords": records}]}
    resource, scope = envelope("metric")
    exemplar = {
        "timeUnixNano": at_ns,
        "asDouble": 1,
        "traceId": TRACE_ID,
        "spanId": "2" * 16,
        "filteredAttributes": attributes("exemplar"),
    }
    point = {
        "timeUnixNano": later_ns,
        "startTimeUnixNano": at_ns,
        "asDouble": 1,
        "attributes": attributes("point"),
        "exemplars": [exemplar],
    }
    gauge = {"dataPoints": [point]}
    long = f"{'x' * 490} postgres://u:{'SECRETZcut'}yyyyyyyyyyyyyyyyyyyyyy@db"
    metrics = {
        "resource": resource,
        "scopeMetrics": [
            {
                "scope": scope,
                "metrics": [
                    {"name": "m?token=SECRETZmetric", "unit": "token=SECRETZunit", "description": long, "gauge": gauge},
                    {"name": long, "unit": "1", "gauge": gauge},
                ],
            }
        ],
    }  # fmt: skip
    return [
        json.dumps(document).encode()
        for document in ({"resourceSpans": [spans]}, {"resourceLogs": [logs]}, {"resourceMetrics": [metrics]})
    ]


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return create_app(filled([lines()]), clock=lambda: NOW_NS).test_client()


QUERIES = (
    *("", "?since=1h", "?since=1h&format=csv", "?since=1h&format=ndjson", f"?trace={TRACE_ID}&since=1h", "?q=REDACTED"),
    *("?q=pass", "?text=pass", "?q=form.", "?service=web", f"?span={'2' * 16}", "?since=1h&by=service", "?page=2"),
    *("?query=%7B%7D", "?tags=%7B%7D&service=web", "?format=markdown", "?format=grafana", "?since=1h&q=SECRETZ"),
)


def answers(client: FlaskClient) -> Iterator[tuple[str, str]]:
    for rule in client.application.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.endpoint != "static":
            path = re.sub(r"<(\w+:)?trace_id>", TRACE_ID, rule.rule)
            path = path.replace("<element>", "2" * 16).replace("<parameter>", "service")
            for name in ("web?token=REDACTED", "name", "service.name", "password") if "<" in path else ("",):
                for query in QUERIES:
                    address = re.sub(r"<(\w+:)?\w+>", name.replace("?", "%3F"), path) + query
                    answer = client.get(address)
                    yield address, answer.text + str(answer.headers)


def test_no_address_tells_a_secret(client: FlaskClient) -> None:
    shown = dict(answers(client))
    assert {address: set(found) for address, said in shown.items() if (found := SECRET.findall(said))} == {}
    assert sum("REDACTED" in said for said in shown.values()) > 60  # what was planted was there to be shown


def test_no_search_finds_one(client: FlaskClient) -> None:
    planted = sorted({found for line in lines() for found in SECRET.findall(line.decode())})
    assert len(planted) > 30
    for secret in planted:
        for query in (secret, f'"{secret}"', f"password:{secret}", f"dsn~{secret}", f"name:*{secret}*"):
            for path in ("/api/traces", "/api/errors"):
                said = client.get(path, query_string={"q": query, "since": "1h"})
                assert (said.status_code, (said.json or {})["total"]) == (200, 0), (path, query)
        said = client.get("/api/logs", query_string={"text": secret, "since": "1h"})
        assert (said.status_code, (said.json or {})["total"]) == (200, 0), secret
    assert client.get("/api/traces", query_string={"q": "REDACTED", "since": "1h"}).json["total"] == 2  # type: ignore[index]
    assert client.get("/api/logs", query_string={"text": "REDACTED", "since": "1h"}).json["total"] == 6  # type: ignore[index]


def test_no_command_tells_a_secret(tmp_path: Path) -> None:
    path = tmp_path / "traces.json"
    path.write_bytes(b"\n".join([*lines(), b'{"resourceSpans":[{"password":"SECRETZbroken', b""]))
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        for words in (
            *(("search",), ("search", "--json"), ("trace", TRACE_ID), ("trace", TRACE_ID, "--json"), ("errors",)),
            *(("errors", "--json"), ("findings",), ("findings", "--json"), ("stats",), ("stats", "--json")),
            *(("search", "-q", "password:x"), ("search", "--lesson", "x"), ("trace", "1" * 8)),
        ):
            program.main([*words, str(path)])
    assert "REDACTED" in out.getvalue()
    assert SECRET.findall(out.getvalue()) == []
    assert [found for line in lines() for said in sentences(line) for found in SECRET.findall(said)] == []
