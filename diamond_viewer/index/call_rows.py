"""Which rows of a segment are calls, and from where to where: worked out once for a packed segment, from columns alone.

* A span below one of another service is that service's call of this one; a server below a client is one too.
* A database span is a call unless a span below it is one to the same sort of database: libraries wrap each other.
* A producer calls the queue it names, a queue calls the consumer that names it.
* A client that nobody answers in the files calls a host outside.
"""

import numpy as np
import numpy.typing as npt

from diamond_viewer.index.catalogue import DATABASE
from diamond_viewer.index.columns import Column, Indexes
from diamond_viewer.index.segment import Segment
from diamond_viewer.index.worked_out import CallRows
from diamond_viewer.telemetry.model import KIND_CLIENT, KIND_CONSUMER, KIND_PRODUCER, KIND_SERVER

ENTRY, SERVICE, PEER, CONSUMED = range(4)  # from outside | service to service | service to peer | queue to service
_TRACE_KEY = np.uint64(0x9E3779B97F4A7C15)


def calls_of(segment: Segment) -> CallRows:
    if segment.calls is None or segment.is_open:
        found = _calls(segment)
        if segment.is_open:
            return found
        segment.calls = found
    return segment.calls


def parent_rows(segment: Segment) -> Indexes:
    """The row of each row's parent in this segment; -1 where it is not here, or there is none."""
    spans = segment.spans
    trace_key = spans["trace"].astype(np.uint64) * _TRACE_KEY
    keys = spans["span_id"] ^ trace_key
    order = np.argsort(keys, kind="stable")
    wanted = spans["parent_id"] ^ trace_key
    at = np.minimum(np.searchsorted(keys[order], wanted), max(0, len(order) - 1))
    found = order[at] if len(order) else np.empty(0, np.int64)
    is_there = (keys[found] == wanted) & (spans["parent_id"] != 0) & (found != np.arange(len(order)))
    return np.where(is_there, found, -1)


def _calls(segment: Segment) -> CallRows:
    spans, texts = segment.spans, segment.dictionary.texts
    parents = parent_rows(segment)
    has_parent = parents >= 0
    above = np.maximum(parents, 0)
    kind, service, peer = spans["kind"], spans["service"], spans["peer"]
    sort_of_peer, is_queue_code, is_host_code = _sorts(peer, texts)
    is_database = (spans["traits"] & DATABASE) > 0
    is_queue = is_queue_code[peer]
    differs = has_parent & (service != service[above]) if len(parents) else has_parent
    answers = has_parent & (differs | ((kind == KIND_SERVER) & (kind[above] == KIND_CLIENT)))
    by_queue = (kind == KIND_CONSUMER) & is_queue
    is_answered = _marked(parents[answers], len(parents))
    wraps = has_parent & is_database & is_database[above] & (sort_of_peer[peer] == sort_of_peer[peer[above]])
    is_wrapper = _marked(parents[wraps], len(parents))

    enters = (kind == KIND_SERVER) & ~has_parent
    consumed = by_queue
    to_peer = (
        (is_database & ~is_wrapper & (peer > 0))
        | ((kind == KIND_PRODUCER) & is_queue)
        | ((kind == KIND_CLIENT) & ~is_database & ~is_answered & (is_host_code[peer] | is_queue))
    )
    direct = answers & ~by_queue
    parts = [
        (ENTRY, enters | ((kind == KIND_CONSUMER) & ~by_queue & ~direct), None, service),
        (SERVICE, direct, service[above], service),
        (PEER, to_peer, service, peer),
        (CONSUMED, consumed, peer, service),
    ]
    rows = [np.flatnonzero(mask) for _, mask, _, _ in parts]
    loose = np.flatnonzero(~has_parent & (spans["parent_id"] != 0))
    return CallRows(
        np.concatenate(rows),
        np.concatenate([np.full(len(held), part[0], np.uint8) for held, part in zip(rows, parts, strict=True)]),
        np.concatenate(
            [
                np.zeros(len(held), np.uint32) if part[2] is None else part[2][held].astype(np.uint32)
                for held, part in zip(rows, parts, strict=True)
            ]
        ),
        np.concatenate([part[3][held].astype(np.uint32) for held, part in zip(rows, parts, strict=True)]),
        loose,
    )


def _sorts(peer: Column, texts: list[str]) -> tuple[Column, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """By code: a number for the sort of database, whether it is a queue, whether a host."""
    size = int(peer.max(initial=0)) + 1
    sort, is_queue, is_host = np.zeros(size, np.int64), np.zeros(size, bool), np.zeros(size, bool)
    numbers: dict[str, int] = {}
    for code in np.unique(peer).tolist():
        kind, _, rest = texts[code].partition("\t")
        sort[code] = numbers.setdefault(rest.partition("\t")[0], len(numbers) + 1) if kind == "database" else 0
        is_queue[code], is_host[code] = kind == "queue", kind == "host"
    return sort, is_queue, is_host


def _marked(rows: Indexes, size: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros(size, bool)
    mask[rows] = True
    return mask


def loose_rows(segment: Segment) -> Indexes:
    """Rows whose parent may lie in another segment, as it is now: a trace of a packed segment can still gain rows elsewhere."""
    loose = calls_of(segment).loose
    return loose[_spread(segment)[segment.spans["trace"][loose]]]


def _spread(segment: Segment) -> npt.NDArray[np.bool_]:
    """Which traces have rows in other segments too."""
    traces = [*segment.homes, *segment.guests]
    return _marked(np.array(traces, np.int64), segment.traces.size)
