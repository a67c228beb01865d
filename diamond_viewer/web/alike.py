"""AlikePage: the traces that an id which was cut off may mean."""

from collections.abc import Sequence
from dataclasses import dataclass

from diamond_viewer.telemetry.model import TraceSummary
from diamond_viewer.telemetry.trace_ids import several_traces
from diamond_viewer.telemetry.units import format_date_time, format_duration, format_times
from diamond_viewer.web.address import trace_href
from diamond_viewer.web.trace_list import UNNAMED, status_words

MAX_LISTED = 20


@dataclass(frozen=True, slots=True)
class Alike:
    trace_id: str
    href: str
    name: str
    status: str
    is_error: bool
    time: str
    service: str
    detail: str


@dataclass(frozen=True, slots=True)
class AlikePage:
    """``sentence`` says how many there are; ``rows`` are the newest of them."""

    digits: str
    sentence: str
    rows: tuple[Alike, ...]


def alike_page(digits: str, found: Sequence[TraceSummary]) -> AlikePage:
    """``found`` is one more than are listed where there are more."""
    return AlikePage(digits, alike_words(digits, found), tuple(map(_alike, found[:MAX_LISTED])))


def alike_words(digits: str, found: Sequence[TraceSummary]) -> str:
    return several_traces(digits, len(found), is_all=len(found) <= MAX_LISTED)


def _alike(one: TraceSummary) -> Alike:
    return Alike(
        one.trace_id,
        trace_href(one.trace_id),
        one.name or UNNAMED,
        status_words(one),
        one.status == "error",
        format_date_time(one.start_ns),
        one.service,
        f"{format_times(one.span_count, 'span')} · {format_duration(one.duration_ns)}",
    )
