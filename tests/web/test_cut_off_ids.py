"""A trace id of which only the first digits are left leads to its trace, or names those it may mean."""

import pytest

from tests.asking import NOW_NS
from tests.plain_store import PlainStore
from tests.web.conftest import LIVE, MakeClient
from tests.web.html_outline import Outline
from tests.web.test_missing_trace import INDEXING
from tests.web.test_polling import OPENED, poll
from tests.writing import line, span

ONE, OTHER = "0af7651916cd43dd8448eb211c80319c", "0af7651916cd43de0000000000000000"
LINES = [
    line({**span(1, name=name, start_ns=NOW_NS - at * 10**9), "traceId": one})
    for at, (one, name) in enumerate([(ONE, "the newer"), (OTHER, "the older")], 1)
]


@pytest.fixture
def store() -> PlainStore:
    store = PlainStore.from_lines(LINES)
    store.report(LIVE)
    return store


@pytest.mark.parametrize("digits", [ONE[:16], ONE[:31], ONE[:16].upper(), f" {ONE[:20]}"])
def test_the_only_one_is_opened(store: PlainStore, client_of: MakeClient, digits: str) -> None:
    answer = client_of(store).get(f"/traces/{digits}", query_string={"view": "flame"})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/traces/{ONE}?view=flame")


def test_several_are_named(store: PlainStore, client_of: MakeClient) -> None:
    answer = client_of(store).get(f"/traces/{ONE[:8]}")
    assert answer.status_code == 300
    assert "2 traces begin with 0af76519. Give more digits." in answer.text
    outline = Outline(answer.text)  # on a phone these are blocks, which some browsers do not take for rows
    assert [len(outline.find(role=role)) for role in ("row", "columnheader", "rowheader", "cell")] == [3, 3, 2, 4]
    assert answer.text.index(f'href="/traces/{ONE}"') < answer.text.index(f'href="/traces/{OTHER}"')


def test_of_very_many_the_newest_are_named(client_of: MakeClient) -> None:
    ids = [f"0af76519{number:024x}" for number in range(30)]
    store = PlainStore.from_lines([line({**span(1), "traceId": one}) for one in ids])
    store.report(LIVE)
    text = client_of(store).get("/traces/0af76519").text
    assert "More than 20 traces begin with 0af76519." in text
    assert text.count('<a href="/traces/') == 20


def test_none_is_said_and_asked_for_again(store: PlainStore, client_of: MakeClient) -> None:
    client = client_of(store)
    answer = client.get("/traces/12345678")
    assert answer.status_code == 404
    assert "No trace 12345678… is held." in answer.text
    late = line({**span(1, name="it came"), "traceId": "12345678" + "0" * 24})
    store.report(INDEXING)
    assert "Trace 12345678… has not been read yet: still indexing, 43 %." in client.get("/traces/12345678").text
    store.add_lines([late])
    arrived = poll(client, "/traces/12345678")
    assert OPENED in arrived.text
    assert "<title>it came" in arrived.text


def test_one_that_has_come_to_be_one_of_several_says_so(store: PlainStore, client_of: MakeClient) -> None:
    polled = poll(client_of(store), f"/traces/{ONE[:8]}")
    assert (polled.status_code, OPENED in polled.text) == (200, False)
    assert "2 traces begin with 0af76519" in polled.text


@pytest.mark.parametrize("text", ["0af7651", "0af7651x9", "..0af76519"])
def test_what_is_no_beginning_is_refused(store: PlainStore, client_of: MakeClient, text: str) -> None:
    answer = client_of(store).get(f"/traces/{text}")
    assert answer.status_code == 404
    assert "is not a trace id" in answer.text
