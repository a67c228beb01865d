"""StoryLine: the events of all spans of a trace as one ordered story, as ``trace.timeline`` tells it."""

from collections.abc import Sequence
from dataclasses import dataclass

from diamond_viewer.trace.timeline import Entry, Gap
from diamond_viewer.web.attributes import AttributeLine, attribute_lines, has_long_values, short_attributes
from diamond_viewer.web.badges import event_tone
from diamond_viewer.web.span_rows import UNNAMED, offset_words


@dataclass(frozen=True, slots=True)
class StoryLine:
    """An event; or, when ``gap`` is set, the silence before the next one."""

    offset: str = ""
    name: str = ""
    tone: str = ""
    span: str = ""
    attributes: str = ""
    problems: tuple[str, ...] = ()
    details: tuple[AttributeLine, ...] = ()
    gap: str = ""


def story_lines(story: Sequence[Entry | Gap]) -> tuple[StoryLine, ...]:
    return tuple(StoryLine(gap=told.sentence) if isinstance(told, Gap) else _event_line(told) for told in story)


def _event_line(entry: Entry) -> StoryLine:
    event = entry.event
    return StoryLine(
        offset=offset_words(entry.offset_ns),
        name=event.name or UNNAMED,
        tone=event_tone(event.name),
        span=entry.span.name or UNNAMED,
        attributes=short_attributes(event.attributes),
        problems=entry.problems,
        details=attribute_lines(event.attributes) if has_long_values(event.attributes) else (),
    )
