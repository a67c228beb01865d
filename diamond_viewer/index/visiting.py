"""Visits of people, and the signs in them, out of columns. Called under the store's lock."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from diamond_viewer.diagnosis.visits import MAX_VISIT_TRACES, extent_ns, visits_of
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
from diamond_viewer.index.matching import matching_traces
from diamond_viewer.index.segment import Place, Segment
from diamond_viewer.index.summaries import trace_id_of
from diamond_viewer.index.ways import carried_by
from diamond_viewer.query.terms import Field, Overlaps
from diamond_viewer.telemetry.model import KIND_SERVER, Flag
from diamond_viewer.telemetry.semconv import BARE_METHODS

_FAILED_STATUS = 400

NOTHING_SAVED: frozenset[float] = frozenset()

Key = tuple[int, int]  # segment number, trace


@dataclass(frozen=True, slots=True)
class Visit:
    """``number`` as in ``diagnosis.visits``; ``places`` in order of time, the newest where they are very many."""

    user: str
    number: int
    places: tuple[Place, ...]


def key_of(place: Place) -> Key:
    return place[0].number, place[1]


def visits_around(segments: Sequence[Segment], segment: Segment, traces: Indexes) -> list[Visit]:
    """The visits of their people in which these traces lie, which live in ``segment``."""
    mask = np.zeros(segment.traces.size, bool)
    mask[traces] = True
    wanted: dict[str, set[int]] = {}
    for trace, users in carried_by(segment, Field.USER, mask).items():
        for user in users:
            wanted.setdefault(user, set()).update(visits_of(int(segment.traces["start_ns"][trace])))
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
    return [_visit(user, number, found) for (user, number), found in sorted(stays.items()) if found]


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
    return Visit(user, number, tuple(place for _, _, place in stays[-MAX_VISIT_TRACES:]))


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
        for trace, lessons in carried_by(segment, Field.LESSON, mask).items():
            known[segment.number, trace].lessons = tuple(lessons)
    happened = [one for segment, mask in masks_of(segments, matches) for one in _happenings(segment, mask)]
    for one in happened:
        if one.what == PROGRESS_RECEIVED:
            known[one.key].saved.add(one.position_s if one.position_s == one.position_s else -1)  # NaN is not itself
    signs: dict[Key, list[Sign]] = {key: [] for key in homes}
    for one in happened:
        own = known[one.key]
        asked = one.asked or own.name
        saved = frozenset(own.saved) if one.what == CALL and PROGRESS_ROUTE in asked else NOTHING_SAVED
        signs[one.key].append(Sign(one.time_ns, one.what, own.number, own.lessons, own.is_well, asked, saved))
    return signs


@dataclass(slots=True)
class _Known:
    """Of a trace: its number among those that are looked at, what it names, whether all went well, and what it saves."""

    number: int
    name: str
    is_well: bool
    lessons: tuple[str, ...] = ()
    saved: set[float] = field(default_factory=set)


class _Happening(NamedTuple):
    """``asked`` is what a request was for, "" where only the trace's name says it; ``position_s`` may be NaN."""

    key: Key
    time_ns: int
    what: str
    asked: str = ""
    position_s: float = 0


def _known_of(place: Place, number: int) -> _Known:
    columns, trace = place[0].traces, place[1]
    is_well = not columns["flags"][trace] & Flag.ERROR.value and columns["http_status"][trace] < _FAILED_STATUS
    return _Known(number, place[0].dictionary.texts[columns["name"][trace]], bool(is_well))


def _happenings(segment: Segment, mask: Column) -> Iterator[_Happening]:
    spans, texts = segment.spans, segment.dictionary.texts

    def key(trace: int) -> Key:
        home = segment.homes.get(trace)
        return (segment.number, trace) if home is None else (home[0].number, home[1])

    events = segment.events
    codes = [code for name in WAY_EVENTS if (code := segment.dictionary.find(name)) is not None]
    if codes and events.size:
        chosen = np.flatnonzero(np.isin(events["name"], codes) & mask[spans["trace"][events["row"]]])
        cells = [
            spans["trace"][events["row"][chosen]],
            *(events[name][chosen] for name in ("time_ns", "name", "position_s")),
        ]
        for trace, time_ns, name, position_s in zip(*(cell.tolist() for cell in cells), strict=True):
            yield _Happening(key(trace), time_ns, texts[name], position_s=position_s)
    rows = np.flatnonzero(mask[spans["trace"]])
    played = segment.dictionary.find(VIDEO_PROGRESS)
    if played is not None:
        chosen = rows[spans["name"][rows] == played]
        for trace, time_ns in zip(spans["trace"][chosen].tolist(), spans["start_ns"][chosen].tolist(), strict=True):
            yield _Happening(key(trace), time_ns, VIDEO_PROGRESS)
    asking = rows[spans["kind"][rows] == KIND_SERVER]
    cells = [spans[name][asking] for name in ("trace", "start_ns", "route", "name")]
    for trace, time_ns, route, name in zip(*(cell.tolist() for cell in cells), strict=True):
        asked = texts[route] if route else "" if texts[name] in BARE_METHODS else texts[name]
        if REPORT_ROUTE not in asked:
            yield _Happening(key(trace), time_ns, CALL, asked)
