"""Who else has what was found over several traces of a person: as counted by plain loops."""

import pytest
from flask.testing import FlaskClient

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.web.app import create_app
from tests.asking import asked
from tests.index.filling import filled
from tests.plain_store import PlainStore
from tests.writing import A_TIME_NS, event, line, span, trace_id

SECOND_NS = 10**9


def sent_away(user: str, first: int, after_s: int, url: str = "/login") -> bytes:
    """Three traces of a user in a redirect loop."""
    spans = []
    for at in range(3):
        time_ns = A_TIME_NS + (after_s + 2 * at) * SECOND_NS
        away = event("middleware.redirect", time_ns, **{"from": "/lessons/x", "to": url, "hasCookie": True})
        who = {"user.id": user}
        spans.append(span(1, trace=first + at, kind=2, name="GET /x", start_ns=time_ns, attributes=who, events=[away]))
    return line(*spans)


LINES = [
    sent_away("ada", 1, 0),
    sent_away("bob", 11, 60),
    sent_away("cyd", 21, 7_200),
    sent_away("dan", 31, 90, "/signin"),
]


@pytest.fixture(scope="module")
def memory() -> MemoryStore:
    return filled([LINES])


@pytest.fixture(scope="module")
def client(memory: MemoryStore) -> FlaskClient:
    return create_app(memory, clock=lambda: A_TIME_NS + 120 * SECOND_NS).test_client()


def test_every_user_counts_once_in_the_window(memory: MemoryStore) -> None:
    plain = PlainStore.from_lines(LINES)
    loops = {one.fingerprint for found in plain.together().values() for one in found if one.rule == "redirect-loop"}
    assert len(loops) == 2
    counts = set()
    for fingerprint in loops:
        for since_s, until_s in ((-10, 30), (-10, 300), (-10, 9_000), (50, 9_000), (8_000, 9_000)):
            window = A_TIME_NS + since_s * SECOND_NS, A_TIME_NS + until_s * SECOND_NS
            expected = plain.people_alike(fingerprint, *window)
            assert memory.people_alike(fingerprint, *window) == expected
            counts.add(expected)
    assert counts == {0, 1, 2, 3}
    assert memory.people_alike("0" * 16, 0, 2**62) == 0


def test_who_has_lost_one_of_several_traces_still_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = filled([LINES])
    (finding,) = memory.findings(asked(user="ada", finding="redirect-loop"), A_TIME_NS).journey
    place_of, window = memory._place_of, (A_TIME_NS - 10 * SECOND_NS, A_TIME_NS + 30 * SECOND_NS)
    for gone in finding.trace_ids:
        monkeypatch.setattr(memory, "_place_of", lambda one, gone=gone: None if one == gone else place_of(one))
        assert memory.people_alike(finding.fingerprint, *window) == 1
    monkeypatch.setattr(memory, "_place_of", lambda _: None)
    assert memory.people_alike(finding.fingerprint, *window) == 0


def test_an_opened_trace_and_a_journey_say_who_else_has_it(client: FlaskClient) -> None:
    ada, dan = (client.get(f"/traces/{trace_id(number)}").text for number in (1, 31))
    assert "1 other user in the last hour" in ada
    assert "other user" not in dan
    assert "1 other user in the last hour" in client.get("/users/ada").text
    assert "other user" not in client.get("/users/dan").text


def test_the_link_leads_to_their_traces(client: FlaskClient) -> None:
    page = client.get("/users/ada").text
    href = page.split('class="finding__similar" href="')[1].partition('"')[0].replace("&amp;", "&")
    listed = client.get(href.replace("/trace-viewer.html", "/api/traces")).get_json()["traces"]
    assert {row["trace_id"] for row in listed} >= {trace_id(1), trace_id(11)}
    assert trace_id(21) not in {row["trace_id"] for row in listed}
