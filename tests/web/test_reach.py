"""An answer that ends before all was looked at, and to which asking again adds nothing, says so to every program."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.index.filling import filled
from tests.web.conftest import TRACES
from tests.writing import A_TIME_NS

QUESTIONS = ("search", "stats", "errors", "operations", "findings", "logs")
WORDS = "asking again adds nothing"


@pytest.fixture
def cut_off(monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """Of a store that looks no further than to ``A_TIME_NS``."""
    store = filled([TRACES.read_bytes().splitlines()])

    def ending(whole: Callable[..., Any]) -> Callable[..., Any]:
        def ask(*arguments: Any, **named: Any) -> Any:
            while not (answer := whole(*arguments, **named)).is_complete:
                pass
            return replace(answer, scanned_to_ns=A_TIME_NS)

        return ask

    for question in QUESTIONS:
        monkeypatch.setattr(store, question, ending(getattr(store, question)))
    return create_app(store, clock=lambda: NOW_NS).test_client()


@pytest.mark.parametrize("question", ["traces", *QUESTIONS[1:]])
def test_the_api_says_that_an_answer_is_not_all_and_that_no_more_comes(cut_off: FlaskClient, question: str) -> None:
    answer = cut_off.get(f"/api/{question}").get_json()
    assert (answer["is_complete"], WORDS in answer["cut_off"]) == (False, True)


def test_findings_as_markdown_say_it_too(cut_off: FlaskClient) -> None:
    assert WORDS in cut_off.get("/api/findings?format=markdown").text


def test_jaeger_and_tempo_call_it_partial(cut_off: FlaskClient) -> None:
    (error,) = cut_off.get("/jaeger/api/traces?service=diamond-district-web&limit=1").get_json()["errors"]
    assert WORDS in error["msg"]
    assert cut_off.get("/tempo/api/search?limit=1").get_json()["status"] == "PARTIAL"
