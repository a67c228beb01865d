"""Spans that were called the same way, as one: the frames of a flame graph, and what two traces are compared by."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from diamond_viewer.telemetry.model import STATUS_ERROR
from diamond_viewer.telemetry.sketch import SpanSketch
from diamond_viewer.trace.extent import Extent
from diamond_viewer.trace.tree import Row

MAX_DEPTH = 60  # levels; what lies deeper is counted to the frame above it


@dataclass(slots=True)
class CallPath:
    """All spans of a service and name below one path. ``weight_ns`` is the time that they and all below did something
    themselves: unlike durations it adds up, also where calls ran side by side. ``first`` is the place of the longest."""

    service: str
    name: str
    depth: int
    count: int = 0
    errors: int = 0
    total_ns: int = 0
    self_ns: int = 0
    weight_ns: int = 0
    first: int = -1
    longest_ns: int = -1
    children: dict[tuple[str, str], "CallPath"] = field(default_factory=dict)


def call_paths(
    rows: Sequence[Row], spans: Sequence[SpanSketch], extents: Sequence[Extent], self_times_ns: Sequence[int]
) -> CallPath:
    """The path above all roots; children in the order in which they are first met in the tree."""
    top = CallPath("", "", -1)
    path_of: list[CallPath] = []
    for place, row in enumerate(rows):
        above = path_of[row.parent_row] if row.parent_row >= 0 else top
        span = spans[place]
        if above.depth + 1 < MAX_DEPTH:
            key = (span.service, span.name)
            path = above.children.get(key)
            if path is None:
                path = above.children[key] = CallPath(span.service, span.name, above.depth + 1)
            duration_ns = extents[place].duration_ns
            path.count += 1
            path.errors += span.status_code == STATUS_ERROR
            path.total_ns += duration_ns
            if duration_ns > path.longest_ns:
                path.first, path.longest_ns = place, duration_ns
        else:
            path = above
        path.self_ns += self_times_ns[place]
        path_of.append(path)
    _weigh(top)
    return top


def walk(top: CallPath) -> list[CallPath]:
    """The paths below ``top``, each before its children."""
    found: list[CallPath] = []
    waiting = list(reversed(top.children.values()))
    while waiting:
        path = waiting.pop()
        found.append(path)
        waiting.extend(reversed(path.children.values()))
    return found


def _weigh(top: CallPath) -> None:
    for path in reversed(walk(top)):
        path.weight_ns = path.self_ns + sum(child.weight_ns for child in path.children.values())
    top.weight_ns = sum(child.weight_ns for child in top.children.values())
