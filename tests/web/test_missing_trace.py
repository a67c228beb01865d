"""A trace that is not there: still to be read, gone from memory, or never seen. Its page says which, and goes on asking."""

from dataclasses import replace

from flask.testing import FlaskClient

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.telemetry.model import FeedState
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.index.filling import add_lines
from tests.plain_store import PlainStore
from tests.web.conftest import LIVE, MakeClient
from tests.web.test_polling import OPENED, poll, seen
from tests.writing import line, span, trace_id

URL = f"/traces/{trace_id(1)}"
INDEXING = replace(LIVE, ready=False, bytes_read=43, bytes_total=100)


def test_a_trace_that_is_still_to_be_read_opens_by_itself(client_of: MakeClient) -> None:
    store = PlainStore.from_lines([line(span(1, trace=2))])
    store.report(INDEXING)
    client = client_of(store)
    page = client.get(URL)
    assert page.status_code == 404
    assert "still indexing, 43 %" in page.text
    assert 'id="status" hx-get' in page.text
    store.report(replace(INDEXING, bytes_read=60))
    polled = poll(client, URL)
    assert (polled.status_code, OPENED in polled.text) == (200, False)
    assert "still indexing, 60 %" in polled.text
    assert poll(client, URL, seen=seen(polled)).status_code == 204
    store.add_lines([line(span(1, name="it came"))])
    arrived = poll(client, URL, seen=seen(polled))
    assert OPENED in arrived.text
    assert "<title>it came" in arrived.text


def test_beside_the_list_it_opens_by_itself_too(client_of: MakeClient) -> None:
    store = PlainStore.from_lines([line(span(1, trace=2))])
    store.report(INDEXING)
    client = client_of(store)
    first = poll(client, trace=trace_id(1))
    assert "still indexing, 43 %" in first.text
    store.add_lines([line(span(1, name="it came"))])
    arrived = poll(client, trace=trace_id(1), seen=seen(first))
    assert 'id="trace"' in arrived.text


def test_an_opened_trace_is_refreshed_when_its_row_is_on_another_page(client_of: MakeClient) -> None:
    times = [NOW_NS - number * 10**9 for number in range(1, 10)]
    store = PlainStore.from_lines([line(span(1, trace=n, start_ns=time)) for n, time in enumerate(times, 1)])
    store.report(LIVE)
    client = client_of(store)
    asked = {"limit": "1", "trace": trace_id(9)}
    held = client.get("/trace-viewer.html", query_string=asked).text.split('data-held="')[-1].partition('"')[0]
    assert 'id="trace"' not in poll(client, **asked, held=held).text
    store.add_lines([line(span(2, 1, trace=9, name="late", start_ns=times[-1]))])
    assert "late" in poll(client, **asked, held=held).text


def test_a_trace_that_left_memory_is_told_from_one_that_never_was() -> None:
    store = MemoryStore(2**20, segment_spans=100)
    for number in range(1, 300):
        spans = [
            span(at, trace=number, start_ns=NOW_NS + number * 10**9, name="x" * 50 + str(at)) for at in range(1, 150)
        ]
        add_lines(store, [line(*spans)])
        store.commit()
    client: FlaskClient = create_app(store, clock=lambda: NOW_NS).test_client()
    store.report(FeedState(ready=True))
    gone = client.get(URL)
    assert gone.status_code == 404
    assert "was evicted from memory at" in gone.text
    assert "older than what is held (since " in gone.text
    unknown = client.get(f"/traces/{trace_id(10**9)}")
    assert "No trace" in unknown.text
    assert "evicted" not in unknown.text
    assert "evicted from memory" in client.get(f"/api{URL}").text
    assert store.left_ns(trace_id(299)) == 0
    assert store.left_ns("zz") == 0


def test_a_trace_that_leaves_memory_while_it_is_open_stays_open(client_of: MakeClient) -> None:
    store = PlainStore.from_lines([line(span(1, trace=2))])
    store.report(LIVE)
    polled = poll(client_of(store), URL, held="1.0.0.1")
    assert polled.status_code == 200
    assert 'hx-target="#missing"' not in polled.text
    assert OPENED not in polled.text
