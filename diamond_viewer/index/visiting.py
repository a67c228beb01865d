"""Visits of people, and the signs in them, out of columns. Called under the store's lock."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, Self

import numpy as np

from diamond_viewer.diagnosis.diagnose import MAX_EXAMINED_SPANS
from diamond_viewer.diagnosis.visits import MAX_VISIT_TRACES, STEP_NS, extent_ns, visits_of
from diamond_viewer.diagnosis.vocabulary import (
    PROGRESS_RECEIVED,
    PROGRESS_ROUTE,
    REPORT_ROUTE,
    VIDEO_PROGRESS,
    WAY_EVENTS,
)
from diamond_viewer.index.answers import Matches, masks_of
from diamond_viewer.index.columns import Column, Indexes
from diamond_viewer.index.journey_suspicion import CALL, Sign
from diamond_viewer.index.kin import kin_of
from diamond_viewer.index.lineage import distinct_tuples
from diamond_viewer.index.matching import matching_traces
from diamond_viewer.index.segment import Place, Segment
from diamond_viewer.index.summaries import trace_id_of
from diamond_viewer.index.ways import carried_by
from diamond_viewer.query.terms import Field, Overlaps
from diamond_viewer.telemetry.model import KIND_SERVER, STATUS_ERROR
from diamond_viewer.telemetry.semconv import BARE_METHODS

_FAILED_STATUS = 400

NOTHING_SAVED: frozenset[float] = frozenset()

Key = tuple[int, int]  # segment number, trace
VisitKey = tuple[str, int]  # user and number of the visit


@dataclass(frozen=True, slots=True)
class Visit:
    """``number`` as in ``diagnosis.visits``; ``places`` in order of time, the newest where they or what they hold are very
    many."""

    user: str
    number: int
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """Which traces have been looked at in all of their visits, when these ``visits`` have: what begins in a half hour lies in
    the visit that begins with it and in the one that ends with it."""

    visits: frozenset[VisitKey]
    shared: Mapping[int, Indexes]  # segment number -> traces of several people, which may lie in visits of others

    @classmethod
    def of(cls, visits: Sequence[Visit]) -> Self:
        places: dict[int, Segment] = {segment.number: segment for visit in visits for segment, _ in visit.places}
        shared = {number: _of_several(segment) for number, segment in places.items()}
        return cls(frozenset((visit.user, visit.number) for visit in visits), shared)

    def are_among(self, segment: Segment, traces: Indexes, user: str) -> Column:
        """For each of these traces of a visit of the user."""
        steps = (segment.traces["start_ns"][traces] // STEP_NS).tolist()
        is_finished = {
            step: self.visits.issuperset((user, number) for number in (step - 1, step)) for step in set(steps)
        }
        return np.array([is_finished[step] for step in steps], bool) & ~np.isin(traces, self.shared[segment.number])


def _of_several(segment: Segment) -> Indexes:
    _, traces = segment.postings.pairs_among(Field.USER, np.ones(segment.traces.size, bool))
    return np.flatnonzero(np.bincount(traces) > 1)


def key_of(place: Place) -> Key:
    return place[0].number, place[1]


def visits_by_trace(segment: Segment, traces: Indexes) -> dict[int, list[VisitKey]]:
    """The visits in which each of these traces lies, which live in ``segment``; who names nobody lies in none."""
    mask = np.zeros(segment.traces.size, bool)
    mask[traces] = True
    starts_ns = segment.traces["start_ns"]
    return {
        trace: [(user, number) for user in users for number in visits_of(int(starts_ns[trace]))]
        for trace, users in carried_by(segment, Field.USER, mask).items()
    }


def visits_around(
    segments: Sequence[Segment], segment: Segment, traces: Indexes, also: Iterable[VisitKey] = ()
) -> list[Visit]:
    """The visits of their people in which these traces lie, which live in ``segment``, and others that are asked for."""
    wanted: dict[str, set[int]] = {}
    for user, number in {*also, *chain.from_iterable(visits_by_trace(segment, traces).values())}:
        wanted.setdefault(user, set()).add(number)
    if not wanted:
        return []
    numbers = sorted(set().union(*wanted.values()))
    window = Overlaps(max(0, extent_ns(numbers[0])[0]), extent_ns(numbers[-1])[1])
    stays: dict[tuple[str, int], list[tuple[int, str, Place]]] = {}
    for place in segments:
        within = matching_traces(place, [window])
        if not len(within):
            continue
        is_within = np.zeros(place.traces.size, bool)
        is_within[within] = True
        for user, theirs in wanted.items():
            code = place.dictionary.find(user)
            held = place.postings.find(Field.USER, code) if code is not None else within[:0]
            held = held[is_within[held]]
            starts_ns = place.traces["start_ns"][held]
            for number in theirs:
                newest = _newest_in(starts_ns, number)
                stays.setdefault((user, number), []).extend(
                    (start_ns, trace_id_of(place, trace), (place, trace))
                    for trace, start_ns in zip(held[newest].tolist(), starts_ns[newest].tolist(), strict=True)
                )
    visits = (_visit(user, number, found) for (user, number), found in sorted(stays.items()))
    return [visit for visit in visits if visit.places]


def _newest_in(starts_ns: Column, number: int) -> Indexes:
    """Where the starts lie in the visit; of very many no more than can be among its newest, ties included."""
    first_ns, end_ns = extent_ns(number)
    inside = np.flatnonzero((starts_ns >= first_ns) & (starts_ns < end_ns))
    if len(inside) <= MAX_VISIT_TRACES:
        return inside
    least_ns = np.partition(starts_ns[inside], -MAX_VISIT_TRACES)[-MAX_VISIT_TRACES]
    newest: Indexes = inside[starts_ns[inside] >= least_ns]
    return newest


def _visit(user: str, number: int, stays: list[tuple[int, str, Place]]) -> Visit:
    stays.sort(key=lambda stay: stay[:2])
    return Visit(user, number, newest_of([place for _, _, place in stays]))


def newest_of(places: Sequence[Place]) -> tuple[Place, ...]:
    """Of places in order of time the last, as many as can be looked at together; in order of time. What is too large to be
    examined by itself is left out."""
    newest: list[Place] = []
    held = 0
    for segment, trace in places[: -1 - MAX_VISIT_TRACES : -1]:
        own = int(segment.traces["span_count"][trace]) + int(segment.traces["event_count"][trace])
        if own > MAX_EXAMINED_SPANS:
            continue
        held += own
        if held > MAX_EXAMINED_SPANS:
            break
        newest.append((segment, trace))
    return tuple(reversed(newest))


def signs_of(segments: Sequence[Segment], found: Sequence[Visit]) -> dict[Key, list[Sign]]:
    """The signs in each trace of these visits."""
    homes = {key_of(place): place for visit in found for place in visit.places}
    by_segment: dict[int, list[int]] = {}
    for number, trace in homes:
        by_segment.setdefault(number, []).append(trace)
    held = {segment.number: segment for segment in segments}
    matches: Matches = [(held[number], np.array(sorted(traces))) for number, traces in by_segment.items()]
    known = {key: _known_of(place, number) for number, (key, place) in enumerate(homes.items())}
    for segment, traces in matches:
        mask = np.zeros(segment.traces.size, bool)
        mask[traces] = True
        for trace, carried in carried_by(segment, Field.LESSON, mask).items():
            known[segment.number, trace].lessons = tuple(carried)
    signs: dict[Key, list[Sign]] = {key: [] for key in homes}
    for segment, mask in masks_of(segments, matches):
        works = _works_of(segment, np.flatnonzero(mask[segment.spans["trace"]]))
        saved: dict[int, set[float]] = {}
        for one in _happenings(segment, mask, works):
            own = known[one.key]
            is_sure = works.holds_all_of(one.trace)
            lessons = works.lessons.get(one.work, ()) if is_sure else own.lessons
            asked, saves = one.asked or own.name, NOTHING_SAVED
            if one.what == PROGRESS_RECEIVED:
                position_s = one.position_s if one.position_s == one.position_s else -1  # NaN is not itself
                saved.setdefault(one.work, set()).add(position_s)
            elif one.what == CALL and is_sure and PROGRESS_ROUTE in asked:
                saves = frozenset(saved.get(one.work, NOTHING_SAVED))
            is_well = is_sure and one.work not in works.failed
            signs[one.key].append(
                Sign(one.time_ns, one.what, own.number, lessons, is_well, asked, saves, one.position_s, is_sure)
            )
    return signs


@dataclass(slots=True)
class _Known:
    """Of a trace: its number among those that are looked at, and what it is called and names."""

    number: int
    name: str
    lessons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Works:
    """The requests and jobs of some traces, as far as they lie in a segment. ``rows`` are those of their spans, sorted;
    ``work`` tells which each belongs to; ``lessons`` what the spans and events of each name, sorted; ``failed`` are those
    of which any span failed."""

    segment: Segment
    rows: Indexes
    work: Indexes
    lessons: dict[int, tuple[str, ...]]
    failed: frozenset[int]

    def of(self, rows: Indexes) -> Indexes:
        return self.work[np.searchsorted(self.rows, rows)]

    def holds_all_of(self, trace: int) -> bool:
        return trace not in self.segment.homes and trace not in self.segment.guests


class _Happening(NamedTuple):
    """``trace`` and ``work`` count in the segment where it lies, ``key`` is where its trace lives. ``asked`` is what a request
    was for, "" where only the trace's name says it; ``position_s`` may be NaN."""

    key: Key
    trace: int
    work: int
    time_ns: int
    what: str
    asked: str = ""
    position_s: float = 0


def _known_of(place: Place, number: int) -> _Known:
    segment, trace = place
    return _Known(number, segment.dictionary.texts[segment.traces["name"][trace]])


def _works_of(segment: Segment, rows: Indexes) -> _Works:
    kin = kin_of(segment, rows)
    codes, mentions = kin.column("lesson"), segment.mentions
    naming = np.flatnonzero(codes)
    firsts, _ = distinct_tuples([kin.work[naming], codes[naming]])
    named = set(zip(kin.work[naming[firsts]].tolist(), codes[naming[firsts]].tolist(), strict=True))
    named |= {
        (int(kin.work[at]), code)
        for at, row in enumerate(rows.tolist())
        if row in mentions
        for field, code in mentions[row]
        if field is Field.LESSON
    }
    lessons: dict[int, set[str]] = {}
    for work, code in named:
        lessons.setdefault(work, set()).add(segment.dictionary.texts[code])
    is_refused = (kin.column("kind") == KIND_SERVER) & (kin.column("http_status") >= _FAILED_STATUS)
    return _Works(
        segment,
        rows,
        kin.work,
        {work: tuple(sorted(theirs)) for work, theirs in lessons.items()},
        frozenset(kin.work[is_refused | (kin.column("status_code") == STATUS_ERROR)].tolist()),
    )


def _happenings(segment: Segment, mask: Column, works: _Works) -> Iterator[_Happening]:
    """Events, then reports of the player, then requests."""
    spans, texts = segment.spans, segment.dictionary.texts

    def key(trace: int) -> Key:
        home = segment.homes.get(trace)
        return (segment.number, trace) if home is None else (home[0].number, home[1])

    events = segment.events
    codes = [code for name in WAY_EVENTS if (code := segment.dictionary.find(name)) is not None]
    if codes and events.size:
        chosen = np.flatnonzero(np.isin(events["name"], codes) & mask[spans["trace"][events["row"]]])
        rows, times_ns = events["row"][chosen], events["time_ns"][chosen]
        cells = [
            spans["trace"][rows],
            works.of(rows),
            np.where(times_ns > 0, times_ns, spans["start_ns"][rows]),  # as the rules place what says no time
            *(events[name][chosen] for name in ("name", "position_s")),
        ]
        for trace, work, time_ns, name, position_s in zip(*(cell.tolist() for cell in cells), strict=True):
            yield _Happening(key(trace), trace, work, time_ns, texts[name], "", position_s)
    played = segment.dictionary.find(VIDEO_PROGRESS)
    if played is not None:
        rows = works.rows[spans["name"][works.rows] == played]
        cells = [spans["trace"][rows], works.of(rows), spans["start_ns"][rows]]
        for trace, work, time_ns in zip(*(cell.tolist() for cell in cells), strict=True):
            yield _Happening(key(trace), trace, work, time_ns, VIDEO_PROGRESS)
    rows = works.rows[spans["kind"][works.rows] == KIND_SERVER]
    cells = [spans["trace"][rows], works.of(rows), *(spans[name][rows] for name in ("start_ns", "route", "name"))]
    for trace, work, time_ns, route, name in zip(*(cell.tolist() for cell in cells), strict=True):
        asked = texts[route] if route else "" if texts[name] in BARE_METHODS else texts[name]
        if REPORT_ROUTE not in asked:
            yield _Happening(key(trace), trace, work, time_ns, CALL, asked)
