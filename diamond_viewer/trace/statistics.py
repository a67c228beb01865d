"""What a trace spent where: figures per service and operation."""

from collections.abc import Sequence
from dataclasses import dataclass

from diamond_viewer.telemetry.model import STATUS_ERROR
from diamond_viewer.telemetry.sketch import SpanSketch
from diamond_viewer.trace.extent import Extent, is_timed


@dataclass(frozen=True, slots=True)
class Operation:
    """Spans of one service and name. ``total_ns`` adds up spans that may run inside or beside each other; ``self_ns`` is
    what they did themselves. ``average_ns`` and ``p95_ns`` (nearest rank) are of the ``timed`` spans, of which it is known how
    long they took. ``slowest`` is the place of the longest."""

    service: str
    name: str
    count: int
    timed: int
    errors: int
    total_ns: int
    self_ns: int
    average_ns: int
    p95_ns: int
    slowest: int


def operations(
    spans: Sequence[SpanSketch], extents: Sequence[Extent], self_times_ns: Sequence[int]
) -> tuple[Operation, ...]:
    """Most time of their own first."""
    members: dict[tuple[str, str], list[int]] = {}
    for place, span in enumerate(spans):
        members.setdefault((span.service, span.name), []).append(place)
    found = [
        _operation(service, name, places, spans, extents, self_times_ns) for (service, name), places in members.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.self_ns, -one.total_ns, one.service, one.name)))


def _operation(
    service: str,
    name: str,
    places: Sequence[int],
    spans: Sequence[SpanSketch],
    extents: Sequence[Extent],
    self_times_ns: Sequence[int],
) -> Operation:
    durations = sorted(extents[place].duration_ns for place in places if is_timed(spans[place]))
    total_ns = sum(durations)
    return Operation(
        service,
        name,
        count=len(places),
        timed=len(durations),
        errors=sum(spans[place].status_code == STATUS_ERROR for place in places),
        total_ns=total_ns,
        self_ns=sum(self_times_ns[place] for place in places),
        average_ns=total_ns // max(1, len(durations)),
        p95_ns=durations[-(-95 * len(durations) // 100) - 1] if durations else 0,
        slowest=max(places, key=lambda place: extents[place].duration_ns),
    )
