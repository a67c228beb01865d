import pytest

from diamond_viewer.telemetry.model import Event, Span
from diamond_viewer.trace.extent import extents, scale_of
from diamond_viewer.trace.timeline import Entry, Gap, tell
from diamond_viewer.trace.tree import arrange
from tests.builders import event, span


def told(*spans: Span) -> list[str]:
    """A line for each moment: ``name``, or the sentence of a gap."""
    rows = arrange(spans)
    scale = scale_of(spans)
    moments = tell(rows, extents(rows, scale), scale)
    return [moment.event.name if isinstance(moment, Entry) else moment.sentence for moment in moments]


def entry_of(happened: Event, ms: float = 100) -> Entry:
    rows = arrange([span("a", ms=ms, events=[happened])])
    scale = scale_of(row.span for row in rows)
    (entry,) = tell(rows, extents(rows, scale), scale)
    assert isinstance(entry, Entry)
    return entry


def test_events_of_all_spans_are_one_story_in_order_of_time() -> None:
    parent = span("a", ms=90, events=[event("third", 30), event("first", 10)])
    assert told(parent, span("b", "a", events=[event("second", 20)])) == ["first", "second", "third"]


def test_events_of_one_time_keep_the_order_of_the_tree_and_of_their_span() -> None:
    child = span("b", "a", events=[event("three", 5), event("four", 5)])
    assert told(child, span("a", events=[event("one", 5), event("two", 5)])) == ["one", "two", "three", "four"]


def test_offsets_count_from_the_beginning_of_the_trace() -> None:
    rows = arrange([span("a", start_ms=-10, ms=100, events=[event("x", 5)]), span("b", "a")])
    scale = scale_of(row.span for row in rows)
    (entry,) = tell(rows, extents(rows, scale), scale)
    assert isinstance(entry, Entry)
    assert entry.offset_ns == 15_000_000


@pytest.mark.parametrize(
    ("happened", "problems"),
    [
        (event("x", 0), ()),
        (event("x", 100), ()),
        (event("x", -0.4), ()),
        (event("x", time_ns=0), ("It has no time: it is told at the start of its span.",)),
        (event("x", time_ns=2**64 - 1), ("It has no time: it is told at the start of its span.",)),
        (event("x", -20), ("It happened 20 ms before its span started.",)),
        (event("x", 150), ("It happened 50 ms after its span ended.",)),
    ],
)
def test_an_event_outside_its_span_says_so(happened: Event, problems: tuple[str, ...]) -> None:
    assert entry_of(happened).problems == problems


def test_a_slow_resume_is_named_also_with_other_events_between() -> None:
    events = [event("video.loaded", 165), event("video.buffering", 300), event("video.resume_attempt", 1100)]
    assert told(span("a", ms=1840, events=events)) == [
        "video.loaded",
        "video.buffering",
        "935 ms gap: video.loaded → video.resume_attempt is over 500 ms.",
        "video.resume_attempt",
    ]


def test_a_resume_within_the_limit_and_a_second_attempt_are_no_gap() -> None:
    events = [event("video.loaded", 0), event("video.resume_attempt", 500), event("video.resume_attempt", 1300)]
    assert told(span("a", ms=9_000, events=events)) == [
        "video.loaded",
        "video.resume_attempt",
        "video.resume_attempt",
    ]


def test_a_silence_is_named_when_it_is_long_for_this_trace() -> None:
    events = [event("a", 0), event("b", 700), event("c", 1_900), event("d", 4_000)]
    assert told(span("a", ms=10_000, events=events)) == ["a", "b", "c", "2.1 s without an event.", "d"]


def test_a_short_trace_has_no_silences() -> None:
    assert told(span("a", ms=5, events=[event("a", 0), event("b", 4.9)])) == ["a", "b"]


def test_a_gap_says_how_long_it_was() -> None:
    rows = arrange([span("a", ms=3_000, events=[event("a", 0), event("b", 2_500)])])
    scale = scale_of(row.span for row in rows)
    assert tell(rows, extents(rows, scale), scale)[1] == Gap(2_500_000_000, "2.5 s without an event.")


def test_no_spans_have_no_story() -> None:
    assert told() == []
