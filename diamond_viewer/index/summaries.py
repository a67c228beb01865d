"""One trace of the index -> its row in the list."""

from collections import Counter

import numpy as np

from diamond_viewer.index.catalogue import DATABASE
from diamond_viewer.index.columns import Column, Indexes
from diamond_viewer.index.segment import Segment
from diamond_viewer.index.told import FOUND_ALONE, FOUND_TOGETHER, WAITING
from diamond_viewer.query.terms import Field
from diamond_viewer.telemetry.model import EventFact, TraceSummary
from diamond_viewer.telemetry.rules import rule_names

MAX_KEPT = 2_000  # in each segment: about a megabyte


def trace_id_of(segment: Segment, trace: int) -> str:
    return f"{int(segment.traces['high'][trace]):016x}{int(segment.traces['low'][trace]):016x}"


def summary(segment: Segment, trace: int) -> TraceSummary:
    """The row of a trace that lives in ``segment``; kept until the trace changes."""
    if (kept := segment.summaries.get(trace)) is not None:
        return kept
    if len(segment.summaries) >= MAX_KEPT:
        segment.summaries.clear()
    segment.summaries[trace] = made = _summary(segment, trace)
    return made


def _summary(segment: Segment, trace: int) -> TraceSummary:
    """Users, lessons and services are sorted; event facts stand in order of first sight."""
    services: set[str] = set()
    users: set[str] = set()
    lessons: set[str] = set()
    facts: Counter[tuple[str, str]] = Counter()
    slowest_database_ns = 0
    for place, number in segment.places_of(trace):
        rows = place.rows_of(number)
        if not len(rows):
            continue
        spans, texts = place.spans, place.dictionary.texts
        services |= _texts(texts, spans["service"][rows])
        users |= _texts(texts, spans["user"][rows]) | {texts[code] for code in place.all_mentions(rows, Field.USER)}
        lessons |= _texts(texts, spans["lesson"][rows]) | {
            texts[code] for code in place.all_mentions(rows, Field.LESSON)
        }
        is_database = (spans["traits"][rows] & DATABASE) > 0
        slowest_database_ns = max(slowest_database_ns, int(spans["duration_ns"][rows][is_database].max(initial=0)))
        if np.any(spans["event_count"][rows]):
            events = event_rows(place, rows)
            pairs = zip(place.events["name"][events].tolist(), place.events["detail"][events].tolist(), strict=True)
            facts.update((texts[name], texts[detail]) for name, detail in pairs)
    columns, texts = segment.traces, segment.dictionary.texts
    return TraceSummary(
        trace_id=trace_id_of(segment, trace),
        name=texts[int(columns["name"][trace])],
        service=texts[int(columns["service"][trace])],
        services=tuple(sorted(services)),
        start_ns=int(columns["start_ns"][trace]),
        duration_ns=int(columns["end_ns"][trace] - columns["start_ns"][trace]),
        span_count=int(columns["span_count"][trace]),
        error_count=int(columns["error_count"][trace]),
        event_count=int(columns["event_count"][trace]),
        user_ids=tuple(sorted(users)),
        lesson_ids=tuple(sorted(lessons)),
        flags=int(columns["flags"][trace]),
        http_status=int(columns["http_status"][trace]),
        slowest_database_ns=slowest_database_ns,
        event_facts=tuple(EventFact(name, detail, count) for (name, detail), count in facts.items()),
        findings=rule_names(int(columns["findings"][trace] & FOUND_ALONE)),
        findings_together=rule_names(int(columns["findings"][trace] & FOUND_TOGETHER)),
        awaits_examination=bool(columns["findings"][trace] & WAITING),
    )


def event_rows(segment: Segment, rows: Indexes) -> Indexes:
    """The events of some spans. Event rows stand in the order in which their blocks were laid, sorted once packed."""
    events = segment.events["row"]
    if not segment.is_open:
        first, last = np.searchsorted(events, [rows[0], rows[-1] + 1])
        return np.arange(first, last)
    return np.flatnonzero(np.isin(events, rows))


def _texts(texts: list[str], codes: Column) -> set[str]:
    return {texts[code] for code in set(codes.tolist()) if code}
