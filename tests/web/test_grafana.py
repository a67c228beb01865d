"""Answers in Jaeger's shape are read as Grafana's Jaeger data source reads them: into Go's types, ``errors`` as it takes them.

Source: grafana ``pkg/tsdb/jaeger``: ``types/types.go`` (the types), ``client.go`` and ``querydata.go`` (what becomes of
``errors``): beside traces they are left alone, beside dependencies one of them stands in place of the graph, and an answer
with status 200 to a trace's id must hold the trace.
"""

from dataclasses import replace
from typing import Annotated, Any, TypeVar

import msgspec
import pytest
from flask.testing import FlaskClient

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.query.query import Query
from diamond_viewer.telemetry.model import Page
from diamond_viewer.web import jaeger_api
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.district import LINES
from tests.index.filling import filled
from tests.writing import A_TIME_NS, event, line, span, trace_id

WEB = "diamond-district-web"

Kind = TypeVar("Kind")
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Pair(msgspec.Struct):
    key: str
    type: str
    value: Any


class Process(msgspec.Struct, rename="camel"):
    service_name: str
    tags: list[Pair] | None = None


class Reference(msgspec.Struct):
    ref_type: str = msgspec.field(name="refType")
    span_id: str = msgspec.field(name="spanID")
    trace_id: str = msgspec.field(name="traceID")


class Log(msgspec.Struct):
    timestamp: Int64
    fields: list[Pair] | None = None
    name: str = ""


class Span(msgspec.Struct, rename="camel"):
    trace_id: str = msgspec.field(name="traceID")
    span_id: str = msgspec.field(name="spanID")
    process_id: str = msgspec.field(name="processID")
    operation_name: str
    start_time: Int64
    duration: Int64
    logs: list[Log] | None = None
    references: list[Reference] | None = None
    tags: list[Pair] | None = None
    warnings: list[str] | None = None
    flags: Int64 = 0
    stack_traces: list[str] | None = None


class Trace(msgspec.Struct):
    trace_id: str = msgspec.field(name="traceID")
    processes: dict[str, Process]
    spans: list[Span]
    warnings: list[str] | None = None


class Traces(msgspec.Struct):
    data: list[Trace] | None
    errors: Any = None
    limit: Int64 = 0
    offset: Int64 = 0
    total: Int64 = 0


class Names(msgspec.Struct):
    data: list[str] | None
    errors: Any = None
    limit: Int64 = 0
    offset: Int64 = 0
    total: Int64 = 0


class Fault(msgspec.Struct):
    code: Int64 = 0
    msg: str = ""


class Dependency(msgspec.Struct, rename="camel"):
    parent: str
    child: str
    call_count: Int64


class Dependencies(msgspec.Struct):
    data: list[Dependency] | None
    errors: list[Fault] | None = None


def decoded(client: FlaskClient, kind: type[Kind], path: str, **params: object) -> Kind:
    response = client.get(f"/jaeger/api{path}", query_string=params)
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.data, type=kind)


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    return filled([LINES])


@pytest.fixture(scope="module")
def client(store: MemoryStore) -> FlaskClient:
    return create_app(store, clock=lambda: NOW_NS).test_client()


def test_every_real_trace_fits_its_types(client: FlaskClient) -> None:
    found = decoded(client, Traces, "/traces", service=WEB, limit=1000).data
    assert found is not None
    assert len(found) > 200
    assert all(one.processes[own.process_id].service_name for one in found for own in one.spans)


def test_whatever_a_span_says_fits_its_types() -> None:
    odd = span(
        1,
        name="",
        start_ns=0,
        lasts_ns=2**64 - 1,
        kind=99,
        attributes={"huge": 2**63 - 1, "none": None, "list": [1, "a", None], "map": {"a": {"b": 1.5}}, "": "no key"},
        events=[event("", 2**64 - 1, at=1), event("late", 0)],
    )
    links = [{"traceId": trace_id(9), "spanId": f"{9:016x}"}, {}]
    lines = [line({**odd, "flags": 2**32 - 1, "links": links, "traceState": "a=b"}, span(2, 7, start_ns=2**64 - 1))]
    client = create_app(filled([lines]), clock=lambda: NOW_NS).test_client()
    found = decoded(client, Traces, f"/traces/{trace_id(1)}").data
    assert found is not None
    assert [len(one.spans) for one in found] == [2]


def test_names_and_calls_fit_its_types_and_no_error_takes_the_place_of_the_graph(client: FlaskClient) -> None:
    assert WEB in (decoded(client, Names, "/services").data or ())
    assert decoded(client, Names, f"/services/{WEB}/operations").data
    calls = decoded(client, Dependencies, "/dependencies", endTs=NOW_NS // 10**6, lookback=10 * 86_400_000)
    assert calls.data
    assert not calls.errors
    nothing = decoded(client, Dependencies, "/dependencies", endTs=1, lookback=1)
    assert (nothing.data, nothing.errors) == ([], None)


def test_what_was_not_looked_through_and_what_is_too_large_stand_beside_the_traces_that_it_shows(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = store.search(Query(), NOW_NS)

    def search(query: Query, now_ns: int) -> Page:
        return replace(whole, scanned_to_ns=A_TIME_NS)

    monkeypatch.setattr(store, "search", search)
    monkeypatch.setattr(jaeger_api, "MAX_ANSWER_SPANS", 50)
    answer = decoded(create_app(store, clock=lambda: NOW_NS).test_client(), Traces, "/traces", service=WEB)
    assert answer.data
    (cut, *large) = answer.errors
    assert cut["msg"].startswith("Looked back to")
    assert len(answer.data) + len(large) == len(whole.traces)
    assert all("Ask for it by itself." in one["msg"] for one in large)


def test_a_trace_that_is_not_there_is_never_an_answer_without_a_trace(client: FlaskClient) -> None:
    response = client.get(f"/jaeger/api/traces/{trace_id(0xFFFF)}")
    assert response.status_code == 404
    assert msgspec.json.decode(response.data, type=Dependencies).errors == [
        Fault(404, response.get_json()["errors"][0]["msg"])
    ]
