"""Visits of many people, whatever happened on the way: told by columns and what was decoded as by all rules over all traces."""

import random
from collections.abc import Sequence
from typing import Any

import pytest

from diamond_viewer.diagnosis.visits import STEP_NS
from diamond_viewer.index import followed
from diamond_viewer.index.cadence import FOLLOW_EVERY_NS, MOST_AT_ONCE, SHORT, Cadence
from diamond_viewer.index.columns import Indexes
from diamond_viewer.index.examined import REST_NS
from diamond_viewer.index.followed import ASKED_AT_ONCE
from diamond_viewer.index.journey_suspicion import Sign
from diamond_viewer.index.segment import Segment
from diamond_viewer.index.told import UNFOLLOWED
from diamond_viewer.index.visiting import Key, Visit, VisitKey, signs_of, visits_around, visits_by_trace
from tests.asking import UNDECIDED, all_rows
from tests.index.filling import add_lines, filled
from tests.plain_store import PlainStore
from tests.writing import A_TIME_NS, Wire, event, line, span

NS_PER_MS = 1_000_000
PEOPLE = 200
MOMENTS = 14
WATCHING = ("video.loaded", "video.resume_attempt", "progress.data_received")
HAPPENINGS = (
    *(4 * WATCHING),
    *("video.progress", "video.progress", "video.buffering", "video.buffering", "progress.auto_complete_triggered"),
    *("auth.session.created", "auth.failed", "middleware.redirect"),
)
LESSONS = ("lesson-1", "lesson-1", "lesson-1", "lesson-2", "")
SOMETIMES = (None, None, None, None, None, None, "lesson-1", "lesson-2", "")  # another lesson, elsewhere in the trace
PAUSES_MS = (0, 400, 700, 700, 3_000, 12_000, 70_000)
POSITIONS_S = (400, 400, 400, 11, 10.0000001, 10, 9.5, 0, "12", 2e9, None)

SPANS_EACH = 3  # at most, of a moment
UNTIMED = 0.1  # of the events say no time


def way(chance: random.Random, first: int) -> list[bytes]:
    """What one person does: a line for each moment, most of them traces of their own. Spans and traces count from ``first``."""
    lines, time_ns, trace = [], A_TIME_NS, first
    for number in range(chance.randint(2, MOMENTS)):
        time_ns += chance.choice(PAUSES_MS) * NS_PER_MS
        if chance.random() < 0.8:
            trace = first + number
        lines.append(line(*moment(chance, first + number * SPANS_EACH, trace, time_ns, f"user-{first}")))
    return lines


def moment(chance: random.Random, first: int, trace: int, time_ns: int, user: str) -> list[Wire]:
    what = chance.choice(HAPPENINGS)
    said: dict[str, Any] = {"to": "/login"} | lesson_of(chance.choice(SOMETIMES))
    position_s = chance.choice(POSITIONS_S)
    if position_s is not None:
        said |= {"positionSeconds": position_s, "savedPosition": position_s}
    if chance.random() < 0.2:
        said["completed"] = True
    request = {"http.method": "POST", "http.route": "/api/progress", "user.id": user}
    status = chance.choice((200, 200, 200, 401))
    happened_ns = 0 if chance.random() < UNTIMED else time_ns + 3 * NS_PER_MS
    spans = [
        span(
            first,
            trace=trace,
            kind=2,
            name="POST /api/progress",
            start_ns=time_ns,
            attributes=request | {"http.status_code": status} | lesson_of(chance.choice(SOMETIMES)),
        ),
        span(
            first + 1,
            trace=trace,
            parent=first,
            name=what if what == "video.progress" else "work",
            start_ns=time_ns + 2 * NS_PER_MS,
            attributes=lesson_of(chance.choice(LESSONS)),
            events=[] if what == "video.progress" else [event(what, happened_ns, **said)],
        ),
    ]
    if (other := chance.choice(SOMETIMES)) is not None:
        asked = {"http.method": "GET", "http.route": "/api/other", "http.status_code": 200} | lesson_of(other)
        spans.append(
            span(first + 2, trace=trace, kind=2, name="GET /api/other", start_ns=time_ns + 1, attributes=asked)
        )
    return spans


def lesson_of(lesson: str | None) -> Wire:
    return {"lesson.id": lesson} if lesson else {}


@pytest.mark.parametrize(("seed", "segment_spans"), [(0, 131_072), (1, 131_072), (2, 200), (3, 200)])
def test_a_way_is_told_as_by_all_rules_over_all_its_traces(seed: int, segment_spans: int) -> None:
    """Also when some of it has been looked at before the rest comes."""
    chance = random.Random(seed)
    ways = [way(chance, 1 + MOMENTS * SPANS_EACH * number) for number in range(PEOPLE)]
    cuts = [chance.randint(0, len(lines)) for lines in ways]
    store = filled([[one for lines, cut in zip(ways, cuts, strict=True) for one in lines[:cut]]], segment_spans)
    add_lines(store, [one for lines, cut in zip(ways, cuts, strict=True) for one in lines[cut:]])
    store.commit()
    store.examine(query=UNDECIDED)
    plain = PlainStore.from_lines([one for lines in ways for one in lines])
    ids = [row.trace_id for row in plain.summaries()]
    assert {row.trace_id for row in all_rows(store)} == set(ids)
    ours, theirs = store.diagnoses(ids), plain.diagnoses(ids, 0)
    told = {finding.rule for one in theirs.values() for finding in one.journey}
    assert told >= {
        "resume-gap",
        "resume-missing",
        "buffering",
        "duplicate-calls",
        "progress-missing",
        "signed-in-again",
    }
    for one in ids:
        assert ours[one].journey == theirs[one].journey


SAVED, LOADED, RESUMED = "progress.data_received", "video.loaded", "video.resume_attempt"


def request(number: int, trace: int, second: float, what: str, lesson: str) -> list[Wire]:
    start_ns = A_TIME_NS + round(second * 1000) * NS_PER_MS
    return [
        span(
            number,
            trace=trace,
            kind=2,
            name=f"POST /api/{what}",
            start_ns=start_ns,
            attributes={"http.method": "POST", "user.id": "user-1", "lesson.id": lesson},
            events=[event(what, start_ns + NS_PER_MS, positionSeconds=400)],
        )
    ]


LOADED_ELSEWHERE = {
    "the last trace, which tells until when somebody was seen, holds a load that was resumed": (
        *((1, 0, SAVED, "lesson-1"), (2, 60, LOADED, "lesson-1")),
        *((3, 120, RESUMED, "lesson-1"), (4, 120.4, LOADED, "lesson-1"), (4, 140, "page.viewed", "lesson-1")),
    ),
    "the trace of the load holds another, of a lesson that was resumed": (
        *((1, 0, SAVED, "lesson-1"), (1, 0.1, SAVED, "lesson-2")),
        *((2, 60, LOADED, "lesson-2"), (2, 60.1, LOADED, "lesson-1")),
        *((3, 62, RESUMED, "lesson-2"), (4, 120, SAVED, "lesson-3")),
    ),
}


@pytest.mark.parametrize("happened", LOADED_ELSEWHERE.values(), ids=list(LOADED_ELSEWHERE))
def test_only_the_load_that_was_not_resumed_is_told(happened: tuple[tuple[int, float, str, str], ...]) -> None:
    lines = [line(*request(1 + number, *one)) for number, one in enumerate(happened)]
    store, plain = filled([lines], 131_072), PlainStore.from_lines(lines)
    store.commit()
    store.examine(query=UNDECIDED)
    ids = [row.trace_id for row in plain.summaries()]
    ours, theirs = store.diagnoses(ids), plain.diagnoses(ids, 0)
    told = [finding for one in ids for finding in ours[one].journey if finding.rule == "resume-missing"]
    assert [(finding.trace_ids, finding.sentence[:8]) for finding in told] == [((f"{2:032x}",), "lesson-1")]
    assert [ours[one].journey for one in ids] == [theirs[one].journey for one in ids]


def test_a_late_trace_is_looked_at_in_both_of_its_visits() -> None:
    """Also when it comes with so many newer ones that these are looked at before it, and it lies in a visit of theirs."""
    half_past_s = (STEP_NS - A_TIME_NS % STEP_NS) // 10**9  # seconds until the next half hour begins
    first = [line(*request(1, 1, half_past_s + 600, SAVED, "lesson-1"))]
    late = [(2, half_past_s + 2_100, LOADED), (3, half_past_s + 2_400, "page.viewed")]
    late += [(4 + at, half_past_s + 3_660 + 10 * at, "page.viewed") for at in range(2 * MOST_AT_ONCE)]
    store = filled([first])
    add_lines(store, [line(*request(trace, trace, second, what, "lesson-1")) for trace, second, what in late])
    store.commit()
    store.examine(query=UNDECIDED)
    told = store.diagnoses([f"{2:032x}"])[f"{2:032x}"].journey
    assert [finding.rule for finding in told] == ["resume-missing"]


LEFT = {
    "what they showed together is not told any more": (
        ((1, 0, "video.buffering", "lesson-1"), (2, 5, "video.buffering", "lesson-1")),
        ("buffering", ""),
    ),
    "what its absence shows is told": (
        (
            *((1, 0, SAVED, "lesson-1"), (3, 60, LOADED, "lesson-1"), (2, 62, RESUMED, "lesson-1")),
            (4, 120, "page.viewed", "lesson-1"),
        ),
        ("", "resume-missing"),
    ),
}


@pytest.mark.parametrize("segment_spans", [1, 131_072])
@pytest.mark.parametrize(("happened", "rules"), LEFT.values(), ids=list(LEFT))
def test_when_a_trace_turns_out_to_have_begun_hours_before(
    happened: tuple[tuple[int, float, str, str], ...], rules: tuple[str, str], segment_spans: int
) -> None:
    lines = [line(*request(1 + number, *one)) for number, one in enumerate(happened)]
    store = filled([lines], segment_spans)
    early = [line(*request(9, 2, -3 * 3_600, "page.viewed", "lesson-1"))]
    for more, rule in (([], rules[0]), (early, rules[1])):
        add_lines(store, more)
        store.commit()
        store.examine(query=UNDECIDED)
        plain = PlainStore.from_lines([*lines, *more])
        ids = [row.trace_id for row in plain.summaries()]
        ours, theirs = store.diagnoses(ids), plain.diagnoses(ids, 0)
        assert [ours[one].journey for one in ids] == [theirs[one].journey for one in ids]
        told = {row.trace_id: row.findings_together for row in all_rows(store)}
        assert told == {row.trace_id: row.findings_together for row in all_rows(plain)}
        assert any(rule in theirs for theirs in told.values()) or not rule
        assert not any(other in theirs for theirs in told.values() for other in rules if other != rule)


class Clock:
    def __init__(self) -> None:
        self.now_ns = 10**15

    def monotonic_ns(self) -> int:
        return self.now_ns


def test_a_long_visit_is_looked_at_seldom_until_somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("diamond_viewer.index.followed.time", clock)
    monkeypatch.setattr("diamond_viewer.index.examined.time", clock)
    seen = [(number, number, 2.0 * number, "page.viewed", "lesson-2") for number in range(1, 5 * SHORT)]
    store = filled([[line(*request(*one)) for one in seen]])

    def told() -> list[str]:
        return [one.rule for one in store.together(f"{901:032x}")]

    add_lines(
        store, [line(*request(900, 900, 400, SAVED, "lesson-1")), line(*request(901, 901, 410, LOADED, "lesson-1"))]
    )
    add_lines(store, [line(*request(902, 902, 440, "page.viewed", "lesson-2"))])
    store.commit()
    store.examine(query=UNDECIDED)
    assert told() == ["resume-missing"]
    add_lines(store, [line(*request(903, 903, 412, RESUMED, "lesson-1"))])
    store.commit()
    for _ in range(4):  # its trace comes to rest, and is examined
        clock.now_ns += REST_NS
        store.examine(10**9)
    assert told() == ["resume-missing"]
    clock.now_ns += 4 * FOLLOW_EVERY_NS
    store.examine(10**9)
    assert told() == ["resume-gap"]
    add_lines(store, [line(*request(904, 904, 410.1, RESUMED, "lesson-1"))])
    store.commit()
    store.examine(query=UNDECIDED)
    assert told() == []


def test_the_traces_of_one_visit_are_looked_at_together_however_long_a_look_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Cadence, "held_for", lambda self, _: setattr(self, "_at_once", 1))  # as on a slow machine
    looks: list[Sequence[Visit]] = []

    def looked(*asked: Any) -> list[Visit]:
        looks.append(visits_around(*asked))
        return list(looks[-1])

    monkeypatch.setattr(followed, "visits_around", looked)
    seen = [(number, number, 2.0 * number, "page.viewed", "lesson-1") for number in range(1, 401)]
    store = filled([[line(*request(*one)) for one in seen]])
    store.examine(query=UNDECIDED)
    assert store.follow(query=UNDECIDED)  # nothing waits
    assert 0 < len(looks) < 20


def test_very_many_waiting_traces_are_asked_about_in_bounded_holds_and_done_with_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """More than a visit takes in: the others have nothing to wait for either."""
    clock = Clock()
    monkeypatch.setattr("diamond_viewer.index.followed.time", clock)
    many = range(1, 2 * ASKED_AT_ONCE + 100)
    half_past_s = (STEP_NS - A_TIME_NS % STEP_NS) // 10**9
    store = filled([[line(*request(one, one, half_past_s + one / 10, "page.viewed", "lesson-1")) for one in many]])
    (segment,) = store._segments.values()
    findings = segment.trace_columns()["findings"]
    assert not (findings & UNFOLLOWED).any()
    findings |= UNFOLLOWED  # they have grown
    asked: list[int] = []

    def counted(segment: Segment, traces: Indexes) -> dict[int, list[VisitKey]]:
        asked.append(len(traces))
        return visits_by_trace(segment, traces)

    monkeypatch.setattr("diamond_viewer.index.followed.visits_by_trace", counted)
    assert store.follow()
    assert asked == [ASKED_AT_ONCE, ASKED_AT_ONCE, len(many) - 2 * ASKED_AT_ONCE]
    assert (findings & UNFOLLOWED).all()
    looks: list[int] = []

    def looked(segments: Sequence[Segment], found: Sequence[Visit]) -> dict[Key, list[Sign]]:
        looks.append(len(found))
        return signs_of(segments, found)

    monkeypatch.setattr("diamond_viewer.index.followed.signs_of", looked)
    for _ in range(3):
        clock.now_ns += 20 * FOLLOW_EVERY_NS
        assert store.follow()
    assert sum(map(bool, looks)) == 3
    assert not (findings & UNFOLLOWED).any()
