"""A trace worked out: its rows, their times, and what follows from them, each computed when it is first asked for."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from diamond_viewer.telemetry.model import STATUS_ERROR, ForeignLink, Link, TraceSummary
from diamond_viewer.telemetry.sketch import EventSketch, LogSketch, SpanSketch, TraceSketch, event_of_log
from diamond_viewer.trace.call_paths import CallPath, call_paths
from diamond_viewer.trace.critical_path import Section, critical_path, self_times_ns
from diamond_viewer.trace.extent import Extent, Scale, extents, scale_of
from diamond_viewer.trace.silhouette import Stripe, silhouette
from diamond_viewer.trace.skew import clock_shifts
from diamond_viewer.trace.statistics import Operation, operations
from diamond_viewer.trace.timeline import Entry, Gap, PlacedLog, tell
from diamond_viewer.trace.tree import Row, arrange
from diamond_viewer.trace.waterfall import colours_of


@dataclass(frozen=True)
class Arranged:
    """Everything is in the order of ``rows``. ``shifts_ns`` are not all 0 when the clocks were adjusted on request."""

    summary: TraceSummary
    rows: tuple[Row, ...]
    spans: tuple[SpanSketch, ...]
    scale: Scale
    extents: tuple[Extent, ...]
    shifts_ns: tuple[int, ...] = ()
    logs: tuple[LogSketch, ...] = ()
    backlinks: tuple[ForeignLink, ...] = ()

    @classmethod
    def of(cls, trace: TraceSketch) -> "Arranged":
        return cls._of(trace.summary, trace.spans, trace.logs, trace.backlinks)

    @classmethod
    def _of(
        cls,
        summary: TraceSummary,
        spans: Sequence[SpanSketch],
        logs: tuple[LogSketch, ...],
        backlinks: tuple[ForeignLink, ...],
    ) -> "Arranged":
        rows = arrange(spans)
        ordered = tuple([row.span for row in rows if isinstance(row.span, SpanSketch)])
        scale = scale_of(ordered)
        return cls(summary, rows, ordered, scale, extents(rows, scale), logs=logs, backlinks=backlinks)

    def adjusted(self) -> "Arranged":
        """With each other machine's clock set so that its spans lie inside their parents."""
        shifts = clock_shifts(self.rows, self.spans, self.extents)
        if not any(shifts):
            return self
        spans = tuple([span.shifted(by) if by else span for span, by in zip(self.spans, shifts, strict=True)])
        moved = Arranged._of(self.summary, spans, self.logs, self.backlinks)
        return replace(moved, shifts_ns=tuple(s.shift_ns for s in moved.spans))

    @cached_property
    def can_be_adjusted(self) -> bool:
        return any(clock_shifts(self.rows, self.spans, self.extents))

    @cached_property
    def colours(self) -> Mapping[str, int]:
        return colours_of(span.service for span in self.spans)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        return critical_path(self.rows, self.extents)

    @cached_property
    def sections_of(self) -> Mapping[int, tuple[Section, ...]]:
        found: dict[int, tuple[Section, ...]] = {}
        for section in self.sections:
            found[section.row] = (*found.get(section.row, ()), section)
        return found

    @cached_property
    def deepest(self) -> int:
        return max((row.depth for row in self.rows), default=0)

    @cached_property
    def self_times_ns(self) -> tuple[int, ...]:
        return self_times_ns(self.rows, self.extents)

    @cached_property
    def story(self) -> tuple[Entry | Gap, ...]:
        return tell(self.rows, self.extents, self.scale, self.placed_logs)

    @cached_property
    def placed_logs(self) -> tuple[PlacedLog, ...]:
        """In order of time."""
        found = []
        for log in self.logs:
            row = self.places.get(log.span_id, (-1,))[0]
            shift_ns = self.shifts_ns[row] if row >= 0 and self.shifts_ns else 0
            found.append(PlacedLog(log, row, log.time_ns and max(1, log.time_ns + shift_ns)))
        return tuple(sorted(found, key=lambda placed: placed.time_ns))

    @cached_property
    def logs_of(self) -> Mapping[int, tuple[PlacedLog, ...]]:
        """Row -> its logs; -1 for those whose span is not here."""
        found: dict[int, list[PlacedLog]] = {}
        for placed in self.placed_logs:
            found.setdefault(placed.row, []).append(placed)
        return {row: tuple(logs) for row, logs in found.items()}

    def marked_logs(self, place: int) -> list[EventSketch]:
        """Logs that stand as diamonds on a bar: events and exceptions. An ordinary log is told in the story only."""
        logs = self.logs_of.get(place, ())
        return [event_of_log(one.log, one.time_ns) for one in logs if one.log.name or one.log.is_exception]

    @cached_property
    def places(self) -> Mapping[str, tuple[int, ...]]:
        """Span id -> its places; more than one where spans share it."""
        found: dict[str, tuple[int, ...]] = {}
        for place, span in enumerate(self.spans):
            found[span.span_id] = (*found.get(span.span_id, ()), place)
        return found

    @cached_property
    def error_places(self) -> tuple[int, ...]:
        return tuple([place for place, span in enumerate(self.spans) if span.status_code == STATUS_ERROR])

    @cached_property
    def root_causes(self) -> frozenset[int]:
        """Failed spans without a failed child: where an error began."""
        above = {self.rows[place].parent_row for place in self.error_places}
        return frozenset(place for place in self.error_places if place not in above)

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        return operations(self.spans, self.extents, self.self_times_ns)

    @cached_property
    def call_paths(self) -> CallPath:
        return call_paths(self.rows, self.spans, self.extents, self.self_times_ns)

    @cached_property
    def silhouette(self) -> tuple[Stripe, ...]:
        return silhouette(self.spans, self.extents, self.scale, self.colours)

    @cached_property
    def linked_from(self) -> Mapping[str, tuple[int, ...]]:
        """Span id -> places of the spans of this trace that link to it."""
        found: dict[str, tuple[int, ...]] = {}
        for place, span in enumerate(self.spans):
            if span.has_links:
                for link in self.links_of(place):
                    if link.trace_id == self.summary.trace_id:
                        found[link.span_id] = (*found.get(link.span_id, ()), place)
        return found

    def links_of(self, place: int) -> tuple[Link, ...]:
        """Decoded once: rows, arrows and the other side of each link ask for them."""
        if place not in self._links:
            self._links[place] = self.spans[place].whole().links
        return self._links[place]

    @cached_property
    def _links(self) -> dict[int, tuple[Link, ...]]:
        return {}

    @cached_property
    def linked_from_elsewhere(self) -> Mapping[str, tuple[ForeignLink, ...]]:
        """Span id -> spans of other traces that link to it; "" for those that name no span that is here."""
        found: dict[str, list[ForeignLink]] = {}
        for link in self.backlinks:
            found.setdefault(link.to_span_id if link.to_span_id in self.places else "", []).append(link)
        return {span_id: tuple(links) for span_id, links in found.items()}

    def errors_below(self, place: int) -> int:
        """Failed spans below a row."""
        end = place + 1 + self.rows[place].descendant_count
        return bisect_left(self.error_places, end) - bisect_left(self.error_places, place + 1)

    def place_of(self, element: str) -> int | None:
        """The place of ``<span id>`` or ``<span id>-<which of those that share it, from 1>``."""
        span_id, _, number = element.partition("-")
        places = self.places.get(span_id.lower(), ())
        which = int(number) - 1 if number.isascii() and number.isdigit() and len(number) < 7 else 0
        return places[which] if 0 <= which < len(places) else None

    def element_of(self, place: int) -> str:
        """The other way round."""
        span_id = self.spans[place].span_id
        which = self.places[span_id].index(place)
        return f"{span_id}-{which + 1}" if which else span_id
