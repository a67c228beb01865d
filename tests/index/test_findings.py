"""Findings in the index: the same as from scratch, whatever the order in which lines came and traces were examined."""

import random
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diamond_viewer.diagnosis.diagnose import JOURNEY_RULES, TRACE_RULES, diagnose, way_of
from diamond_viewer.diagnosis.diagnose import RULE_NAMES as ALL_RULES
from diamond_viewer.diagnosis.finding import Thresholds
from diamond_viewer.diagnosis.journey import Journey
from diamond_viewer.index import examination, examined, followed, visiting
from diamond_viewer.index import examiner as examiner_module
from diamond_viewer.index.examiner import Examiner
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.query.query import Query
from diamond_viewer.telemetry.model import FeedState, Trace, TraceSummary
from diamond_viewer.telemetry.rules import (
    JOURNEY_BITS,
    JOURNEY_RULE_NAMES,
    RULE_NAMES,
    RULE_WORDS,
    TRACE_BITS,
    TRACE_RULE_NAMES,
)
from tests.asking import NOW_NS, UNDECIDED, all_rows, asked
from tests.diagnosis.readings import lines_of, traces_in
from tests.district import LINES, plain_district
from tests.feed.waiting import until
from tests.index.filling import add_lines, filled
from tests.plain_store import PlainStore
from tests.writing import event, line, span, trace_id

DATA = Path(__file__).parents[1] / "data"
PLAIN = plain_district()


def rules_of(store: MemoryStore) -> dict[str, tuple[str, ...]]:
    return {row.trace_id: named(row) for row in all_rows(store)}


def named(row: TraceSummary) -> tuple[str, ...]:
    """All rules that found something in a trace, alone or with others."""
    return tuple(rule for rule in RULE_NAMES if rule in (*row.findings, *row.findings_together))


def expected(lines: list[bytes]) -> dict[str, tuple[str, ...]]:
    together = PlainStore.from_lines(lines).together()
    found = {
        trace.trace_id: {one.rule for one in (*diagnose(trace), *together.get(trace.trace_id, ()))}
        for trace in traces_in(lines)
    }
    return {trace_id: tuple(rule for rule in RULE_NAMES if rule in rules) for trace_id, rules in found.items()}


@cache
def expected_of_all() -> dict[str, tuple[str, ...]]:
    return expected(LINES)


def test_every_rule_has_words_and_those_of_one_trace_a_bit() -> None:
    assert set(RULE_WORDS) == set(ALL_RULES)
    assert set(RULE_NAMES) == set(ALL_RULES)
    assert set(TRACE_RULE_NAMES) == {rule.name for rule in TRACE_RULES}
    assert set(JOURNEY_RULE_NAMES) == {rule.name for rule in JOURNEY_RULES}
    bits = [*TRACE_BITS.values(), *JOURNEY_BITS.values()]
    assert len(set(bits)) == len(bits)
    assert max(bits) < 1 << 62 > 0  # the two above say what waits


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), segment_spans=st.sampled_from([300, 1_000, 131_072]))
def test_examined_as_it_comes_is_as_examined_from_scratch(seed: int, segment_spans: int) -> None:
    chance = random.Random(seed)
    lines = chance.sample(LINES, len(LINES))
    store = MemoryStore(1 << 30, segment_spans)
    for one in lines:
        add_lines(store, [one])
        store.commit()
        if chance.random() < 0.4:  # in the middle: what grows later is examined again
            store.examine(0, UNDECIDED)
    store.examine(query=UNDECIDED)
    assert rules_of(store) == expected_of_all()


@pytest.mark.parametrize("path", sorted(DATA.glob("scenarios/*-*.json")), ids=lambda path: path.stem)
def test_a_scenario_is_told_in_the_index_as_by_the_rules(path: Path) -> None:
    assert rules_of(filled([lines_of(path)])) == expected(lines_of(path))


@pytest.mark.parametrize("rule", RULE_NAMES)
def test_a_search_a_filter_and_a_facet_count_the_same(rule: str) -> None:
    store = filled([LINES])
    count = PLAIN.search(asked(finding=rule), NOW_NS).total
    assert store.search(asked(finding=rule), NOW_NS).total == count
    assert store.search(asked(q=f"finding:{rule}"), NOW_NS).total == count
    assert store.search(asked(q=f"-finding:{rule}"), NOW_NS).total == 314 - count
    assert dict(store.facets(Query(), NOW_NS, 100).finding).get(rule, 0) == count


def test_a_star_is_any_finding() -> None:
    store = filled([LINES])
    count = sum(bool(rules) for rules in expected_of_all().values())
    assert 0 < count < 314
    assert store.search(asked(q="finding:*"), NOW_NS).total == count
    assert store.search(asked(q="-finding:*"), NOW_NS).total == 314 - count
    unexamined = MemoryStore(1 << 30)
    add_lines(unexamined, LINES)
    unexamined.commit()
    pages = (unexamined.search(asked(q="finding:*"), NOW_NS) for _ in range(100))
    assert next(page.total for page in pages if page.is_complete) == count  # each goes on where the one before stopped


def test_who_asks_for_findings_has_what_waits_examined() -> None:
    store = MemoryStore(1 << 30)
    add_lines(store, LINES)
    store.commit()
    assert not any(row.findings for row in store.search(asked(limit=1000), NOW_NS).traces)  # nobody has looked
    page = store.search(asked(flag="n-plus-one"), NOW_NS)
    assert (page.total, page.is_complete) == (2, True)
    assert store.stats(asked(), NOW_NS).flags["n-plus-one"] == 2


def test_findings_of_what_a_text_is_searched_for_are_found_by_the_first_who_asks() -> None:
    store = MemoryStore(1 << 30)
    add_lines(store, LINES)
    store.commit()
    for _ in range(400):
        found = store.findings(asked(q="unauthorized"), NOW_NS)
        if found.is_complete:
            break
    assert found.is_complete
    named = {one.trace_id for told in found.findings for one in told.finding.evidence}
    assert named
    assert named <= {row.trace_id for row in store.search(asked(q="unauthorized", limit=1000), NOW_NS).traces}


def test_a_search_that_has_no_time_says_that_it_is_not_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore(1 << 30)
    add_lines(store, LINES)
    store.commit()
    monkeypatch.setattr(examined, "EXAMINE_NS", 0)
    monkeypatch.setattr(examination, "SPANS_AT_ONCE", 1)
    first = store.search(asked(finding="exception"), NOW_NS)
    assert not first.is_complete
    for _ in range(400):
        page = store.search(asked(finding="exception"), NOW_NS)
        if page.is_complete:
            break
    assert (page.is_complete, page.total) == (True, 11)


def test_findings_are_those_of_plain_loops_page_by_page() -> None:
    store = filled([LINES])
    for query in (asked(limit=1000), asked(limit=7, page=3), asked(finding="exception"), asked(user="usr_0007")):
        ours, theirs = store.findings(query, NOW_NS), PLAIN.findings(query, NOW_NS)
        assert (ours.total, ours.is_complete) == (theirs.total, True)
        assert ours.findings == theirs.findings
    counts = Counter(found.finding.rule for found in store.findings(asked(limit=1000), NOW_NS).findings)
    assert counts["exception"] == 11
    assert counts["no-cookie"] + counts["cookie-rejected"] == 15


def test_similar_counts_traces_in_the_window_only() -> None:
    store = filled([LINES])
    found = [one for one in store.findings(asked(limit=1000, finding="exception"), NOW_NS).findings if one.alike > 1]
    one = found[0]
    assert store.similar(one.finding.fingerprint, 0, NOW_NS) == one.alike
    assert store.similar(one.finding.fingerprint, 0, 1) == 0


def test_a_journey_is_that_of_the_traces_that_name_the_user() -> None:
    store = filled([LINES])
    for user in ("usr_0001", "usr_0007", "nobody"):
        assert store.journey(user, 0, NOW_NS) == PLAIN.journey(user, 0, NOW_NS)
    assert any(one.rule == "duplicate-calls" for one in store.journey("usr_0007", 0, NOW_NS))


def test_a_player_that_posts_two_reports_has_not_called_twice() -> None:
    def post(number: int, path: str) -> bytes:
        said = {"http.method": "POST", "http.route": path, "user.id": "u", "lesson.id": "l"}
        return line(span(1, trace=number, kind=2, name=f"POST {path}", attributes=said))

    reports = [post(1, "/api/telemetry/video"), post(2, "/api/telemetry/video")]
    notes = [post(3, "/api/notes"), post(4, "/api/notes")]
    assert filled([reports]).journey("u", 0, NOW_NS) == ()
    (found,) = filled([[*reports, *notes]]).journey("u", 0, NOW_NS)
    assert (found.rule, found.trace_ids) == ("duplicate-calls", (trace_id(3), trace_id(4)))


def test_limits_of_the_rules_can_be_changed() -> None:
    store = MemoryStore(1 << 30, thresholds=Thresholds(slow_database_ms=5))
    add_lines(store, LINES)
    store.commit()
    strict = store.search(asked(finding="slow-database"), NOW_NS).total
    assert strict > PLAIN.search(asked(finding="slow-database"), NOW_NS).total
    (found, *_) = store.findings(asked(finding="slow-database"), NOW_NS).findings
    assert found.finding.thresholds == (("slow_database_ms", 5),)


def test_a_trace_that_lost_its_fault_loses_its_finding() -> None:
    """Its parent came late: the orphan is none any more."""
    store = filled([lines_of(DATA / "scenarios" / "trace-span-lost.json")])
    (before,) = all_rows(store)
    (found,) = store.findings(asked(), NOW_NS).findings
    assert before.findings == (found.finding.rule,) == ("orphan-spans",)
    assert store.similar(found.finding.fingerprint, 0, NOW_NS) == 1
    add_lines(store, lines_of(DATA / "scenarios" / "trace-progress-save.json"))
    store.commit()
    store.examine(query=UNDECIDED)
    (after,) = all_rows(store)
    assert (after.trace_id, after.findings) == (before.trace_id, ())
    assert store.similar(found.finding.fingerprint, 0, NOW_NS) == 0
    assert store.findings(asked(), NOW_NS).total == 0


def test_a_trace_too_large_is_not_examined_and_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "MAX_SPANS", 3)
    monkeypatch.setattr(visiting, "MAX_EXAMINED_SPANS", 3)
    store = filled([LINES])
    large = [row for row in all_rows(store) if row.span_count > 3]
    assert large
    assert not any(named(row) for row in large)
    assert store.search(asked(finding="exception"), NOW_NS).is_complete


def test_the_examiner_waits_for_the_backlog_and_then_examines_what_rests() -> None:
    store = MemoryStore(1 << 30)
    add_lines(store, LINES)
    store.commit()
    found = sum(map(len, expected_of_all().values()))
    examiner = Examiner(store)
    assert not store.is_followed
    examiner.start()
    try:
        store.report(FeedState(ready=True))
        until(lambda: sum(count for _, count in store.facets(Query(), NOW_NS, 100).finding) == found)
    finally:
        examiner.stop()
    assert rules_of(store) == expected_of_all()


def test_what_is_left_behind_is_given_back_now_and_then_and_not_while_nothing_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: list[int] = []
    looks: list[int] = []
    monkeypatch.setattr(examiner_module, "GIVE_BACK_EVERY_S", 0.0)
    monkeypatch.setattr(examiner_module, "IDLE_S", 0.001)
    store = MemoryStore(1 << 30)
    monkeypatch.setattr(examiner_module, "give_back", lambda: given.append(store.version()))

    def is_followed(store: MemoryStore) -> bool:
        looks.append(store.version())
        return False

    monkeypatch.setattr(MemoryStore, "is_followed", property(is_followed))
    with Examiner(store):
        for number in range(3):
            add_lines(store, LINES[number : number + 1])
            store.commit()
            until(lambda: given[-1:] == [store.version()])
        looked = len(looks)
        until(lambda: len(looks) > looked + 20)
    assert len(given) == len(set(given))


def test_what_is_known_of_growing_traces_goes_with_their_segment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examined, "REST_NS", 10**15)
    store = MemoryStore(1 << 30, segment_spans=20)
    for number in range(1, 200):
        add_lines(store, [line(span(number, trace=number))])
        store.commit()
        store.examine(0)
    held = {segment for segment, _ in store._growing}
    assert held == {store._open.number}


def test_a_rule_that_stumbles_costs_its_trace_only(monkeypatch: pytest.MonkeyPatch) -> None:
    victim = next(iter(expected_of_all()))

    def stumbling(trace: object, thresholds: Thresholds) -> object:
        if trace.trace_id == victim:  # type: ignore[attr-defined]
            raise ZeroDivisionError
        return diagnose(trace, thresholds)  # type: ignore[arg-type]

    monkeypatch.setattr(examination, "diagnose", stumbling)
    wanted = expected_of_all() | {victim: ()}
    assert rules_of(filled([LINES])) == wanted


@pytest.mark.parametrize("path", sorted(DATA.glob("scenarios/journey-*.json")), ids=lambda path: path.stem)
def test_a_visit_is_told_in_the_index_as_by_the_rules(path: Path) -> None:
    """Over several segments, and what is decoded for it is no more than those that are suspect."""
    lines = lines_of(path)
    store, plain = filled(([line] for line in lines), segment_spans=50), PlainStore.from_lines(lines)
    assert rules_of(store) == {row.trace_id: named(row) for row in plain.summaries()}
    ids = [row.trace_id for row in plain.summaries()]
    ours, theirs = store.diagnoses(ids), plain.diagnoses(ids, 0)
    assert {one: ours[one].journey for one in ids} == {one: theirs[one].journey for one in ids}
    query = asked(limit=1000)
    assert store.findings(query, NOW_NS).journey == plain.findings(query, NOW_NS).journey


def redirected(number: int, after_s: int) -> bytes:
    at_ns = NOW_NS - 3_600 * 10**9 + after_s * 10**9
    sent = {"from": "/lessons/x", "to": "/login", "hasCookie": True}
    said = span(
        1, trace=number, kind=2, name="GET /x", start_ns=at_ns, events=[event("middleware.redirect", at_ns, **sent)]
    )
    return line(said | {"attributes": span(1, attributes={"user.id": "ada"})["attributes"]})


def test_a_loop_over_several_traces_is_searched_for_and_flagged_on_each_of_them() -> None:
    store = filled([[redirected(1, 0), redirected(2, 2), redirected(3, 4), redirected(4, 60)]])
    looped = store.search(asked(finding="redirect-loop"), NOW_NS)
    (finding,) = store.findings(asked(finding="redirect-loop"), NOW_NS).journey
    assert looped.total == len(finding.trace_ids) == 3
    assert {row.trace_id for row in looped.traces} == set(finding.trace_ids)
    assert dict(store.facets(Query(), NOW_NS, 100).finding)["redirect-loop"] == looped.total
    assert store.search(asked(q="-finding:redirect-loop"), NOW_NS).total == len(all_rows(store)) - looped.total


def test_what_several_traces_showed_is_gone_when_a_later_trace_puts_it_right() -> None:
    """Nothing was saved for more than a minute, until the saves in between came in after all."""
    lines = lines_of(DATA / "scenarios" / "journey-saves-stopped.json")
    store = filled([lines])
    (finding,) = store.findings(asked(finding="progress-stopped"), NOW_NS).journey
    (user,) = {user for row in all_rows(store) for user in row.user_ids}
    (lesson,) = {lesson for row in all_rows(store) for lesson in row.lesson_ids}
    every_ns = 20 * 10**9
    saves = [
        line(
            span(
                1,
                trace=9_000 + number,
                kind=2,
                name="POST /api/progress",
                start_ns=finding.time_ns + number * every_ns,
                attributes={"user.id": user, "lesson.id": lesson, "http.status_code": 200},
                events=[
                    event("progress.data_received", finding.time_ns + number * every_ns + 1, positionSeconds=number)
                ],
            )
        )
        for number in range(1, 30)
    ]
    add_lines(store, saves)
    store.commit()
    store.examine(query=UNDECIDED)
    assert store.search(asked(finding="progress-stopped"), NOW_NS).total == 0
    assert store.findings(asked(finding="progress-stopped"), NOW_NS).journey == ()


@pytest.mark.parametrize("seed", range(6))
def test_visits_are_told_the_same_in_whatever_order_their_lines_come(seed: int) -> None:
    chance = random.Random(seed)
    paths = sorted(DATA.glob("scenarios/journey-*.json"))
    lines = lines_of(chance.choice(paths))
    chance.shuffle(lines)
    store = MemoryStore(1 << 30, 40)
    for one in lines:
        add_lines(store, [one])
        store.commit()
        if chance.random() < 0.5:
            store.examine(0, UNDECIDED)
    store.examine(query=UNDECIDED)
    assert rules_of(store) == expected(lines)


def test_no_more_visits_are_decoded_than_are_suspect(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[str] = []

    def counted(trace: Trace) -> Journey:
        decoded.append(trace.trace_id)
        return way_of(trace)

    monkeypatch.setattr(followed, "way_of", counted)
    quiet = [
        lines_of(DATA / "scenarios" / f"journey-{name}.json") for name in ("loaded-and-left", "arrives-signed-out")
    ]
    filled(quiet)
    assert decoded == []
    filled([[redirected(1, 0), redirected(2, 2), redirected(3, 4)]])
    assert sorted(decoded) == [trace_id(number) for number in (1, 2, 3)]  # once, though they lie in two visits
