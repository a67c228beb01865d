"""Which traces a rule could have something to say about, by their columns alone: decoding all of them in full would cost ten
times what reading them does.

A suspect need not be guilty. Who is no suspect surely is not: each test here is as wide as its rules in ``diagnosis`` are, or
wider, with two exceptions that no instrumentation known to us makes: a statement that comes under another span name each time,
and an internal span whose parent runs in another process of the same service and stands on the same line.
``tests/index/test_suspicion.py`` holds the two to each other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from diamond_viewer.diagnosis import vocabulary
from diamond_viewer.diagnosis.finding import Thresholds
from diamond_viewer.diagnosis.vocabulary import limit_ns
from diamond_viewer.index.catalogue import DATABASE, DROPPING
from diamond_viewer.index.columns import Column, Indexes
from diamond_viewer.index.remembered import Mask
from diamond_viewer.index.segment import Segment
from diamond_viewer.telemetry.model import KIND_CLIENT, KIND_CONSUMER, KIND_INTERNAL, KIND_PRODUCER, KIND_SERVER, Flag

_TELLING_FLAGS = Flag.ERROR | Flag.AUTH_FAILURE | Flag.EXCEPTION | Flag.RESUME_MISMATCH | Flag.INCOMPLETE
_TELLING_EVENTS = (vocabulary.REDIRECT, vocabulary.PROGRESS_REFUSED)
_PAIRED_EVENTS = (  # which matter only together: two that come too late or in another order
    (vocabulary.LOADED, vocabulary.RESUME_ATTEMPT),
    (vocabulary.LOADED, vocabulary.BUFFERING),
    (vocabulary.PROGRESS_RECEIVED, vocabulary.AUTO_COMPLETED),
)
_COLUMNS = ("span_id", "parent_id", "start_ns", "duration_ns", "kind", "traits", "name")
_GROUP_KEY = np.uint64(0x9E3779B97F4A7C15)
_ID_KEY = np.uint64(0xC2B2AE3D27D4EB4F)

Numbers = npt.NDArray[np.int64]


def suspects(segment: Segment, traces: Sequence[int], thresholds: Thresholds) -> Mask:
    """For each of these traces, which live in the segment, whether to look at it; at those with spans elsewhere always."""
    suspected = (segment.traces["flags"][traces] & _TELLING_FLAGS.value) > 0
    parts = [segment.rows_of(trace) for trace in traces]
    counts = np.array([len(part) for part in parts], np.int64)
    suspected |= counts == 0
    if segment.guests:
        suspected |= np.array([trace in segment.guests for trace in traces])
    if counts.sum():
        rows = np.concatenate(parts)
        spans = _Spans(segment, rows, np.repeat(np.arange(len(parts)), counts), len(parts))
        suspected |= _by_events(spans) | _by_times(spans, thresholds) | _by_calls(spans, thresholds)
        suspected |= _by_tree(spans, thresholds)
    return suspected


@dataclass(slots=True)
class _Spans:
    """Rows of several traces; ``group`` says for each to which of them it belongs, ascending."""

    segment: Segment
    rows: Indexes
    group: Indexes
    count: int

    def __getitem__(self, name: str) -> Column:
        return self.segment.spans[name][self.rows]

    def code(self, name: str) -> int:
        """The code of a name, -1 for one that no span has."""
        code = self.segment.dictionary.find(name)
        return -1 if code is None else code

    def named(self, names: Iterable[str]) -> Mask:
        return np.isin(self["name"], [self.code(name) for name in names])

    def any(self, mask: Mask) -> Mask:
        return np.bincount(self.group[mask], minlength=self.count) > 0

    def number(self, mask: Mask) -> Numbers:
        return np.bincount(self.group[mask], minlength=self.count)

    def most(self, mask: Mask, values: Numbers) -> Numbers:
        """The largest value of each trace, -2^63 where there is none."""
        found = np.full(self.count, -(2**63), np.int64)
        np.maximum.at(found, self.group[mask], values[mask])
        return found

    def sum(self, mask: Mask, values: Numbers) -> npt.NDArray[np.float64]:
        return np.bincount(self.group[mask], values[mask], minlength=self.count).astype(np.float64)


def _by_events(spans: _Spans) -> Mask:
    events = spans.segment.events
    group_of_row = np.full(spans.segment.spans.size, -1, np.int64)
    group_of_row[spans.rows] = spans.group
    groups, names = group_of_row[events["row"]], events["name"]
    names, groups = names[groups >= 0], groups[groups >= 0]

    def counted(name: str) -> Numbers:
        return np.bincount(groups[names == spans.code(name)], minlength=spans.count)

    suspected = counted(vocabulary.BUFFERING) >= 2
    for name in _TELLING_EVENTS:
        suspected |= counted(name) > 0
    for first, then in _PAIRED_EVENTS:
        suspected |= (counted(first) > 0) & (counted(then) > 0)
    return suspected


def _by_times(spans: _Spans, limits: Thresholds) -> Mask:
    """Spans that last: ``slow-span``, ``long-running``, ``unaccounted-gap``, ``slow-load``, ``slow-database``, ``pool-wait``;
    and the order in which they began, for ``event-order``."""
    took_ns = spans["duration_ns"]
    is_load = spans.named([vocabulary.VIDEO_LOAD])
    is_patient = is_load | spans.named([vocabulary.PLAYER_SESSION])
    is_database = (spans["traits"] & DATABASE) > 0
    slow_ns = limit_ns(min(limits.slow_span_ms, limits.long_running_ms, limits.gap_ms))
    slow = (took_ns > slow_ns) & ~is_patient
    slow |= (took_ns > limit_ns(limits.slow_load_ms)) & is_load
    slow |= (took_ns > limit_ns(min(limits.slow_database_ms, limits.pool_wait_ms))) & is_database
    slow |= (took_ns > limit_ns(limits.pool_wait_ms)) & spans.named(vocabulary.CONNECT_SPANS)
    start_ns = spans["start_ns"]
    checks = spans.most(spans.named([vocabulary.SESSION_CHECK]), start_ns)
    then = spans.most(spans.named([vocabulary.VIDEO_ACCESS, vocabulary.PROGRESS_UPDATE]), -start_ns)
    known = (checks > -(2**63)) & (then > -(2**63))
    unusual = np.where(known, checks, 0) + np.where(known, then, 0) > limit_ns(limits.order_ms)
    return spans.any(slow) | (known & unusual)


def _by_calls(spans: _Spans, limits: Thresholds) -> Mask:
    """``n-plus-one``, ``sequential-calls``, ``wide-fan-out``, ``queue-wait``, ``dropped-counts``."""
    took_ns, kind, traits = spans["duration_ns"], spans["kind"], spans["traits"]
    is_database = (traits & DATABASE) > 0
    queries, spent_ns = _most_of_one_name(spans, is_database), spans.sum(is_database, took_ns)
    repeated = (queries >= limits.repeated_query_count) & (spent_ns >= limit_ns(limits.repeated_query_ms))
    repeated |= queries >= max(limits.repeated_query_certain_count, limits.repeated_query_count)
    is_call = (kind == KIND_CLIENT) | (kind == KIND_PRODUCER) | spans.named(vocabulary.PRISMA_CALLS)
    is_long = is_call & (took_ns >= limit_ns(limits.sequential_call_ms))
    longest_ns = np.maximum(spans.most(is_long, took_ns), 0)
    # a sum of floats is good to 2^53 ns, a quarter of a year; a microsecond is left for what is longer
    saved = spans.sum(is_long, took_ns) - longest_ns + 1000 >= limit_ns(limits.sequential_saved_ms)
    in_sequence = saved & (spans.number(is_long) >= 2)
    start_ns = spans["start_ns"]
    first_ns = -spans.most(start_ns > 0, -start_ns)
    waited = spans.most(kind == KIND_CONSUMER, start_ns) > first_ns + limit_ns(limits.queue_wait_ms)
    fans_out = spans.number(is_call) > limits.fan_out_count
    return repeated | in_sequence | waited | fans_out | spans.any((traits & DROPPING) > 0)


def _most_of_one_name(spans: _Spans, mask: Mask) -> Numbers:
    """The same statement again and again comes under one name: the driver's, which is the same for the same statement."""
    pairs, counts = np.unique(spans.group[mask] << 32 | spans["name"][mask].astype(np.int64), return_counts=True)
    found = np.zeros(spans.count, np.int64)
    np.maximum.at(found, pairs >> 32, counts)
    return found


def _by_tree(spans: _Spans, limits: Thresholds) -> Mask:
    """``duplicate-calls``, ``clock-skew``, and what only a damaged tree shows."""
    keys = spans.group.astype(np.uint64) * _GROUP_KEY
    own, parents = keys ^ spans["span_id"] * _ID_KEY, keys ^ spans["parent_id"] * _ID_KEY
    order = np.argsort(own)
    place = np.minimum(np.searchsorted(own, parents, sorter=order), len(own) - 1)
    parent = order[place]
    has_parent = (own[parent] == parents) & (spans["parent_id"] != 0)
    ordered = own[order]
    is_repeated = np.zeros(len(own), bool)
    is_repeated[order[1:]] = ordered[1:] == ordered[:-1]

    start_ns, kind = spans["start_ns"], spans["kind"]
    end_ns = start_ns + spans["duration_ns"]
    skew_ns = limit_ns(limits.skew_ms)
    # what a process does inside of a request has the request's clock: video.load begins before it because the player timed it
    service, line = spans["service"], spans["line"]
    is_inside = (kind == KIND_INTERNAL) & (service == service[parent]) & (line == line[parent])
    is_early = has_parent & (start_ns[parent] - start_ns > skew_ns) & ~is_inside
    answers = has_parent & (kind == KIND_SERVER) & (kind[parent] == KIND_CLIENT)
    is_late = answers & (end_ns - end_ns[parent] > skew_ns)

    # a request of its own, and not a second span of the one above it
    is_request = (kind == KIND_SERVER) & ~(has_parent & (kind[parent] == KIND_SERVER))
    requests = np.flatnonzero(is_request)
    requests = requests[np.lexsort((start_ns[requests], spans.group[requests]))]
    is_soon = np.diff(start_ns[requests]) <= limit_ns(limits.duplicate_window_ms)
    is_soon &= np.diff(spans.group[requests]) == 0
    doubled = np.zeros(len(own), bool)
    doubled[requests[1:][is_soon]] = True
    return spans.any(is_repeated | is_early | is_late | doubled | _goes_in_circles(parent, has_parent))


def _goes_in_circles(parent: Indexes, has_parent: Mask) -> Mask:
    """Rows from which no way up leads to a row without a parent."""
    up = np.where(has_parent, parent, np.arange(len(parent)))
    steps = 1
    while steps < len(up):
        further = up[up]
        if np.array_equal(further, up):
            break
        up, steps = further, 2 * steps
    return has_parent[up]
