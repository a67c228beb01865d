"""The service map of the traces that match: segments newest first, each under the lock by itself, until the time is used up."""

import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np

from diamond_viewer.index.answers import Matched, masks_of
from diamond_viewer.index.call_rows import ENTRY, PEER, SERVICE, calls_of
from diamond_viewer.index.columns import Column
from diamond_viewer.index.linked_calls import add_linked
from diamond_viewer.index.loose_calls import loose_ends
from diamond_viewer.index.places import Keys
from diamond_viewer.index.remembered import Mask
from diamond_viewer.index.segment import Place, Segment
from diamond_viewer.query.over_time import nearest_ranks
from diamond_viewer.telemetry.model import STATUS_ERROR
from diamond_viewer.telemetry.service_map import Call, Node, ServiceMap, node_of_peer, without_nameless

Pair = tuple[Node | None, Node]


def map_services(
    lock: AbstractContextManager[object],
    matched: Callable[[], Matched],
    place_of: Callable[[Keys], Place | None],
    budget_ns: int,
) -> ServiceMap:
    """See ``TraceStore.service_map``; some traces are looked at whatever the budget."""
    deadline_ns = time.monotonic_ns() + budget_ns
    with lock:
        found = matched()
        is_complete = found.undecided_ns < 0
        masks = list(masks_of(sorted(found.segments, key=lambda segment: -segment.number), found.matches))
        traces = {segment.number: numbers for segment, numbers in found.matches}
    durations: dict[Pair, list[Column]] = defaultdict(list)
    errors: dict[Pair, int] = defaultdict(int)
    with lock:
        ends = loose_ends(masks)
        add_linked(ends, masks, place_of)
    is_complete &= ends.is_complete
    looked_at = set()
    trace_count, first_ns, last_ns = 0, 2**63 - 1, 0
    for segment, mask in masks:
        if trace_count and time.monotonic_ns() > deadline_ns:
            is_complete = False
            break
        with lock:
            _gather(segment, mask, ends.dropped.get(segment.number, set()), durations, errors)
            looked_at.add(segment.number)
            numbers = traces.get(segment.number)
            if numbers is not None:
                trace_count += len(numbers)
                start_ns = segment.traces["start_ns"][numbers]
                first_ns = min(first_ns, int(start_ns.min()))
                last_ns = max(last_ns, int(start_ns.max()))
    with lock:
        for service, segment, row in ends.joined:
            if segment.number in looked_at:
                pair = Node("service", service), Node("service", _text(segment, "service", row))
                durations[pair].append(segment.spans["duration_ns"][row : row + 1].copy())
                errors[pair] += int(segment.spans["status_code"][row] == STATUS_ERROR)
    return ServiceMap(_calls(durations, errors), trace_count, min(first_ns, last_ns), last_ns, is_complete)


def _text(segment: Segment, column: str, row: int) -> str:
    return segment.dictionary.texts[int(segment.spans[column][row])]


def _gather(
    segment: Segment, mask: Mask, dropped: set[int], durations: dict[Pair, list[Column]], errors: dict[Pair, int]
) -> None:
    calls, spans, texts = calls_of(segment), segment.spans, segment.dictionary.texts
    # the open segment may have grown since the mask was made
    trace = spans["trace"][calls.rows]
    wanted = (trace < len(mask)) & mask[np.minimum(trace, len(mask) - 1)]
    if dropped:
        wanted &= ~np.isin(calls.rows, list(dropped))
    chosen = np.flatnonzero(wanted)
    if not len(chosen):
        return
    keys = np.stack([calls.route[chosen].astype(np.int64), calls.source[chosen], calls.target[chosen]])
    order = np.lexsort(keys[::-1])
    keys, rows = keys[:, order], calls.rows[chosen][order]
    starts = np.flatnonzero(np.concatenate([[True], np.any(keys[:, 1:] != keys[:, :-1], axis=0)]))
    for begin, end in zip(starts.tolist(), [*starts[1:].tolist(), len(rows)], strict=True):
        route, source, target = keys[:, begin].tolist()
        pair = _pair(route, texts[source], texts[target])
        durations[pair].append(spans["duration_ns"][rows[begin:end]].copy())
        errors[pair] += int(np.count_nonzero(spans["status_code"][rows[begin:end]] == STATUS_ERROR))


def _pair(route: int, source: str, target: str) -> Pair:
    if route == ENTRY:
        return None, Node("service", target)
    if route == SERVICE:
        return Node("service", source), Node("service", target)
    if route == PEER:
        return Node("service", source), node_of_peer(target)
    return node_of_peer(source), Node("service", target)


def _calls(durations: dict[Pair, list[Column]], errors: dict[Pair, int]) -> tuple[Call, ...]:
    same = without_nameless(durations)
    merged: dict[Pair, list[Column]] = defaultdict(list)
    failed: dict[Pair, int] = defaultdict(int)
    for (source, target), held in durations.items():
        pair = (source, same.get(target, target))
        merged[pair] += held
        failed[pair] += errors[source, target]
    calls = []
    for (source, target), held in merged.items():
        every = np.concatenate(held)
        p50_ns, p95_ns = nearest_ranks(every, (50, 95))
        calls.append(Call(source, target, len(every), failed[source, target], p50_ns, p95_ns))
    return tuple(sorted(calls, key=lambda call: (-call.count, call.source or Node("", ""), call.target)))
