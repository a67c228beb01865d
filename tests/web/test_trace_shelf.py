"""Traces that were opened stay laid out, and there are never many of them."""

from diamond_viewer.web.trace_shelf import MAX_TRACES, TraceShelf
from tests.index.filling import filled
from tests.writing import line, span, trace_id


def test_of_many_traces_that_were_opened_only_some_are_kept() -> None:
    numbers = range(1, 2 * MAX_TRACES + 1)
    shelf = TraceShelf(filled([[line(*(span(1, trace=number) for number in numbers))]]))
    readings = [shelf.reading(trace_id(number)) for number in numbers]
    assert None not in readings
    assert len(shelf) == MAX_TRACES
    assert shelf.reading(trace_id(numbers[-1])) is readings[-1]
    assert shelf.reading(trace_id(1)) is not readings[0]


def test_a_small_trace_does_not_keep_the_long_line_that_it_lies_on() -> None:
    one = line(*(span(1, trace=number) for number in range(1, 101)))
    reading = TraceShelf(filled([[one]])).reading(trace_id(7))
    assert reading is not None
    kept = [sketch.source.original for sketch in reading.trace.spans]  # type: ignore[attr-defined]
    assert [len(original) < len(one) // 50 for original in kept] == [True]
