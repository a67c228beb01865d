"""Spans that are cut out of a line are those that a full decode finds there."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.telemetry.otlp import decode_line
from diamond_viewer.telemetry.otlp_cuts import Cuts
from diamond_viewer.telemetry.otlp_spans import decode_spans, decode_spans_among
from tests.writing import document, event, line, resource_spans, span, trace_id, written

TRACES = Path(__file__).parents[1] / "data" / "diamond-district" / "traces.json"


def assert_same(original: bytes, trace_ids: set[str]) -> None:
    assert list(Cuts(original).spans_of(original, trace_ids)) == list(decode_spans_among(original, trace_ids))


@pytest.mark.parametrize("number", range(0, 23, 4))
def test_real_spans_are_what_a_full_decode_gives(number: int) -> None:
    original = decode_line(TRACES.read_bytes().splitlines()[number]).original
    trace_ids = sorted({one.trace_id for one in decode_spans(original)})
    for some in (trace_ids, trace_ids[::3], trace_ids[:1], []):
        assert_same(original, set(some))


@given(
    groups=st.lists(
        st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4), st.sampled_from(["", "b", "token=x"])), max_size=6),
        max_size=4,
    ),
    indent=st.sampled_from([None, 1]),
    wanted=st.sets(st.integers(1, 4)),
)
def test_spans_come_in_the_order_of_the_line_however_it_is_written(
    groups: list[list[tuple[int, int, str]]], indent: int | None, wanted: set[int]
) -> None:
    wire = {
        "resourceSpans": [
            resource_spans([span(number, trace=trace, name=name) for trace, number, name in group], f"service {at % 2}")
            for at, group in enumerate(groups)
        ]
    }
    text = written(wire)
    original = msgspec.json.format(text, indent=indent) if indent else text
    assert_same(original, {trace_id(number) for number in wanted})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(b'"spanId"', b'"traceId":"' + trace_id(2).encode() + b'","spanId"', id="id given twice"),
        pytest.param(
            b'"spanId"', b'"trace\\u0049d":"' + trace_id(2).encode() + b'","spanId"', id="id given twice, escaped"
        ),
        pytest.param(trace_id(0xAB).encode(), trace_id(0xAB).upper().encode(), id="id in capitals"),
        pytest.param(
            b'"name":"a"', b'"name":"}, {\\"traceId\\":\\"' + trace_id(2).encode() + b'\\""', id="spans in texts"
        ),
        pytest.param(b'"events"', b'"spans":[{}],"events"', id="spans in spans"),
    ],
)
def test_a_span_is_where_the_parser_says(before: bytes, after: bytes) -> None:
    plain = line(
        span(1, trace=0xAB, name="a", events=[event("e")]),
        span(2, trace=2, name="b"),
        span(3, trace=0xAB, name="c", links=[{"traceId": trace_id(2), "spanId": "0000000000000001"}]),
    )
    original = plain.replace(before, after, 1)
    assert original != plain
    for wanted in ({trace_id(0xAB)}, {trace_id(2)}, {trace_id(0xAB), trace_id(2)}):
        assert_same(original, wanted)


def test_all_that_spans_stand_below_takes_room() -> None:
    """A collector in the middle sends lines of spans of hundreds of processes, each of which says at length who it is."""
    spans = [span(number, trace=number) for number in range(1, 101)]
    alike = Cuts(written({"resourceSpans": [resource_spans(spans, "s" * 1_000)]}))
    apart = Cuts(written({"resourceSpans": [resource_spans([one], f"{at:01000}") for at, one in enumerate(spans)]}))
    assert apart.size_bytes - alike.size_bytes > 99 * 1_000


def test_a_line_without_spans_has_none() -> None:
    for original in (b"{}", b'{"resourceSpans":[]}', written(document())):
        assert_same(original, {trace_id(1)})


def test_what_nests_too_deep_is_refused_as_by_a_full_decode() -> None:
    deep = b"[" * 5_000 + b"]" * 5_000
    original = line(span(1)).replace(b'"name"', b'"attributes":' + deep + b',"name"')
    with pytest.raises(RecursionError):
        list(decode_spans(original))
    with pytest.raises(RecursionError):
        Cuts(original)
