"""Which span the trace was waiting for, when; and how long each span was busy itself.

The walk is Jaeger's: from the end of a root backwards, always into the child that finished last. Two things differ. A child
that ends where the next one starts counts (``end <= cursor and start < cursor``): with the millisecond clocks of JavaScript
back-to-back children are common, and a strict comparison skips every second one. And the stack is our own.
"""

from collections.abc import Sequence

import msgspec

from diamond_viewer.telemetry.model import KIND_CONSUMER, KIND_PRODUCER
from diamond_viewer.trace.extent import Extent
from diamond_viewer.trace.tree import Row


class Section(msgspec.Struct, frozen=True, gc=False):
    """From ``start_ns`` to ``end_ns`` the trace waited for ``rows[row]`` itself, not for a child of it. Never empty."""

    row: int
    start_ns: int
    end_ns: int


def critical_path(rows: Sequence[Row], extents: Sequence[Extent]) -> tuple[Section, ...]:
    """Sections of every root, root by root, each in order of time; the sections of a root cover it without gap or overlap.

    Work behind a queue (a consumer under a producer) is nothing the producer waits for, and no child is waited for outside
    its parent: what sticks out is cut off.

    Takes n log n for n rows.
    """
    blocking, clipped = _blocking_children(rows, extents)
    sections: list[Section] = []
    for root, row in enumerate(rows):
        if row.parent_row < 0:
            found = _walk(root, blocking, clipped)
            sections.extend(reversed(found))
    return tuple(sections)


def self_times_ns(rows: Sequence[Row], extents: Sequence[Extent]) -> tuple[int, ...]:
    """How long each row ran while none of its children did: its duration less the union of them, as far as they lie inside."""
    covered_ns = [0] * len(rows)
    reached_ns = [extent.start_ns for extent in extents]
    for place in sorted(range(len(rows)), key=list(reached_ns).__getitem__):
        parent = rows[place].parent_row
        if parent < 0:
            continue
        start_ns, end_ns = extents[place].start_ns, extents[place].end_ns
        if start_ns < reached_ns[parent]:
            start_ns = reached_ns[parent]
        if end_ns > extents[parent].end_ns:
            end_ns = extents[parent].end_ns
        if end_ns > start_ns:
            covered_ns[parent] += end_ns - start_ns
            reached_ns[parent] = end_ns
    return tuple(extent.duration_ns - covered for extent, covered in zip(extents, covered_ns, strict=True))


def _blocking_children(rows: Sequence[Row], extents: Sequence[Extent]) -> tuple[list[list[int]], list[tuple[int, int]]]:
    """Children that can be waited for, those that finish last at the end; and each row's time, cut to its parents'."""
    blocking: list[list[int]] = [[] for _ in rows]
    clipped: list[tuple[int, int]] = []
    for place, row in enumerate(rows):
        start_ns, end_ns = extents[place].start_ns, extents[place].end_ns
        if row.parent_row >= 0:
            parent_start_ns, parent_end_ns = clipped[row.parent_row]
            start_ns, end_ns = max(start_ns, parent_start_ns), min(end_ns, parent_end_ns)
            is_queued = row.span.kind == KIND_CONSUMER and rows[row.parent_row].span.kind == KIND_PRODUCER
            if start_ns < end_ns and not is_queued:
                blocking[row.parent_row].append(place)
            else:
                end_ns = start_ns  # and so is everything below it
        clipped.append((start_ns, end_ns))
    for children in blocking:
        children.sort(key=lambda place: clipped[place][1])
    return blocking, clipped


def _walk(root: int, blocking: list[list[int]], clipped: Sequence[tuple[int, int]]) -> list[Section]:
    """Backwards in time. Empties the lists of children it walks through."""
    sections: list[Section] = []
    cursor_ns = clipped[root][1]
    path = [root]
    while path:
        row = path[-1]
        waiting = blocking[row]
        # one that ends later ran beside what was waited for; one that starts at the cursor took no time before it
        while waiting and not (clipped[waiting[-1]][1] <= cursor_ns and clipped[waiting[-1]][0] < cursor_ns):
            waiting.pop()
        if waiting:
            child = waiting.pop()
            child_end_ns = clipped[child][1]
            if child_end_ns < cursor_ns:
                sections.append(Section(row, child_end_ns, cursor_ns))
            cursor_ns = child_end_ns
            path.append(child)
        else:
            if clipped[row][0] < cursor_ns:
                sections.append(Section(row, clipped[row][0], cursor_ns))
            cursor_ns = clipped[row][0]
            path.pop()
    return sections
