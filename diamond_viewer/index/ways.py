"""The traces and telling events of one user or lesson, out of columns alone. Called under the store's lock."""

from collections.abc import Sequence

import numpy as np

from diamond_viewer.diagnosis.vocabulary import WAY_EVENTS
from diamond_viewer.index.answers import Matches, masks_of
from diamond_viewer.index.columns import Column, Indexes
from diamond_viewer.index.matching import Matching
from diamond_viewer.index.segment import Segment
from diamond_viewer.query.terms import Carries, Field, Overlaps
from diamond_viewer.telemetry.model import STATUS_ERROR, Flag
from diamond_viewer.telemetry.ways import Way, WayEvent, WayStep

_ERROR = Flag.ERROR.value
_FAILED = 400  # HTTP status from which a request did not succeed
_Numbers = dict[tuple[int, int], int]  # segment number and trace -> its place among the steps


def way(segments: Sequence[Segment], field: Field, value: str, window: Overlaps) -> Way:
    """See ``TraceStore.way``."""
    matching = Matching(segments, (Carries(field, value), window))
    matches = [(segment, traces) for segment in segments if len(traces := matching.traces(segment))]
    found = [(step, (segment.number, trace)) for segment, traces in matches for step, trace in _steps(segment, traces)]
    found.sort(key=lambda pair: (pair[0].start_ns, pair[0].trace_id))
    steps = tuple(step for step, _ in found)
    places = {key: place for place, (_, key) in enumerate(found)}
    whose = WayEvent._fields.index(field.value)
    events = [event for event in _all_events(segments, matches, steps, places) if event[whose] in ("", value)]
    events.sort(key=lambda event: (event[0], event[1], steps[event[3]][0], event[4]))  # time, name, trace id, span id
    return Way(steps, tuple(events))


def carried_by(segment: Segment, field: Field, traces: Column) -> dict[int, list[str]]:
    """The values of each trace that has any, sorted; ``traces`` says for each trace of the segment whether it counts."""
    codes, carriers = segment.postings.pairs_among(field, traces)
    texts = segment.dictionary.texts
    carried: dict[int, list[str]] = {}
    for code, trace in zip(codes.tolist(), carriers.tolist(), strict=True):
        carried.setdefault(trace, []).append(texts[code])
    return {trace: sorted(values) for trace, values in carried.items()}


def _steps(segment: Segment, traces: Indexes) -> list[tuple[WayStep, int]]:
    mask = np.zeros(segment.traces.size, bool)
    mask[traces] = True
    users, lessons = (carried_by(segment, field, mask) for field in (Field.USER, Field.LESSON))
    columns, texts = segment.traces, segment.dictionary.texts
    names = ("high", "low", "name", "service", "start_ns", "end_ns", "flags", "http_status")
    rows = zip(traces.tolist(), *(columns[name][traces].tolist() for name in names), strict=True)
    return [
        (
            WayStep(
                f"{high:016x}{low:016x}",
                texts[name],
                texts[service],
                start_ns,
                end_ns,
                flags,
                status,
                tuple(users.get(trace, ())),
                tuple(lessons.get(trace, ())),
            ),
            trace,
        )
        for trace, high, low, name, service, start_ns, end_ns, flags, status in rows
    ]


def _all_events(
    segments: Sequence[Segment], matches: Matches, steps: Sequence[WayStep], places: _Numbers
) -> list[WayEvent]:
    found: list[WayEvent] = []
    for segment, mask in masks_of(segments, matches):
        codes = [code for name in WAY_EVENTS if (code := segment.dictionary.find(name)) is not None]
        if not codes or not segment.events.size:
            continue
        is_telling = np.isin(segment.events["name"], codes)
        events = np.flatnonzero(is_telling & mask[segment.spans["trace"][segment.events["row"]]])
        if len(events):
            found += _events(segment, events, steps, places)
    return found


def _events(segment: Segment, events: Indexes, steps: Sequence[WayStep], places: _Numbers) -> list[WayEvent]:
    spans, texts, columns = segment.spans, segment.dictionary.texts, segment.events
    rows = columns["row"][events]
    cells = [columns[name][events].tolist() for name in ("time_ns", "name", "detail", "amount", "position_s")]
    cells += [spans[name][rows].tolist() for name in ("trace", "span_id", "user", "lesson", "status_code")]
    made = []
    for row, time_ns, name, detail, amount, position_s, trace, span_id, user, lesson, status in zip(
        rows.tolist(), *cells, strict=True
    ):
        home = segment.homes.get(trace)
        place = places[(segment.number, trace) if home is None else (home[0].number, home[1])]
        step = steps[place]
        made.append(
            WayEvent(
                time_ns,
                texts[name],
                texts[detail],
                place,
                f"{span_id:016x}",
                texts[user] or _said_beside(segment, row, Field.USER) or _only(step.users),
                texts[lesson] or _said_beside(segment, row, Field.LESSON) or _only(step.lessons),
                None if amount != amount else amount,  # NaN
                None if position_s != position_s else position_s,
                status != STATUS_ERROR and succeeded(step),
            )
        )
    return made


def succeeded(step: WayStep) -> bool:
    """Whether the request of a trace did what it was asked to."""
    return step.http_status < _FAILED and (step.http_status > 0 or not step.flags & _ERROR)


def _said_beside(segment: Segment, row: int, field: Field) -> str:
    return min((segment.dictionary.texts[code] for code in segment.all_mentions([row], field)), default="")


def _only(values: tuple[str, ...]) -> str:
    return values[0] if len(values) == 1 else ""
