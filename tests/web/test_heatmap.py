"""How long calls take over time, as cells: what they count, where they lead, and the same as JSON."""

import html
import re

import pytest
from flask.testing import FlaskClient

from diamond_viewer.telemetry.tallies import BANDS, SERIES_BUCKETS, band_of
from diamond_viewer.web.heatmap import heatmap
from tests.asking import NOW_NS
from tests.plain_store import PlainStore
from tests.web.conftest import LIVE, MakeClient
from tests.writing import line, span

CELL = re.compile(r'<a href="([^"]+)"[^>]*><title>([^<]+)</title><rect class="heat__cell([^"]*)"')


def cells_of(text: str) -> list[tuple[str, str, str]]:
    return [(html.unescape(href), html.unescape(title), classes) for href, title, classes in CELL.findall(text)]


def counted(cells: list[tuple[str, str, str]]) -> int:
    return sum(int(title.rpartition(": ")[2].split()[0].replace(",", "")) for _, title, _ in cells)


def call(number: int, ms: int, name: str = "GET /a", ago_s: int = 100) -> bytes:
    at_ns = NOW_NS - ago_s * 10**9
    return line(span(1, trace=number, kind=2, name=name, start_ns=at_ns, lasts_ns=ms * 10**6))


def client_with(client_of: MakeClient, *lines: bytes) -> FlaskClient:
    store = PlainStore.from_lines(lines)
    store.report(LIVE)
    return client_of(store)


def test_every_call_of_the_time_shown_is_in_one_cell(client: FlaskClient) -> None:
    tallies = client.get("/api/operations?limit=200").get_json()
    cells = cells_of(client.get("/operations").text)
    assert counted(cells) == sum(sum(tally["series"]) for tally in tallies["operations"]) > 200
    assert counted(cells) == sum(count for _, _, count in tallies["heat"])


def test_one_operation_is_shown_alone_and_all_again(client: FlaskClient) -> None:
    text = client.get("/operations").text
    href = re.search(r'title="GET /api/video/\[lessonId\]".*?class="tally__heat" href="([^"]+)"', text, re.DOTALL)
    assert href
    alone = client.get(html.unescape(href[1])).text
    assert 'How long calls take <span class="muted">GET /api/video/[lessonId]</span>' in alone
    assert counted(cells_of(alone)) == 39
    assert '<tr role="row" class="tally__row" aria-current="true">' in alone
    assert '<a href="/operations">All operations</a>' in alone


def test_a_cell_leads_to_the_traces_of_its_calls(client: FlaskClient) -> None:
    href = re.search(
        r'title="POST /api/progress".*?class="tally__heat" href="([^"]+)"', client.get("/operations").text, re.DOTALL
    )
    assert href
    cells = cells_of(client.get(html.unescape(href[1])).text)
    assert len(cells) > 5
    for address, title, _ in cells:
        found = client.get(address.replace("/trace-viewer.html", "/api/traces")).get_json()["total"]
        assert found >= 1, (address, title)


def test_slow_ones_are_marked_and_stand_on_top(client_of: MakeClient) -> None:
    calls = [call(n, 15) for n in range(1, 21)] + [call(30, 3_000)]
    cells = cells_of(client_with(client_of, *calls).get("/operations?since=1h").text)
    assert [title.partition(", ")[2] for _, title, _ in cells] == ["2 s to 5 s: 1 call", "10 ms to 20 ms: 20 calls"]
    assert "heat__cell--slow" in cells[0][2]
    assert "heat__cell--1" in cells[0][2]
    assert "heat__cell--5" in cells[1][2]
    assert "duration%3E%3D2000ms+duration%3C5000ms" in cells[0][0]
    assert "since=" in cells[0][0]


def test_an_unknown_operation_shows_all_and_nothing_draws_nothing(client_of: MakeClient) -> None:
    client = client_with(client_of, call(1, 5))
    assert "All operations</span>" in client.get("/operations?heat=000000000000").text
    assert 'id="heat"' not in client.get("/operations?user=nobody").text
    assert heatmap((), 0, 1, 2, lambda *_: "", "x") is None
    assert heatmap((0,) * (BANDS * SERIES_BUCKETS), 0, 1, 2, lambda *_: "", "x") is None


@pytest.mark.parametrize(("ms", "band"), [(0, 0), (1, 1), (19, 4), (20, 5), (10_000, 13)])
def test_a_lower_edge_belongs_to_its_band(client_of: MakeClient, ms: int, band: int) -> None:
    answer = client_with(client_of, call(1, ms)).get("/api/operations").get_json()
    assert answer["heat_edges_ms"][:3] == [1, 2, 5]
    ((found, _, count),) = answer["heat"]
    assert (found, count) == (band, 1)
    assert found == band_of(ms * 10**6)
