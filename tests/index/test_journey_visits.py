"""The visits of a person are found out of columns as by plain loops, however many traces they have."""

import random

import numpy as np
import pytest

from diamond_viewer.diagnosis.visits import MAX_VISIT_TRACES, visits_of
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.index.summaries import trace_id_of
from diamond_viewer.index.visiting import visits_around
from tests.index.filling import add_lines
from tests.writing import A_TIME_NS, line, span, trace_id


def test_of_very_many_traces_the_newest_of_each_visit_are_taken() -> None:
    chance = random.Random(7)
    starts = [A_TIME_NS + chance.randrange(0, 90 * 60, 5) * 10**9 for _ in range(1_500)]  # ties among them
    spans = [
        span(1, trace=at + 1, start_ns=start_ns, attributes={"user.id": "ada" if at % 4 else "bob"})
        for at, start_ns in enumerate(starts)
    ]
    store = MemoryStore(1 << 30, 400)
    for at in range(0, len(spans), 50):
        add_lines(store, [line(*spans[at : at + 50])])
        store.commit()
    plain: dict[tuple[str, int], list[tuple[int, str]]] = {}
    for at, start_ns in enumerate(starts):
        for number in visits_of(start_ns):
            plain.setdefault(("ada" if at % 4 else "bob", number), []).append((start_ns, trace_id(at + 1)))
    segments = list(store._segments.values())
    assert len(segments) > 2
    found = {}
    for segment in segments:
        for visit in visits_around(segments, segment, np.arange(segment.traces.size)):
            found[visit.user, visit.number] = [trace_id_of(*place) for place in visit.places]
    expected = {visit: [one for _, one in sorted(theirs)[-MAX_VISIT_TRACES:]] for visit, theirs in plain.items()}
    assert found == expected
    assert any(len(theirs) > MAX_VISIT_TRACES for theirs in plain.values())


def test_of_a_visit_no_more_is_taken_than_can_be_looked_at_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diamond_viewer.index.visiting.MAX_EXAMINED_SPANS", 10)
    span_counts = (4, 4, 4, 11, 2)  # the last but one is too large by itself
    said = {"user.id": "ada"}
    store = MemoryStore(1 << 30, 400)
    for at, count in enumerate(span_counts):
        spans = [span(1 + n, trace=at + 1, start_ns=A_TIME_NS + at * 10**9, attributes=said) for n in range(count)]
        add_lines(store, [line(*spans)])
    store.commit()
    (segment,) = store._segments.values()
    for visit in visits_around([segment], segment, np.arange(segment.traces.size)):
        assert [trace_id_of(*place) for place in visit.places] == [trace_id(2), trace_id(3), trace_id(5)]
