"""The access log, and what is said of what breaks: structured, a line each, and nothing of the telemetry in it."""

import json
import logging

import pytest
from flask.testing import FlaskClient

from diamond_viewer.terminal import in_one_line
from diamond_viewer.tokens import TokenFile
from diamond_viewer.web.app import create_app
from diamond_viewer.web.gate import Gate, Sessions
from tests.asking import NOW_NS
from tests.plain_store import PlainStore

SECRETIVE = {"q": "user.id:usr_secret", "user": "usr_secret", "usr_secret": "x", "status": "error"}


@pytest.fixture
def client(real_store: PlainStore) -> FlaskClient:
    return create_app(real_store, clock=lambda: NOW_NS, is_logged=True).test_client()


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_request_is_a_json_object_on_a_line_that_names_no_user(
    client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    with in_one_line():
        with client.get("/users/usr_secret", query_string=SECRETIVE) as answer:
            size = len(answer.data)
        client.get("/usr_secret\r\nforged: line").close()
        client.open("/api/stats", method="USR_SECRET").close()
    first, second, third = logged(capsys)
    assert "usr_secret" not in json.dumps([first, second, third]).lower()
    assert first.pop("duration_ms") > 0  # type: ignore[operator]
    assert str(first.pop("time")).endswith("+00:00")
    assert first == {
        "reader": "127.0.0.1",
        "method": "GET",
        "route": "/users/<path:user>",
        "parameters": ["(other)", "q", "status", "user"],
        "status": 200,
        "bytes": size,
    }
    assert (second["route"], second["status"]) == ("(none)", 404)
    assert (third["method"], third["status"]) == ("(other)", 405)


def test_without_being_asked_nothing_is_written(real_store: PlainStore, capsys: pytest.CaptureFixture[str]) -> None:
    with in_one_line():
        create_app(real_store, clock=lambda: NOW_NS).test_client().get("/errors").close()
    assert capsys.readouterr() == ("", "")


def test_refusals_are_logged_too_and_no_token(
    real_store: PlainStore, tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    path = f"{tmp_path}/tokens"
    with open(path, "w") as file:  # noqa: PTH123
        file.write("a-token-of-the-team")
    tokens = TokenFile(path)
    gate = Gate(tokens, sessions=Sessions(tokens))
    client = create_app(real_store, clock=lambda: NOW_NS, gate=gate, is_logged=True).test_client()
    with in_one_line():
        client.get("/api/stats?token=a-token-of-the-team").close()
        client.post("/log-in", data={"token": "a-token-of-the-team"}).close()
        client.get("/health", headers={"Host": "evil.example"}).close()
    answers = logged(capsys)
    assert [answer["status"] for answer in answers] == [401, 303, 400]
    assert "a-token" not in json.dumps(answers)


def test_what_breaks_is_one_line_that_says_where_and_quotes_nothing(
    client: FlaskClient, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: object) -> None:
        raise ValueError("Cannot read user.id=usr_secret\nforged line")

    monkeypatch.setattr("diamond_viewer.web.api.stats_answer", broken)
    with in_one_line():
        client.get("/api/stats?user=usr_secret").close()
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "GET /api/stats could not be answered. ValueError at " in said
    assert "test_access_log.py" in said
    assert "usr_secret" not in said


def test_logs_of_others_are_one_line_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    with in_one_line():
        logging.getLogger("somebody").warning("a\x1b[31m\nb")
        logging.getLogger("waitress").error("Exception while serving %s", "/users/usr_secret")
        logging.getLogger("waitress").error("%d thread(s) still running", 2)
    first, second, third = capsys.readouterr().err.splitlines()
    assert first.endswith("WARNING a·[31m·b")
    assert second.endswith("ERROR Exception while serving %s")
    assert third.endswith("ERROR 2 thread(s) still running")
