"""The command line answers what the API answers: every subcommand, many questions, over the same real telemetry."""

import time
from contextlib import nullcontext
from functools import cache
from typing import Any

import pytest
from flask.testing import FlaskClient

from diamond_viewer.cli import reading
from diamond_viewer.feed.backlog import Backlog
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS, UNDECIDED
from tests.cli.commanding import DATA, TRACES, Command

SCENARIOS = sorted((DATA / "scenarios").glob("*.json"))
VARIANTS = [
    DATA / "variants" / name / "traces.json" for name in ("duplicated-lines", "old-collector-style", "vercel-otel")
]
FILES = (TRACES, *SCENARIOS, *VARIANTS)

QUESTIONS: list[list[tuple[str, str]]] = [
    [],
    [("lesson", "lesson-012")],
    [("lesson", "lesson-011"), ("status", "error")],
    [("lesson", "lesson-0")],
    [("lesson", "LESSON-012")],
    [("user", "usr_0007")],
    [("user", "usr_0007"), ("lesson", "lesson-012"), ("sort", "duration")],
    [("status", "ok"), ("limit", "7"), ("page", "3")],
    [("service", "diamond-district-worker"), ("limit", "1000")],
    [("operation", "api.video.access")],
    [("operation", "pg.query:SELECT diamond"), ("min_ms", "5")],
    [("event", "auth.failed")],
    [("event", "video.buffering"), ("flag", "buffering")],
    [("flag", "slow"), ("flag", "exception")],
    [("flag", "n-plus-one")],
    [("flag", "incomplete"), ("sort", "spans")],
    [("finding", "resume-mismatch")],
    [("finding", "duplicate-calls"), ("user", "usr_0007")],
    [("min_ms", "100.5"), ("max_ms", "1000")],
    [("since", "2026-11-22T14:38:20Z"), ("until", "2026-11-22T14:38:22Z")],
    [("since", "15m")],
    [("since", "1d"), ("lesson", "lesson-012"), ("limit", "3")],
    [("q", "duration>100ms -status:error")],
    [("q", 'span:{name:"pg.*" duration>1ms}'), ("sort", "errors")],
    [("q", "lesson:lesson-01* user:usr_0007 OR event:auth.failed")],
    [("q", "unauthorized")],
    [("q", "trace:3e2337288c0cde97c1f5cae76038ca5b")],
    [("q", "finding:*"), ("limit", "5")],
    [("user", "nobody")],
]
PAGED = ("limit", "page", "sort")


@pytest.fixture(scope="module")
def api() -> FlaskClient:
    """The server's own store, with everything in it examined."""
    store = shared_store.__wrapped__()
    store.examine(query=UNDECIDED)
    return create_app(store, clock=lambda: NOW_NS).test_client()


@pytest.fixture
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of this test share what one of them has read: how it is read is tested by ``search``."""
    kept = shared_store()
    monkeypatch.setattr(reading, "read_store", lambda *_: nullcontext(kept))


@cache
def shared_store() -> MemoryStore:
    store = MemoryStore(2**30)
    backlog = Backlog([str(path) for path in FILES], store, max_line_bytes=2**26)
    while backlog.step():
        pass
    backlog.close()
    return store


@pytest.fixture(autouse=True)
def _at_one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: NOW_NS)


def flags(question: list[tuple[str, str]], without: tuple[str, ...] = ()) -> list[str]:
    return [
        word
        for name, value in question
        if name not in without
        for word in ("-q" if name == "q" else f"--{name.replace('_', '-')}", value)
    ]


def asked(api: FlaskClient, path: str, question: list[tuple[str, str]], without: tuple[str, ...] = ()) -> Any:
    """The whole answer: texts are looked for in originals for so long, and the next question goes on from there."""
    for _ in range(100):
        response = api.get(path, query_string=[pair for pair in question if pair[0] not in without])
        assert response.status_code == 200, response.text
        answer = response.get_json()
        if answer.get("is_complete", True):
            return answer
    raise AssertionError(f"{path} is never complete")


every_question = pytest.mark.parametrize(
    "question", QUESTIONS, ids=lambda question: "&".join("=".join(p) for p in question)
)


@every_question
def test_search_finds_the_rows_of_the_page(api: FlaskClient, command: Command, question: list[tuple[str, str]]) -> None:
    answer = asked(api, "/api/traces", question)
    said = command("search", "--json", *flags(question), *FILES)
    assert said.documents == answer["traces"]
    assert said.code == (0 if answer["total"] else 1)


@pytest.mark.usefixtures("read_once")
@every_question
def test_stats_are_those_of_the_page(api: FlaskClient, command: Command, question: list[tuple[str, str]]) -> None:
    answer = asked(api, "/api/stats", question, PAGED)
    said = command("stats", "--json", *flags(question, PAGED), *FILES)
    assert said.documents == [answer]
    assert said.code == (0 if answer["traces"] else 1)
    counted = command("errors", "--count", *flags(question, PAGED), *FILES)
    assert (int(counted.out), counted.code) == (answer["error_spans"], 0 if answer["error_spans"] else 1)


@pytest.mark.usefixtures("read_once")
@every_question
def test_errors_are_those_of_the_page(api: FlaskClient, command: Command, question: list[tuple[str, str]]) -> None:
    not_asked = ("page", "sort")
    answer = asked(api, "/api/errors", question, not_asked)
    said = command("errors", "--json", *flags(question, not_asked), *FILES)
    assert said.documents == answer["groups"]
    assert said.code == (0 if answer["total"] else 1)


@pytest.mark.usefixtures("read_once")
@every_question
def test_findings_are_those_of_the_page(api: FlaskClient, command: Command, question: list[tuple[str, str]]) -> None:
    not_asked = ("sort",)
    answer = asked(api, "/api/findings", question, not_asked)
    said = command("findings", "--json", *flags(question, not_asked), *FILES)
    assert said.documents == [*answer["journey"], *answer["findings"]]
    assert said.code == (0 if said.documents else 1)


def test_all_is_every_match(api: FlaskClient, command: Command) -> None:
    expected = asked(api, "/api/traces", [("limit", "1000")])
    assert command("search", "--all", "--json", *FILES).documents == expected["traces"]


def test_a_trace_is_the_document_of_the_api(api: FlaskClient, command: Command) -> None:
    rows = asked(api, "/api/traces", [("limit", "1000"), ("sort", "spans")])["traces"]
    for row in [*rows[:3], *rows[-3:], *(row for row in rows if row["findings"])][:12]:
        said = command("trace", row["trace_id"].upper(), "--json", *FILES)
        assert said.documents == [asked(api, f"/api/traces/{row['trace_id']}", [])]
