"""The service map: its drawing holds together with 3 and with 60 nodes, its table and JSON say what the store says."""

import random
import re
from itertools import combinations
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.query.query import Query
from diamond_viewer.telemetry.model import KIND_CLIENT, KIND_SERVER, FeedState
from diamond_viewer.web.app import create_app
from diamond_viewer.web.map_layout import BOX_HEIGHT, BOX_WIDTH, LABEL_HEIGHT, laid_out, layers_of
from tests.asking import NOW_NS
from tests.index.filling import filled
from tests.plain_store import PlainStore
from tests.web.conftest import TRACES
from tests.web.html_outline import Outline
from tests.web.test_api import EXPECTED
from tests.web.test_golden import compare
from tests.writing import line, resource_spans, span, written

EVIL = '"><img src=x onerror=alert(1)><script>alert(2)</script>'


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=150))
def test_boxes_never_overlap_and_labels_never_cover_each_other(edges: list[tuple[int, int]]) -> None:
    edges = list(dict.fromkeys(edges))
    nodes = sorted({node for edge in edges for node in edge})
    layout = laid_out(nodes, edges)
    assert [box.node for box in layout.boxes] == nodes
    for one, two in combinations(layout.boxes, 2):
        assert abs(one.x - two.x) >= BOX_WIDTH or abs(one.y - two.y) >= BOX_HEIGHT
    for box in layout.boxes:
        assert 0 <= box.x <= layout.width - BOX_WIDTH
        assert 0 <= box.y <= layout.height - BOX_HEIGHT
    labels = [(curve.label_x, curve.label_y) for curve in layout.curves if curve.source != curve.target]
    for (x, y), (other_x, other_y) in combinations(labels, 2):
        assert round(x) != round(other_x) or abs(y - other_y) >= LABEL_HEIGHT - 1e-6


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(31, 60)), max_size=100), st.randoms(use_true_random=False))
def test_callers_stand_left_of_what_they_call_where_there_is_no_circle(
    edges: list[tuple[int, int]], chance: random.Random
) -> None:
    nodes = list(range(61))
    chance.shuffle(nodes)
    layers = layers_of(nodes, edges)
    assert all(layers[source] < layers[target] for source, target in edges)


def test_a_curve_begins_and_ends_at_its_boxes() -> None:
    edges = [("a", "b"), ("b", "c"), ("a", "c"), ("c", "a"), ("b", "b")]
    layout = laid_out(["a", "b", "c"], edges)
    boxes = {box.node: box for box in layout.boxes}
    for curve in layout.curves[:3]:
        x, y = map(float, re.match(r"M([\d.]+) ([\d.]+)", curve.path).groups())  # type: ignore[union-attr]
        assert (x, y) == (boxes[curve.source].x + BOX_WIDTH, boxes[curve.source].y + BOX_HEIGHT / 2)
        end = [float(number) for number in curve.path.replace("L", " ").split(" ")[-2:]]
        assert end == [boxes[curve.target].x, boxes[curve.target].y + BOX_HEIGHT / 2]
    assert len({curve.path for curve in layout.curves}) == 5


def many_services(count: int) -> list[bytes]:
    """A tree of ``count`` services, a call in each of its traces."""
    chance = random.Random(3)
    blocks = []
    for at in range(1, count):
        above = chance.randrange(max(0, at - 7), at)
        blocks.append(resource_spans([span(1, trace=at, kind=KIND_CLIENT)], f"service-{above:02}"))
        blocks.append(resource_spans([span(2, 1, trace=at, kind=KIND_SERVER)], f"service-{at:02}"))
    return [written({"resourceSpans": blocks})]


def client_for(lines: list[bytes]) -> FlaskClient:
    store = filled([lines])
    store.report(FeedState(ready=True))
    return create_app(store, clock=lambda: NOW_NS).test_client()


def test_sixty_services_are_drawn() -> None:
    outline = Outline(client_for(many_services(60)).get("/map").get_data(as_text=True))
    assert outline.problems == []
    assert len(outline.find(class_="map__node")) == 60
    assert len(outline.find(class_="map__label")) == 59


def test_more_than_can_be_drawn_is_said_and_stands_in_the_table() -> None:
    html = client_for(many_services(120)).get("/map").get_data(as_text=True)
    assert "The 80 most called of 120 are drawn" in html
    assert len(Outline(html).find(scope="row")) == 119


def test_the_json_is_what_plain_loops_count(client: FlaskClient, real_store: PlainStore) -> None:
    answer: Any = client.get("/api/map", query_string={"lesson": "lesson-012"}).get_json()
    plain = real_store.service_map(Query((("lesson", "lesson-012"),)), NOW_NS)
    assert [(call["target"]["name"], call["count"], call["errors"]) for call in answer["calls"]] == [
        (call.target.name, call.count, call.error_count) for call in plain.calls
    ]
    assert answer["traces"] == plain.trace_count == EXPECTED["lessons"]["lesson-012"]
    assert answer["is_complete"] is True


@pytest.mark.parametrize("path", ["/api/map?colour=red", "/api/map?q=(", "/api/map?limit=abc"])
def test_the_api_is_strict(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 400


def test_every_link_leads_somewhere_and_filters() -> None:
    client = client_for(TRACES.read_bytes().splitlines())
    outline = Outline(client.get("/map?q=status:error").get_data(as_text=True))
    links = {element.attributes["href"] for name in ("map__call", "map__node") for element in outline.find(class_=name)}
    assert len(links) >= 5
    for href in links:
        page = client.get(href)
        assert page.status_code == 200
        assert 'class="notice"' not in page.get_data(as_text=True), href


def test_a_call_leads_to_its_traces() -> None:
    client = client_for(TRACES.read_bytes().splitlines())
    outline = Outline(client.get("/map").get_data(as_text=True))
    (call,) = [
        element
        for element in outline.find(class_="map__call")
        if "web calls video-transcode" in element.attributes["aria-label"]
    ]
    listed = Outline(client.get(call.attributes["href"]).get_data(as_text=True))
    assert "3 of 3" in listed.one(class_="list__foot").words()


def test_hostile_names_are_text() -> None:
    calls_host = {"url.full": "http://u:hunter2secret@[/" + EVIL}
    hostile = line(
        span(1, kind=KIND_SERVER),
        span(2, 1, kind=KIND_CLIENT, attributes={"db.system": EVIL, "server.address": EVIL + "\t\n"}),
        span(3, 1, kind=KIND_CLIENT, attributes=calls_host),
        service=EVIL,
    )
    client = client_for([hostile])
    page = client.get("/map").get_data(as_text=True)
    assert Outline(page).problems == []
    for text in (page, client.get("/map", query_string={"service": EVIL, "q": EVIL}).get_data(as_text=True)):
        assert "<img src=x" not in text
        assert "<script>alert" not in text
        assert "hunter2secret" not in text


def test_a_poll_refreshes_only_the_header(client: FlaskClient) -> None:
    polls = {"HX-Request": "true", "HX-Target": "div#status"}
    first = client.get("/map", headers=polls)
    assert "map__node" not in first.get_data(as_text=True)
    assert client.get(f"/map?seen={first.headers['Diamond-Seen']}", headers=polls).status_code == 204


@pytest.mark.parametrize(("name", "path"), [("map", "/map"), ("map-nothing", "/map?user=nobody")])
def test_the_page_is_as_it_was_accepted(client: FlaskClient, name: str, path: str) -> None:
    compare(name, client.get(path).get_data(as_text=True))
