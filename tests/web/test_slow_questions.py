"""A question that would take too long is answered with what was found, says so on the page and in the API, and goes on when it
is asked again. Here no time is given at all: each answer looks at a line or two of 24.
"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.index.filling import filled, one_by_one
from tests.web.html_outline import Outline
from tests.writing import event, line, log, logs_line, span

TRACES = 24
S = 10**9
BUDGETS = {
    "diamond_viewer.index.held": ("SEARCH_NS", "STATS_NS", "WORK_NS"),
    "diamond_viewer.index.examined": ("EXAMINE_NS",),
    "diamond_viewer.web.views": ("FURTHER_S",),
    "diamond_viewer.web.log_views": ("FURTHER_S",),
}
SEARCH = {"q": "pet:cat"}  # no column knows it
LISTS = {  # the page of the traces has list, figures, histogram and facets: all of the same search
    "/trace-viewer.html": ("list__partial", "Searched back to"),
    "/errors": ("tally__partial", "Counted back to"),
    "/operations": ("tally__partial", "Counted back to"),
    "/logs": ("list__partial", "Searched back to"),
    "/map": ("notice", "there was no time to look at all"),
    "/differences": ("fault__compared", "Older traces are still being searched"),
}
APIS = {
    "/api/traces": lambda answer: answer["total"],
    "/api/stats": lambda answer: answer["traces"],
    "/api/errors": lambda answer: sum(group["count"] for group in answer["groups"]),
    "/api/operations": lambda answer: sum(one["count"] for one in answer["operations"]),
    "/api/logs": lambda answer: answer["total"],
    "/api/map": lambda answer: answer["traces"],
    "/api/differences": lambda answer: answer["total"],
}


def call(number: int) -> bytes:
    """All of one operation; two in three have the pet, one in three fails."""
    said = {"pet": "cat" if number % 3 else "dog", **({"toy": "ball"} if number == TRACES else {})}
    failed = [event("exception", NOW_NS, **{"exception.message": "no"})] if number % 3 == 1 else []
    at_ns = NOW_NS - (TRACES - number + 1) * S
    one = span(
        1,
        trace=number,
        kind=2,
        name="GET /x",
        start_ns=at_ns,
        attributes=said,
        events=failed,
        status_code=2 * len(failed),
    )
    return line(one)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    lines = [call(number) for number in range(1, TRACES + 1)]
    lines += [
        logs_line(log(f"pet:cat {number}", trace=number, time_ns=NOW_NS - number * S))
        for number in range(1, TRACES + 1)
    ]
    store = filled(one_by_one(lines), 16)
    for module, names in BUDGETS.items():
        for name in names:
            monkeypatch.setattr(f"{module}.{name}", 0)
    return create_app(store, clock=lambda: NOW_NS).test_client()


def search(path: str) -> dict[str, str]:
    return {"text": "pet:cat"} if path.endswith("/logs") else SEARCH


def ask(client: FlaskClient, path: str) -> Any:
    answer = client.get(path, query_string=search(path))
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def truth(path: str) -> int:
    if path == "/api/logs":
        return TRACES
    return TRACES // 3 if path == "/api/errors" else TRACES * 2 // 3


@pytest.mark.parametrize("path", LISTS)
def test_a_page_shows_what_was_found_and_says_that_it_is_not_all(client: FlaskClient, path: str) -> None:
    class_name, words = LISTS[path]
    for _ in range(3):  # it takes more than one: each looks a little further
        page = Outline(client.get(path, query_string=search(path)).text)
        assert any(words in element.words() for element in page.find(class_=class_name)), page.root.words()[:2000]
    for _ in range(4 * TRACES):
        text = client.get(path, query_string=search(path)).text
        if words not in text:
            break
    assert words not in text, "asked often enough, it has looked at everything"


@pytest.mark.parametrize("path", APIS)
def test_an_answer_of_the_api_says_so_and_comes_to_the_truth(client: FlaskClient, path: str) -> None:
    answers = [ask(client, path)]
    assert answers[0]["is_complete"] is False
    assert APIS[path](answers[0]) < truth(path)
    while not answers[-1]["is_complete"]:
        answers.append(ask(client, path))
        assert len(answers) < 4 * TRACES
    counts = [APIS[path](answer) for answer in answers]
    assert counts == sorted(counts)
    assert counts[-1] == truth(path)


def test_figures_histogram_and_facets_of_a_page_count_what_was_found(client: FlaskClient) -> None:
    for _ in range(2):
        ask(client, "/api/traces")
    page = Outline(client.get("/trace-viewer.html", query_string=SEARCH).text)
    listed = len(page.find(class_="row"))
    counted = int(page.find(class_="figure__value")[0].words())
    assert 0 < listed <= counted < truth("/api/traces")  # the figures are made last, and have looked a little further
    assert page.one(id="facet-service").words().split() == ["Service", "web", str(counted)]
    assert page.one(id="chart").attributes["aria-label"].startswith(f"{counted} traces")


def test_the_map_says_of_how_many_traces_it_is_when_there_was_no_time_for_all(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diamond_viewer.index.held.MAP_NS", 0)
    answer = client.get("/api/map").get_json()
    assert (answer["is_complete"], 0 < answer["traces"] < TRACES) == (False, True)
    said = f"This is the map of the newest {answer['traces']} traces: there was no time to look at all."
    assert said in [notice.words() for notice in Outline(client.get("/map").text).find(class_="notice")]


def test_a_comparison_of_what_was_not_all_found_does_not_say_that_nothing_matches(client: FlaskClient) -> None:
    first = ask(client, "/api/differences")
    assert (first["is_complete"], first["compared"]) == (False, 0)
    text = Outline(client.get("/differences", query_string=SEARCH).text).find(class_="fault__compared")[0].words()
    assert "No trace matches" not in text


def test_a_comparison_with_what_was_not_all_found_is_not_remembered(client: FlaskClient) -> None:
    """The newest trace alone has the toy: what is compared is the same from the first time on, what with is not."""
    answers: list[Any] = []
    while not answers or not answers[-1]["is_complete"]:
        answers.append(client.get("/api/differences", query_string={"q": "toy:ball"}).get_json())
        assert len(answers) < 4 * TRACES
    assert {answer["compared"] for answer in answers} == {1}
    beside = [answer["good_compared"] for answer in answers]
    assert beside == sorted(beside)
    assert 0 < beside[0] < beside[-1]


def test_what_columns_answer_alone_is_whole_at_once(client: FlaskClient) -> None:
    """Journeys ask for no text: nothing has to be looked through."""
    assert client.get("/api/journeys").status_code == 200
    assert ask(client, "/api/traces")["is_complete"] is False
    assert client.get("/api/stats").get_json()["is_complete"] is True
    assert client.get("/api/stats").get_json()["traces"] == TRACES
