"""What rows say that stands in no column: read from the lines of a page together, and again only when a trace has grown."""

import gc
from pathlib import Path
from weakref import ref

import pytest
from flask.testing import FlaskClient

from diamond_viewer.index import opening
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.telemetry.otlp_spans import sketch_spans_among
from diamond_viewer.web import row_facts
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS, asked
from tests.index.filling import add_lines, filled, one_by_one
from tests.web.html_outline import Outline
from tests.writing import line, span, trace_id

LINES = (Path(__file__).parents[1] / "data" / "diamond-district" / "traces.json").read_bytes().splitlines()
WHY = "/trace-viewer.html?q=colour%3Ared&column=colour"


def red(trace: int, *, spans: int = 1) -> bytes:
    return line(*(span(at + 1, trace=trace, attributes={"colour": "red"}, start_ns=NOW_NS) for at in range(spans)))


def together(*traces: int) -> bytes:
    return line(*(span(1, trace=one, attributes={"colour": "red"}, start_ns=NOW_NS) for one in traces))


def client_of(store: MemoryStore) -> FlaskClient:
    return create_app(store, clock=lambda: NOW_NS).test_client()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[frozenset[str]]:
    """For each line that was decoded, the traces that were looked for on it."""
    found: list[frozenset[str]] = []

    def noting(original: bytes, trace_ids: set[str], *, apart: bool) -> object:
        found.append(frozenset(trace_ids))
        return sketch_spans_among(original, trace_ids, apart=apart)

    monkeypatch.setattr(opening, "sketch_spans_among", noting)
    return found


def test_sketches_of_many_are_those_of_each() -> None:
    store = filled(one_by_one(LINES))
    ids = [summary.trace_id for summary in store.search(asked(limit=1000), NOW_NS).traces]
    assert len(ids) == 314
    many = store.sketches([*ids, "f" * 32])
    assert list(many) == ids
    for one in ids[::7]:
        alone = store.sketch(one)
        assert alone is not None
        assert many[one].summary == alone.summary
        assert {repr(span.whole()) for span in many[one].spans} == {repr(span.whole()) for span in alone.spans}
        trace = store.trace(one)
        assert trace is not None
        assert {repr(span.whole()) for span in many[one].spans} == {repr(span) for span in trace.spans}


def test_a_line_is_decoded_once_for_all_rows_of_a_page(read: list[frozenset[str]]) -> None:
    client = client_of(filled([[together(*range(1, 31))]]))
    page = Outline(client.get(WHY).text)
    assert len(page.find(class_="row__why")) == 30
    everybody = frozenset(trace_id(number) for number in range(1, 31))
    assert read == [everybody, everybody]  # for the reasons, and for the column
    client.get(WHY)
    assert len(read) == 2  # no trace has grown


def test_a_row_is_read_again_when_its_trace_has_grown(read: list[frozenset[str]]) -> None:
    store = filled([[together(1, 2)]])
    client = client_of(store)
    client.get(WHY)
    read.clear()
    add_lines(store, [line(span(2, 1, trace=2, attributes={"colour": "blue"}, start_ns=NOW_NS + 1))])
    store.commit()
    page = client.get(WHY).text
    assert set(read) == {frozenset([trace_id(2)])}
    assert "red +1" in page


def test_large_traces_are_not_all_in_memory_at_once(
    monkeypatch: pytest.MonkeyPatch, read: list[frozenset[str]]
) -> None:
    monkeypatch.setattr(row_facts, "SPANS_AT_ONCE", 5)
    client = client_of(filled([[red(1, spans=4)], [red(2, spans=9)], [red(3, spans=1)], [red(4, spans=1)]]))
    client.get("/trace-viewer.html?q=colour%3Ared")
    assert [len(one) for one in read] == [1, 1, 1, 1]
    assert Outline(client.get(WHY).text).find(class_="row__why")


def test_a_store_that_is_gone_is_kept_by_no_answer() -> None:
    """An import that was removed has to give its memory back."""
    store = filled([[together(1, 2)]])
    client = client_of(store)
    assert "red" in client.get(WHY).text
    assert "The newest trace" in client.get("/trace-viewer.html?q=colour%3Ared&until=2020-01-01T00:00:00Z").text
    gone = ref(store)
    del store, client
    gc.collect()
    assert gone() is None
