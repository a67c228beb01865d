"""Traces that were opened stay laid out, and there are never many of them."""

from diamond_viewer.web.trace_shelf import MAX_TRACES, TraceShelf
from tests.index.filling import filled
from tests.writing import line, span, trace_id


def test_of_many_traces_that_were_opened_only_some_are_kept() -> None:
    """Each keeps its line: as much as a collector puts into a batch, however small the trace is."""
    numbers = range(1, 2 * MAX_TRACES + 1)
    shelf = TraceShelf(filled([[line(*(span(1, trace=number) for number in numbers))]]))
    readings = [shelf.reading(trace_id(number)) for number in numbers]
    assert None not in readings
    assert len(shelf) == MAX_TRACES
    assert shelf.reading(trace_id(numbers[-1])) is readings[-1]
    assert shelf.reading(trace_id(1)) is not readings[0]
