"""What a trace spent where: figures per service and operation."""

from collections.abc import Sequence
from dataclasses import dataclass

from diamond_viewer.telemetry.model import STATUS_ERROR
from diamond_viewer.telemetry.sketch import SpanSketch
from diamond_viewer.trace.extent import Extent


@dataclass(frozen=True, slots=True)
class Operation:
    """Spans of one service and name. ``total_ns`` adds up spans that may run inside or beside each other; ``self_ns`` is
    what they did themselves. ``p95_ns`` by nearest rank. ``slowest`` is the place of the longest."""

    service: str
    name: str
    count: int
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
    durations = sorted(extents[place].duration_ns for place in places)
    total_ns = sum(durations)
    return Operation(
        service,
        name,
        count=len(places),
        errors=sum(spans[place].status_code == STATUS_ERROR for place in places),
        total_ns=total_ns,
        self_ns=sum(self_times_ns[place] for place in places),
        average_ns=total_ns // len(places),
        p95_ns=durations[-(-95 * len(durations) // 100) - 1],
        slowest=max(places, key=lambda place: extents[place].duration_ns),
    )
