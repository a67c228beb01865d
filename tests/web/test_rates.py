"""Rates are of a time over which they are true: one old job does not stretch it."""

import pytest
from flask.testing import FlaskClient

from diamond_viewer.query.query import Query
from diamond_viewer.telemetry.model import Histogram
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.plain_store import PlainStore
from tests.web.conftest import LIVE
from tests.web.html_outline import Outline
from tests.writing import line, span

SECOND_NS = 10**9


def client_for(*lines: bytes) -> FlaskClient:
    store = PlainStore.from_lines(lines)
    store.report(LIVE)
    return create_app(store, clock=lambda: NOW_NS).test_client()


def a_minute(first_ns: int, service: str = "web") -> list[bytes]:
    """120 requests, two a second, each with a call of the database."""
    return [
        line(
            span(1, trace=at + 1, kind=2, start_ns=first_ns + at * SECOND_NS // 2),
            span(2, 1, trace=at + 1, kind=3, start_ns=first_ns + at * SECOND_NS // 2, attributes={"db.system": "pg"}),
            service=service,
        )
        for at in range(120)
    ]


LONG_JOB = line(
    span(1, trace=999, kind=5, name="job", start_ns=NOW_NS - 4 * 3600 * SECOND_NS, lasts_ns=4 * 3600 * SECOND_NS)
)
BUSY = a_minute(NOW_NS - 70 * SECOND_NS)


def note(client: FlaskClient, url: str = "/trace-viewer.html") -> str:
    page = Outline(client.get(url).get_data(as_text=True))
    return next(one.words() for one in page.root.all() if "figure__note" in one.attributes.get("class", ""))


def test_an_old_long_job_does_not_make_the_others_look_rare() -> None:
    assert note(client_for(*BUSY)) == "2.0/s"
    assert note(client_for(*BUSY, LONG_JOB)) == "2/s in 1 min"


def test_with_a_window_the_rate_is_of_the_window() -> None:
    assert note(client_for(*BUSY, LONG_JOB), "/trace-viewer.html?since=2m") == "1.0/s"


def test_traces_that_are_spread_have_the_rate_of_all_their_time() -> None:
    spread = [line(span(1, trace=at + 1, start_ns=NOW_NS - at * 60 * SECOND_NS)) for at in range(61)]
    assert note(client_for(*spread)) == "1.0/min"


def test_the_map_says_why_it_shows_no_rates_and_where_there_are_some() -> None:
    client = client_for(*BUSY, LONG_JOB)
    page = Outline(client.get("/map").get_data(as_text=True))
    assert "No rates: 120 of 121 traces began within" in page.root.words()
    [link] = [one for one in page.root.all() if one.words().startswith("Show those") and "href" in one.attributes]
    there = client.get(link.attributes["href"]).get_data(as_text=True)
    assert "No rates" not in there
    assert "web calls pg: 120 calls (2/s)" in there
    [call] = [one for one in client.get("/api/map").get_json()["calls"] if one["target"]["kind"] == "database"]
    assert (call["count"], call["per_second"]) == (120, None)


def test_a_map_whose_traces_are_spread_has_rates() -> None:
    client = client_for(*BUSY)
    assert "No rates" not in client.get("/map").get_data(as_text=True)
    [call] = [one for one in client.get("/api/map").get_json()["calls"] if one["target"]["kind"] == "database"]
    assert 1.9 < call["per_second"] < 2.1


def test_operations_have_no_rate_that_is_not_true() -> None:
    def notes(client: FlaskClient) -> list[str]:
        page = Outline(client.get("/operations").get_data(as_text=True))
        return [one.words() for one in page.root.all() if "tally__note" in one.attributes.get("class", "")]

    assert any(note.endswith("/s") for note in notes(client_for(*BUSY)))
    assert not any(note.endswith(("/s", "/min", "/h")) for note in notes(client_for(*BUSY, LONG_JOB)))


def counted(client_url: str, *lines: bytes) -> int:
    """How many histograms the store is asked for."""
    store = Histograms.from_lines(lines)
    store.report(LIVE)
    assert create_app(store, clock=lambda: NOW_NS).test_client().get(client_url).status_code == 200
    return store.asked


class Histograms(PlainStore):
    asked = 0

    def histogram(self, query: Query, now_ns: int, buckets: int) -> Histogram:
        self.asked += 1
        return super().histogram(query, now_ns, buckets)


@pytest.mark.parametrize("path", ["/operations", "/map", "/api/map"])
def test_whether_there_are_rates_is_known_after_one_histogram_and_with_a_window_without(path: str) -> None:
    assert counted(f"{path}?since=2m", *BUSY, LONG_JOB) == 0
    assert counted(path, *BUSY) == 1
    assert counted(path, *BUSY, LONG_JOB) == (1 if path != "/map" else 4)  # it says when they were


def test_of_a_few_traces_one_may_be_old() -> None:
    few = [line(span(1, trace=at + 1, start_ns=NOW_NS - at * SECOND_NS)) for at in range(10)]
    assert note(client_for(*few, LONG_JOB)) == "50/min in 12 s"
    apart = [line(span(1, trace=at + 1, start_ns=NOW_NS - at * 1_000 * SECOND_NS)) for at in (0, 1, 9)]
    assert note(client_for(*apart)) == "1.2/h"
