"""StoryEntry: the events of all spans of a trace as one ordered story, with the gaps that matter."""

from collections.abc import Sequence
from dataclasses import dataclass

from diamond_viewer.telemetry.model import Span, Trace
from diamond_viewer.telemetry.units import format_duration
from diamond_viewer.web.attributes import AttributeLine, attribute_lines, has_long_values, short_attributes
from diamond_viewer.web.badges import event_tone

GAP_NS = 500_000_000


@dataclass(frozen=True, slots=True)
class StoryEntry:
    """An event, or (``gap`` is set) the silence before the next one."""

    offset: str
    name: str
    tone: str
    span: str
    attributes: str
    details: tuple[AttributeLine, ...]
    gap: str = ""


def story(trace: Trace, spans: Sequence[Span]) -> tuple[StoryEntry, ...]:
    found = sorted(((e.time_ns, s, e) for s in spans for e in s.events), key=lambda x: x[0])
    out = []
    last = None
    for time_ns, span, event in found:
        if last and time_ns - last[0] > GAP_NS:
            out.append(
                StoryEntry(
                    "",
                    "",
                    "plain",
                    "",
                    "",
                    (),
                    gap=f"{format_duration(time_ns - last[0])} gap, {last[1]} → {event.name}",
                )
            )
        out.append(
            StoryEntry(
                "+" + format_duration(time_ns - trace.summary.start_ns),
                event.name,
                event_tone(event.name),
                span.name,
                short_attributes(event.attributes),
                attribute_lines(event.attributes) if has_long_values(event.attributes) else (),
            )
        )
        last = time_ns, event.name
    return tuple(out)
