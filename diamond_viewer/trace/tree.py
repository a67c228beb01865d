"""Spans -> rows in the order of the tree. Orphans, several roots, circles and shared ids are ordinary input.

Never ordered by time alone: 58 % of real children start at the very nanosecond of their parent.
"""

from collections.abc import Sequence

import msgspec

from diamond_viewer.telemetry.model import KIND_CLIENT, KIND_CONSUMER, KIND_PRODUCER, KIND_SERVER
from diamond_viewer.telemetry.sketch import AnySpan

MAX_GUIDES = 64  # levels; a chain can be 50,000 deep, and lines for all of it would be 150 MB that nobody sees
MAX_CANDIDATES = (
    8  # spans of one id that are weighed as parents: 50,000 of one id must not mean 50,000 comparisons each
)

_ROOT, _ORPHAN = -1, -2
_CALLED_BY = {KIND_SERVER: KIND_CLIENT, KIND_CONSUMER: KIND_PRODUCER}


class Row(msgspec.Struct, frozen=True, gc=False):  # a dataclass takes five times as long, which 100,000 spans show
    """One span in its place. A subtree is a slice: ``rows[i : i + 1 + rows[i].descendant_count]``.

    ``parent_row`` is the place of the row above it in the tree, -1 at depth 0. ``orphan``: its parent is not in the trace.
    ``in_cycle``: it is one of spans that name each other as parents; the one at depth 0 is where the circle was cut open.
    ``guides``: bit k is set when the branch in column k goes on below this row (k < depth, the first 64 columns): for
    k == depth - 1 that tells "├" from "└", for smaller k "│" from a blank. ``problems`` are sentences.
    """

    span: AnySpan
    depth: int
    parent_row: int
    child_count: int
    descendant_count: int
    guides: int
    orphan: bool = False
    in_cycle: bool = False
    problems: tuple[str, ...] = ()

    @property
    def is_cycle_point(self) -> bool:
        return self.in_cycle and not self.depth


def arrange(spans: Sequence[AnySpan]) -> tuple[Row, ...]:
    """Every span exactly once: a parent before its children, siblings by start, then end, then id.

    Spans without a start come first among siblings (they take their parent's), but last among roots. At one start a true
    root stands before an orphan, an orphan before a circle. The result does not depend on the order of ``spans``, but for
    spans that are equal in all of this.

    Spans that share an id are all kept. Where a client and a server share one (Zipkin's way), the server hangs below the
    client; their children go to the one of their own service, else to the one that was running when they started, else to
    the server, else to the earliest.
    """
    by_id: dict[str, list[int]] = {}
    keys = [(span.start_ns, span.end_ns, span.span_id, i) for i, span in enumerate(spans)]
    keys.sort()
    order = [key[3] for key in keys]
    for _, _, span_id, i in keys:
        if span_id in by_id:
            by_id[span_id].append(i)
        else:
            by_id[span_id] = [i]
    parents = _parents(spans, by_id)
    circles = _circles(order, parents)
    for circle in circles:
        parents[circle[0]] = _ROOT
    circle_of = {i: circle for circle in circles for i in circle}

    children: dict[int, list[int]] = {}
    roots = []
    for i in order:
        parent = parents[i]
        if parent < 0:
            roots.append(i)
        elif parent in children:
            children[parent].append(i)
        else:
            children[parent] = [i]
    # sorts are stable: within these classes the order by time stays
    roots.sort(key=lambda i: (not spans[i].start_ns, spans[i].start_ns, i in circle_of, parents[i] == _ORPHAN))

    places, depths, parent_rows, guides = _walk(roots, children)
    descendant_counts = [0] * len(places)
    for place in range(len(places) - 1, -1, -1):
        above = parent_rows[place]
        if above >= 0:
            descendant_counts[above] += descendant_counts[place] + 1
    rows = []
    are_ids_distinct = len(by_id) == len(spans)
    for place, i in enumerate(places):
        span = spans[i]
        is_orphan, circle = parents[i] == _ORPHAN, circle_of.get(i, [])
        problems: tuple[str, ...] = ()
        if is_orphan or circle or not are_ids_distinct:
            problems = _problems(span, is_orphan, circle, i, len(by_id[span.span_id]))
        below = children.get(i)
        rows.append(
            Row(
                span,
                depths[place],
                parent_rows[place],
                len(below) if below else 0,
                descendant_counts[place],
                guides[place],
                is_orphan,
                bool(circle),
                problems,
            )
        )
    return tuple(rows)


def _parents(spans: Sequence[AnySpan], by_id: dict[str, list[int]]) -> list[int]:
    """Of each span the index of its parent, ``_ROOT`` or ``_ORPHAN``."""
    are_ids_distinct = len(by_id) == len(spans)
    found = []
    for i, span in enumerate(spans):
        if not are_ids_distinct:
            found.append(_parent(i, spans, by_id))
        elif not span.parent_id:
            found.append(_ROOT)
        else:
            candidates = by_id.get(span.parent_id)
            found.append(candidates[0] if candidates else _ORPHAN)
    return found


def _parent(i: int, spans: Sequence[AnySpan], by_id: dict[str, list[int]]) -> int:
    """The index of the most plausible parent; its own for a span that names itself."""
    span = spans[i]
    namesakes = by_id[span.span_id]
    if len(namesakes) > 1 and (caller := _caller(span, spans, namesakes)) is not None:
        return caller
    if not span.parent_id:
        return _ROOT
    if span.parent_id == span.span_id:
        return i
    candidates = by_id.get(span.parent_id)
    if candidates is None:
        return _ORPHAN
    if len(candidates) == 1:
        return candidates[0]

    def doubts(candidate: int) -> tuple[bool, bool, bool]:
        other = spans[candidate]
        is_running = other.start_ns <= span.start_ns <= other.end_ns
        return other.service != span.service, not is_running, other.kind not in _CALLED_BY

    return min(candidates[:MAX_CANDIDATES], key=doubts)


def _caller(span: AnySpan, spans: Sequence[AnySpan], namesakes: Sequence[int]) -> int | None:
    """The client whose id this server shares, when both name the same parent."""
    calling_kind = _CALLED_BY.get(span.kind)
    for i in namesakes[:MAX_CANDIDATES]:
        if spans[i].kind == calling_kind and span.parent_id in ("", span.span_id, spans[i].parent_id):
            return i
    return None


def _circles(order: Sequence[int], parents: Sequence[int]) -> list[list[int]]:
    """Circles of parents, each as its members from the one to cut at: the first in ``order``, then parent by parent."""
    circles = []
    seen_in = [0] * len(parents)  # number of the walk that came by; 0: none yet
    first_place = {i: place for place, i in enumerate(order)}
    for number, start in enumerate(order, 1):
        i = start
        while i >= 0 and not seen_in[i]:
            seen_in[i] = number
            i = parents[i]
        if i >= 0 and seen_in[i] == number:
            circle = [i]
            while (above := parents[circle[-1]]) != i:
                circle.append(above)
            cut = min(range(len(circle)), key=lambda at: first_place[circle[at]])
            circles.append(circle[cut:] + circle[:cut])
    return circles


def _walk(roots: Sequence[int], children: dict[int, list[int]]) -> tuple[list[int], list[int], list[int], list[int]]:
    """Depth first with a stack of its own: a trace can be 50,000 deep."""
    places: list[int] = []
    depths: list[int] = []
    parent_rows: list[int] = []
    guides: list[int] = []
    waiting = [(i, 0, -1, 0) for i in reversed(roots)]
    while waiting:
        i, depth, parent_row, guide = waiting.pop()
        row = len(places)
        places.append(i)
        depths.append(depth)
        parent_rows.append(parent_row)
        guides.append(guide)
        below = children.get(i)
        if below:
            goes_on = guide | (1 << depth) if depth < MAX_GUIDES else guide
            waiting.append((below[-1], depth + 1, row, guide))
            waiting.extend([(child, depth + 1, row, goes_on) for child in below[-2::-1]])
    return places, depths, parent_rows, guides


def _problems(span: AnySpan, is_orphan: bool, circle: Sequence[int], i: int, namesake_count: int) -> tuple[str, ...]:
    said = []
    if is_orphan:
        said.append(
            f"Its parent {span.parent_id} is not in the files: dropped, sampled, rotated away or still to come."
        )
    if len(circle) == 1:
        said.append("It names itself as its parent.")
    elif circle:
        where = "the circle is cut open here, at its earliest span." if circle[0] == i else "it is shown once."
        said.append(f"It is one of {len(circle):,} spans that name each other as parents: {where}")
    if namesake_count > 1:
        others = "another span" if namesake_count == 2 else f"{namesake_count - 1:,} other spans"
        said.append(f"It shares its span id with {others} of this trace.")
    return tuple(said)
