"""What belongs to a trace besides its spans: logs and links from elsewhere, whatever came first and wherever it lies."""

import pytest

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.query.query import Query
from diamond_viewer.telemetry.sketch import log_title
from tests.index.filling import add_lines, filled
from tests.writing import A_TIME_NS, document, line, log, logs_line, span, span_id, trace_id, written

SPANS = line(span(1), span(2, 1))
LOGS = logs_line(log("one", of=1), log("two", of=2), log("elsewhere", trace=2))


def said(store: MemoryStore, trace: int = 1) -> list[str]:
    found = store.sketch(trace_id(trace))
    whole = store.trace(trace_id(trace))
    assert found is not None
    assert whole is not None
    assert sorted(map(repr, whole.logs)) == sorted(repr(one.whole()) for one in found.logs)
    return sorted(log_title(one) for one in whole.logs)


@pytest.mark.parametrize("segment_spans", [1, 131_072], ids=["a segment each", "one segment"])
@pytest.mark.parametrize("lines", [(SPANS, LOGS), (LOGS, SPANS)], ids=["spans first", "logs first"])
def test_logs_find_their_trace_whatever_comes_first(lines: tuple[bytes, ...], segment_spans: int) -> None:
    store = filled([[one] for one in lines], segment_spans)
    assert said(store) == ["one", "two"]
    assert store.trace(trace_id(2)) is None
    assert store.search(Query(), 0).total == 1


@pytest.mark.parametrize("asks_first", [True, False])
def test_logs_that_come_again_are_held_once_in_whatever_grouping(asks_first: bool) -> None:
    again = logs_line(log("new", of=1), log("one", of=1))
    store = filled([[SPANS, LOGS], [LOGS], [again, again]], asks_first=asks_first)
    assert said(store) == ["new", "one", "two"]
    assert store.health().counters["logs"] == 4
    assert store.health().counters["duplicate_logs"] >= 1


def test_two_equal_logs_of_one_line_are_two() -> None:
    assert said(filled([[SPANS, logs_line(log("tick"), log("tick"))]])) == ["tick", "tick"]


def test_a_log_on_a_line_of_spans_that_are_held_is_news() -> None:
    both = document(span(1), span(2, 1)) | {"resourceLogs": [{"scopeLogs": [{"logRecords": [log("late", of=1)]}]}]}
    store = filled([[SPANS], [written(both)]])
    assert said(store) == ["late"]
    assert store.search(Query(), 0).traces[0].span_count == 2


def test_a_new_log_changes_the_row_of_its_trace_and_moves_the_version() -> None:
    store = filled([[SPANS]])
    before, version = store.summary(trace_id(1)), store.version()
    add_lines(store, [LOGS])
    store.commit()
    assert store.summary(trace_id(1)) != before
    assert store.version() > version


def test_logs_are_part_of_the_budget_and_leave_with_their_segment() -> None:
    store = MemoryStore(2 * 1024**2)
    size_bytes = 0
    for number in range(400):
        add_lines(store, [logs_line(*(log(f"{number} {at} {'x' * 40}", trace=number + 1) for at in range(500)))])
        store.commit()
        size_bytes = max(size_bytes, store.health().memory_bytes)
    assert size_bytes < 4 * 1024**2
    assert store.health().counters["logs"] < 200_000
    add_lines(store, [line(span(1, trace=400))])
    store.commit()
    assert len(said(store, 400)) == 500


def test_a_backfilled_file_brings_its_logs_and_is_refused_when_they_are_held() -> None:
    def packed(*lines: bytes) -> object:
        packer = MemoryStore.packer()
        add_lines(packer, lines)
        return packer.handed_over()

    store = filled([[SPANS]])
    assert store.adopt(packed(LOGS)).name == "TAKEN"  # type: ignore[arg-type]
    assert said(store) == ["one", "two"]
    assert store.adopt(packed(logs_line(log("two", of=2)))).name == "HAS_REPEATS"  # type: ignore[arg-type]


def test_links_are_found_from_the_other_side_too() -> None:
    linking = span(7, trace=2, name="consumer", links=[{"traceId": trace_id(1), "spanId": span_id(2)}])
    store = filled([[line(linking, service="worker")], [SPANS]], segment_spans=1)
    sketch = store.sketch(trace_id(1))
    assert sketch is not None
    (link,) = sketch.backlinks
    assert (link.trace_id, link.span_id, link.to_span_id) == (trace_id(2), span_id(7), span_id(2))
    assert (link.name, link.service, link.start_ns) == ("consumer", "worker", A_TIME_NS)
    other = store.sketch(trace_id(2))
    assert other is not None
    assert other.backlinks == ()


def test_a_link_of_a_span_that_came_again_is_one() -> None:
    linking = span(7, trace=2, links=[{"traceId": trace_id(1), "spanId": span_id(2)}])
    store = filled([[SPANS, line(linking)], [line(linking, span(8, trace=2))]])
    sketch = store.sketch(trace_id(1))
    assert sketch is not None
    assert len(sketch.backlinks) == 1
