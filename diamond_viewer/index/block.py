"""Batches -> one block of packed rows, ready to be laid into a segment."""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from math import nan

import numpy as np
import numpy.typing as npt

from diamond_viewer.index.catalogue import BUFFERED_ONCE, DATABASE, DROPPING, ROUTE_IS_PATH
from diamond_viewer.index.columns import Column, Dictionary
from diamond_viewer.index.faults import Fault, faults_of
from diamond_viewer.index.places import Keys, span_keys, trace_keys
from diamond_viewer.query.terms import Field
from diamond_viewer.telemetry import semconv
from diamond_viewer.telemetry.figures import RESUME_EVENT
from diamond_viewer.telemetry.model import SLOW_DATABASE_SPAN_NS, SLOW_SPAN_NS, STATUS_ERROR, Flag
from diamond_viewer.telemetry.otlp import Batch
from diamond_viewer.telemetry.semconv import SpanFacts

UNAUTHORIZED = 401

_EVENT_MARKS = dict.fromkeys(semconv.AUTH_FAILURE_EVENTS, Flag.AUTH_FAILURE.value) | {
    semconv.MISMATCH_EVENT: Flag.RESUME_MISMATCH.value,
    semconv.EXCEPTION_EVENT: Flag.EXCEPTION.value,
}


@dataclass(frozen=True, slots=True)
class Block:
    """Rows in the order of the batches. ``events["row"]`` and ``mentions`` count rows, ``rows["line"]`` batches.

    ``mentions`` are ``(field, row, code)``: users and lessons that did not fit the one column of their span, or that
    stand on an event. ``faults`` has one for each failed span, in the order of rows.
    """

    high: Keys
    low: Keys
    keys: Keys
    span_keys: Keys
    rows: dict[str, Column]
    events: dict[str, Column]
    faults: tuple[Fault, ...]
    mentions: tuple[tuple[Field, int, int], ...]

    def __len__(self) -> int:
        return len(self.keys)


def block_of(batches: Sequence[Batch], dictionary: Dictionary) -> Block:
    """Codes are those of ``dictionary``, which learns what it does not know. The batches' events are let go: a span may have a
    million, and what is made of them takes as much again."""
    ids = np.frombuffer(b"".join(batch.trace_ids for batch in batches), ">u8").reshape(-1, 2)
    high, low = ids[:, 0].astype(np.uint64), ids[:, 1].astype(np.uint64)
    keys = trace_keys(high, low)
    span_id = _packed_ids(batch.span_ids for batch in batches)
    count = len(keys)
    start_ns, duration_ns = _times(batches, count)
    facts, mentions = _facts(list(chain.from_iterable(batch.facts for batch in batches)), dictionary)
    status_code = _column((batch.status_codes for batch in batches), np.uint8, count)
    marks = np.where(status_code == STATUS_ERROR, Flag.ERROR.value, 0)
    marks |= np.where(duration_ns > SLOW_SPAN_NS, Flag.SLOW.value, 0)
    is_slow_query = ((facts["traits"] & DATABASE) > 0) & (duration_ns > SLOW_DATABASE_SPAN_NS)
    marks |= np.where(is_slow_query, Flag.SLOW_DB.value, 0)
    marks |= np.where(facts["http_status"] == UNAUTHORIZED, Flag.AUTH_FAILURE.value, 0)
    first_row = 0
    for batch in batches:
        facts["traits"][np.array(batch.dropping, np.int64) + first_row] |= DROPPING
        first_row += batch.span_count
    events, event_mentions = _events(batches, dictionary, marks)
    rows: dict[str, Column] = {
        "span_id": span_id,
        "parent_id": _packed_ids(batch.parent_ids for batch in batches),
        "start_ns": start_ns,
        "duration_ns": duration_ns,
        "name": dictionary.intern_all(list(chain.from_iterable(batch.names for batch in batches))),
        "service": np.concatenate([_service_codes(batch.services, dictionary) for batch in batches]),
        "kind": _column((batch.kinds for batch in batches), np.uint8, count),
        "status_code": status_code,
        "marks": marks.astype(np.uint8),
        "event_count": np.bincount(events["row"], minlength=count).astype(np.uint32),
        "line": np.repeat(np.arange(len(batches)), [batch.span_count for batch in batches]),
        **facts,
    }
    faults = faults_of(batches, np.flatnonzero(status_code == STATUS_ERROR).tolist())
    for batch in batches:
        batch.events.clear()
    return Block(high, low, keys, span_keys(keys, span_id), rows, events, faults, (*mentions, *event_mentions))


def _service_codes(services: Sequence[str], dictionary: Dictionary) -> Column:
    if len(set(services)) == 1:  # most lines come from one process
        return np.full(len(services), dictionary.intern(services[0]), np.uint32)
    return dictionary.intern_all(list(services))


def _packed_ids(ids: Iterable[bytes]) -> Keys:
    return np.frombuffer(b"".join(ids), ">u8").astype(np.uint64)


def _column(parts: Iterable[Sequence[int]], dtype: npt.DTypeLike, count: int) -> Column:
    return np.fromiter(chain.from_iterable(parts), dtype, count)


def _times(batches: Sequence[Batch], count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Start and duration. A span without a start begins at its end; one that ends before it starts lasts 0."""
    start_ns = _column((batch.start_ns for batch in batches), np.int64, count)
    end_ns = _column((batch.end_ns for batch in batches), np.int64, count)
    start_ns = np.where(start_ns == 0, end_ns, start_ns)
    return start_ns, np.maximum(end_ns - start_ns, 0)


def _facts(facts: list[SpanFacts], dictionary: Dictionary) -> tuple[dict[str, Column], list[tuple[Field, int, int]]]:
    """Equal attribute blobs share one ``SpanFacts`` object: it is encoded once, and rows only look up its place."""
    identities = np.fromiter(map(id, facts), np.uint64, len(facts))
    _, firsts, places = np.unique(identities, return_index=True, return_inverse=True)
    distinct = [facts[first] for first in firsts.tolist()]
    intern = dictionary.intern
    encoded = np.array(
        [
            (
                intern(fact.route or fact.path),
                intern(fact.users[0]) if fact.users else 0,
                intern(fact.lessons[0]) if fact.lessons else 0,
                fact.http_status,
                (DATABASE if fact.is_database else 0) | (0 if fact.route else ROUTE_IS_PATH),
                intern(fact.statement),
                intern(fact.peer),
            )
            for fact in distinct
        ],
        np.uint32,
    ).reshape(-1, 7)
    columns = {
        name: encoded[places, at]
        for at, name in enumerate(("route", "user", "lesson", "http_status", "traits", "statement", "peer"))
    }
    mentions: list[tuple[Field, int, int]] = []
    if any(len(fact.users) > 1 or len(fact.lessons) > 1 for fact in distinct):
        for row, fact in enumerate(facts):
            mentions += [(Field.USER, row, intern(user)) for user in fact.users[1:]]
            mentions += [(Field.LESSON, row, intern(lesson)) for lesson in fact.lessons[1:]]
    return columns, mentions


def _events(
    batches: Sequence[Batch], dictionary: Dictionary, marks: npt.NDArray[np.int64]
) -> tuple[dict[str, Column], list[tuple[Field, int, int]]]:
    """The event columns; ``marks`` of their spans are set in place."""
    # a span may have a million events: as tuples they would take 200 bytes each
    encoded, figures = array("q"), array("f")
    mentions: list[tuple[Field, int, int]] = []
    first_row = 0
    for batch in batches:
        for event in batch.events:
            row = first_row + event.row
            facts = event.facts
            encoded.extend((row, dictionary.intern(event.name), dictionary.intern(facts.detail), event.time_ns))
            amount = facts.amount
            if amount is None and event.name == RESUME_EVENT:
                amount = batch.facts[event.row].resume_ms
            figures.extend((nan if amount is None else amount, nan if facts.position_s is None else facts.position_s))
            mentions += [(Field.USER, row, dictionary.intern(user)) for user in facts.users]
            mentions += [(Field.LESSON, row, dictionary.intern(lesson)) for lesson in facts.lessons]
            if event.name == semconv.BUFFERING_EVENT:
                marks[row] |= Flag.BUFFERING.value if marks[row] & BUFFERED_ONCE else BUFFERED_ONCE
            else:
                marks[row] |= _EVENT_MARKS.get(event.name, 0)
        first_row += batch.span_count
    columns = np.frombuffer(encoded, np.int64).reshape(-1, 4)
    said = np.frombuffer(figures, np.float32).reshape(-1, 2)
    events: dict[str, Column] = {name: columns[:, at] for at, name in enumerate(("row", "name", "detail", "time_ns"))}
    return {**events, "amount": said[:, 0], "position_s": said[:, 1]}, mentions
