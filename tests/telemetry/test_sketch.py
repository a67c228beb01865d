"""A sketch says what a full decode says, and no more than it."""

from pathlib import Path

import pytest

from diamond_viewer.telemetry.otlp import decode_line
from diamond_viewer.telemetry.otlp_spans import decode_spans, sketch_spans, sketch_spans_among
from diamond_viewer.telemetry.sketch import SpanSketch, distinct, sketch_of, whole_event
from tests.writing import event, line, span, trace_id

TRACES = Path(__file__).parents[1] / "data" / "diamond-district" / "traces.json"
SECRET = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"


def sketches(*lines: bytes) -> list[SpanSketch]:
    return [sketch for one in lines for sketch in sketch_spans(decode_line(one).original, trace_id(1))]


@pytest.mark.parametrize("number", range(0, 23, 4))
def test_real_sketches_are_what_a_full_decode_gives(number: int) -> None:
    original = decode_line(TRACES.read_bytes().splitlines()[number]).original
    for whole in decode_spans(original):
        same_id = [one for one in sketch_spans(original, whole.trace_id) if one.span_id == whole.span_id]
        (sketch,) = same_id
        plain = sketch_of(whole)
        for field in (
            "parent_id",
            "name",
            "kind",
            "start_ns",
            "end_ns",
            "status_code",
            "service",
            "is_plumbing",
            "clock",
        ):
            assert getattr(sketch, field) == getattr(plain, field), field
        assert sketch.whole() == whole
        assert [whole_event(one) for one in sketch.events] == list(whole.events)
        assert (sketch.has_events, sketch.has_links) == (bool(whole.events), bool(whole.links))


@pytest.mark.parametrize("number", range(0, 23, 4))
def test_a_sketch_apart_says_the_same_and_keeps_no_more_than_its_span(number: int) -> None:
    original = decode_line(TRACES.read_bytes().splitlines()[number]).original
    for trace in sorted({one.trace_id for one in decode_spans(original)}):
        together = [sketch for _, sketch in sketch_spans_among(original, {trace})]
        apart = [sketch for _, sketch in sketch_spans_among(original, {trace}, apart=True)]
        assert [one.whole() for one in apart] == [one.whole() for one in together]
        assert [one.source.repeated_keys() for one in apart] == [one.source.repeated_keys() for one in together]
        kept_bytes = {id(one.source.original): len(one.source.original) for one in apart}  # type: ignore[attr-defined]
        assert sum(kept_bytes.values()) <= len(original)
        assert (len(kept_bytes) == 1) == (len(apart) == 1 or 2 * len(apart) >= original.count(b'"spanId":'))


def test_a_key_that_a_span_repeats_is_told_of_a_sketch_apart() -> None:
    wires = line(span(1, attributes={"a": 1}), span(2, trace=2), span(3, trace=2))
    repeated = wires.replace(b'"attributes":[{"key":"a"', b'"attributes":[{"key":"a","value":{}},{"key":"a"', 1)
    assert repeated != wires
    (sketch,) = [sketch for _, sketch in sketch_spans_among(repeated, {trace_id(1)}, apart=True)]
    assert sketch.source.repeated_keys() == ("a",)


def test_no_secret_is_in_a_sketch_or_its_events() -> None:
    wire = span(name=f"GET /x?token={SECRET}", events=[event(f"got {SECRET}", password="hunter2hunter2")])
    (sketch,) = sketches(line(wire, service=f"web {SECRET}"))
    said = f"{sketch.name} {sketch.service} {[one.name for one in sketch.events]} {sketch.whole()} {sketch.source.origin()}"
    assert SECRET not in said
    assert "hunter2" not in said + str([whole_event(one) for one in sketch.events])


def test_what_a_span_may_say_is_never_less_than_what_it_says() -> None:
    wire = span(attributes={"Path": "/API/me"}, events=[event("Tick")], status={"code": 2, "message": "No Row"})
    (sketch,) = sketches(line(wire), line(span(2, trace=2)))
    for words in (b"path", b"/api/me", b"tick", b"no row", b"work"):
        assert sketch.source.may_say(words), words
    assert not sketch.source.may_say(b"elsewhere")


def test_a_slash_that_was_escaped_is_found() -> None:
    (sketch,) = sketches(line(span(attributes={"path": "/api/me"})).replace(b"/api/me", b"\\/api\\/me"))
    assert sketch.source.may_say(b"/api/me")


def test_each_span_once_and_others_of_its_id_too() -> None:
    one, other = span(name="one"), span(name="other")
    assert [sketch.name for sketch in distinct(sketches(line(one, other), line(one)))] == ["one", "other"]


def test_a_shift_moves_the_span_and_its_events_and_leaves_the_recorded_times() -> None:
    (sketch,) = sketches(line(span(start_ns=1_000, lasts_ns=10, events=[event("a", 1_005), event("none", 0)])))
    shifted = sketch.shifted(-500)
    assert (shifted.start_ns, shifted.end_ns, [one.time_ns for one in shifted.events]) == (500, 510, [505, 0])
    assert shifted.whole().start_ns == 1_000
