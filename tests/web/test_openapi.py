"""The OpenAPI document says what the routes do: every address, every parameter, real answers."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from diamond_viewer.imports import Imports
from diamond_viewer.query.filters import FILTERS
from diamond_viewer.query.query import KNOWN
from diamond_viewer.telemetry.redactions import COUNTS
from diamond_viewer.web.app import create_app
from diamond_viewer.web.openapi import EXAMPLES_PATH, OTLP_ANSWERS, document, schema_of
from diamond_viewer.web.openapi_routes import ENDPOINTS, JSON, QUERY, Endpoint
from diamond_viewer.web.placed import Place
from tests.asking import NOW_NS
from tests.index.filling import filled
from tests.web.conftest import LIVE, METRICS, TRACES

CUT = 3  # entries of a list in an example


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    logs = TRACES.with_name("logs.json")
    store = filled([[line for path in (TRACES, METRICS, logs) for line in path.read_bytes().splitlines()]])
    store.report(LIVE)
    with Imports(1 << 28, 1 << 20) as imports:
        yield create_app(store, clock=lambda: NOW_NS, imports=imports)


@pytest.fixture(scope="module")
def described(app: Flask) -> Any:
    response = app.test_client().get("/api/openapi.json")
    assert (response.status_code, response.mimetype) == (200, JSON)
    return response.get_json()


def smallest_trace(client: FlaskClient) -> str:
    rows = client.get("/api/traces?limit=1000&sort=start&flag=auth-failure").get_json()["traces"]
    return str(min(rows, key=lambda row: (row["span_count"], row["trace_id"]))["trace_id"])


def address_of(endpoint: Endpoint, client: FlaskClient) -> str:
    path = endpoint.path.replace("{trace_id}", smallest_trace(client))
    for parameter in endpoint.parameters:
        path = path.replace("{" + parameter.name + "}", parameter.example) if parameter.place == "path" else path
    return f"{path}?{endpoint.asked}" if endpoint.asked else path


def cut(value: Any) -> Any:
    if isinstance(value, list):
        return [cut(one) for one in value[:CUT]]
    return {key: cut(one) for key, one in value.items()} if isinstance(value, dict) else value


def test_every_address_of_the_api_is_described(app: Flask, described: Any) -> None:
    """A new one needs a row in web/openapi_routes.py."""
    routed = set()
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/"):
            path = rule.rule
            for argument in rule.arguments:
                path = path.replace(f"<{argument}>", f"{{{argument}}}").replace(f"<path:{argument}>", f"{{{argument}}}")
            routed |= {(path, method) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    in_table = {(endpoint.path, endpoint.method.upper()) for endpoint in ENDPOINTS}
    in_document = {(path, method.upper()) for path, item in described["paths"].items() for method in item}
    assert routed == in_table == in_document


def test_every_parameter_of_the_filters_is_described(described: Any) -> None:
    names = [parameter["name"] for parameter in described["paths"]["/api/traces"]["get"]["parameters"]]
    assert names == [parameter.name for parameter in QUERY] == list(KNOWN)
    by_name = {parameter["name"]: parameter for parameter in described["paths"]["/api/traces"]["get"]["parameters"]}
    for row in FILTERS:
        said = by_name[row.parameter]
        assert said["schema"].get("type") == ("array" if row.repeatable else "string")
        choices = said["schema"].get("items", said["schema"]).get("enum", [""])
        assert set(choices) == {*row.choices, ""}
        assert said["example"] in (row.example, [row.example])


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: f"{endpoint.method} {endpoint.path}")
def test_an_example_is_a_real_answer(app: Flask, endpoint: Endpoint) -> None:
    """Accepted as it was once; its names and kinds are compared, words may change. ``ACCEPT=1`` writes the examples anew."""
    if JSON not in endpoint.answers or endpoint.path in ("/api/openapi.json", "/api/export"):
        return
    COUNTS.forget()  # of the process, and so of the tests before this one
    client = app.test_client()
    if endpoint.method == "post":
        response = client.post("/api/import?name=traces.json", data=TRACES.read_bytes().splitlines()[0])
    else:
        response = client.get(address_of(endpoint, client))
    assert response.status_code == endpoint.success, response.text
    name, answer = f"{endpoint.method.upper()} {endpoint.path}", cut(response.get_json())
    examples = json.loads(EXAMPLES_PATH.read_text("utf-8")) if EXAMPLES_PATH.exists() else {}
    if os.environ.get("ACCEPT"):
        examples[name] = answer
        EXAMPLES_PATH.write_text(json.dumps(dict(sorted(examples.items())), indent=1, ensure_ascii=False) + "\n")
    hint = f"{name} answers in another shape. If that is meant: ACCEPT=1 pytest tests/web/test_openapi.py"
    assert schema_of([examples.get(name)], endpoint.maps) == schema_of([answer], endpoint.maps), hint


def test_a_parameter_that_is_not_described_is_refused(app: Flask) -> None:
    client = app.test_client()
    for endpoint in ENDPOINTS:
        if 400 in endpoint.refusals and endpoint.method == "get":
            address = address_of(endpoint, client)
            response = client.get(f"{address}{'&' if '?' in address else '?'}nonsense=1")
            assert (response.status_code, list(response.get_json())) == (400, ["error"]), endpoint.path


def test_every_described_parameter_is_understood(app: Flask) -> None:
    client = app.test_client()
    for endpoint in ENDPOINTS:
        if endpoint.method != "get":
            continue
        for parameter in endpoint.parameters:
            if parameter.place == "query" and parameter.example:
                address = address_of(endpoint, client)
                sign = "&" if "?" in address else "?"
                response = client.get(f"{address}{sign}{parameter.name}={parameter.example}")
                response.close()  # of answers that are streamed only so many are sent at once
                assert response.status_code in (200, *({404} & {*endpoint.refusals})), (
                    address,
                    parameter,
                    response.text,
                )


def test_what_is_switched_off_is_not_described() -> None:
    described = create_app(filled([[]])).test_client().get("/api/openapi.json").get_json()
    assert "/api/import" not in described["paths"]
    assert set(document(["/api/traces"])["paths"]) == {"/api/traces"}
    assert OTLP_ANSWERS in described["paths"]


def test_behind_a_proxy_the_addresses_are_where_the_proxy_has_them() -> None:
    client = create_app(filled([[]]), place=Place("/viewer")).test_client()
    described = client.get("/viewer/api/openapi.json").get_json()
    assert described["servers"] == [{"url": "/viewer"}]
    assert client.get("/viewer/jaeger/api/services").status_code == 200
    assert client.get("/viewer/tempo/api/traces/xyz").mimetype == "text/plain"


def test_examples_hold_nothing_of_the_machine_that_made_them() -> None:
    text = Path(EXAMPLES_PATH).read_text("utf-8")
    assert f"{Path(__file__).parents[2]}{os.sep}" not in text
    assert str(Path.home()) not in text
