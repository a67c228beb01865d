"""What the rules and flows find in the real traces, against patterns that plain loops counted there.

Where a rule means something else than a pattern, the row says how the two go together; ``docs/diagnosis.md`` says why.
"""

import json
from functools import cache
from pathlib import Path

import pytest

from diamond_viewer.diagnosis import completeness, flows
from diamond_viewer.diagnosis.diagnose import diagnose, diagnose_journey
from diamond_viewer.diagnosis.facts import TraceFacts, gather
from diamond_viewer.diagnosis.finding import Evidence, Finding
from tests.diagnosis.readings import lines_of, traces_in

FOLDER = Path(__file__).parents[1] / "data" / "diamond-district"
COUNTS: dict[str, int] = json.loads((FOLDER / "truth.json").read_text())["pattern_trace_counts"]


@cache
def facts() -> tuple[TraceFacts, ...]:
    return tuple(gather(trace) for trace in traces_in(lines_of(FOLDER / "traces.json")))


@cache
def findings() -> tuple[tuple[TraceFacts, tuple[Finding, ...]], ...]:
    traces = traces_in(lines_of(FOLDER / "traces.json"))
    return tuple((gather(trace), diagnose(trace)) for trace in traces)


def found(*rules: str) -> int:
    """Traces of which one of these rules has something to say."""
    return sum(any(one.rule in rules for one in said) for _, said in findings())


def whole(name: str) -> int:
    """Traces with a whole flow of this name."""
    return sum(any(flow.name == name and flow.is_whole for flow in flows.recognise(one)) for one in facts())


def seen(event: str) -> int:
    return sum(event in one.events for one in facts())


def steps_done(name: str, *steps: str) -> int:
    """Traces with a flow in which these steps are done."""
    return sum(
        any(
            flow.name == name and {step.name for step in flow.steps if step.state == flows.State.DONE} >= set(steps)
            for flow in flows.recognise(one)
        )
        for one in facts()
    )


@pytest.mark.parametrize(
    ("pattern", "rules"),
    [
        ("event:auth.credentials.missing", ("missing-credentials",)),
        ("event:auth.failed", ("no-cookie", "cookie-rejected", "sign-in-refused")),
        ("event:auth.failed hasCookie=true", ("cookie-rejected",)),
        ("event:middleware.redirect", ("redirected",)),
        ("event:exception", ("exception",)),
        ("exception_with_stacktrace", ("exception",)),
        ("event:progress.validation_failed", ("progress-refused",)),
        ("event:video.resume_position_mismatch", ("resume-mismatch",)),
        ("slow_db_over_100ms", ("slow-database",)),
        ("slow_span_over_1s", ("slow-span", "slow-load", "long-running")),
        ("long_running_over_10s", ("long-running",)),
        ("n_plus_one_8_or_more_same_query", ("n-plus-one",)),
        ("orphan_spans_parent_missing", ("orphan-spans",)),
        ("no_root_span", ("lost-root",)),
        ("dropped_counts", ("dropped-counts",)),
    ],
)
def test_a_pattern_is_told_in_exactly_its_traces(pattern: str, rules: tuple[str, ...]) -> None:
    assert found(*rules) == COUNTS[pattern]


@pytest.mark.parametrize(
    ("pattern", "flow"),
    [
        ("video_play_ok", flows.VIDEO_PLAY),
        ("progress_save", flows.PROGRESS_SAVE),
        ("event:auth.session.created", flows.SIGN_IN),
    ],
)
def test_a_flow_is_whole_in_exactly_its_traces(pattern: str, flow: str) -> None:
    assert whole(flow) == COUNTS[pattern]


def test_a_job_across_the_queue_has_its_enqueueing_in_the_trace() -> None:
    assert steps_done(flows.BACKGROUND_JOB, "enqueue", "process") == COUNTS["job_across_queue_same_trace"]
    assert COUNTS["event:job completed"] == COUNTS["job_across_queue_same_trace"]


def test_all_failed_spans_are_told_once_by_whoever_says_it_best() -> None:
    failed = [(one, said) for one, said in findings() if one.failed]
    assert len(failed) == COUNTS["error"] == 33
    for one, said in failed:
        red = {Evidence(one.trace_id, one.spans[row].span_id) for row in one.failed}
        assert any(red & set(finding.evidence) for finding in said), one.trace_id
    assert found("exception", "error") == 33 - 18 - 4  # the others: auth.failed, and resumes in the wrong place


def test_no_cookie_is_stricter_than_its_event_by_the_sign_ins() -> None:
    assert found("no-cookie") + found("sign-in-refused") == COUNTS["event:auth.failed hasCookie=false"]
    assert found("sign-in-refused") == 3


def test_buffering_is_stricter_than_its_event_by_the_single_stalls() -> None:
    single = [one for one in facts() if len(one.events.get("video.buffering", ())) == 1]
    assert found("buffering") + len(single) == COUNTS["event:video.buffering"]


def test_doubled_video_calls_of_one_user_are_found_over_traces() -> None:
    journey = diagnose_journey(traces_in(lines_of(FOLDER / "traces.json")))
    doubled = [one for one in journey if one.rule == "duplicate-calls" and "/api/video/" in one.sentence]
    later = sum(len(one.evidence) - 1 for one in doubled)
    assert later == COUNTS["duplicate_video_call_same_user_lesson_within_1s"]


def test_clocks_are_told_apart_from_what_is_meant_to_be_early_or_late() -> None:
    early = sum(bool(completeness.early_children(one, 50)) for one in facts())
    late = sum(bool(completeness.late_children(one, 50)) for one in facts())
    assert (
        early == COUNTS["child_starts_over_50ms_before_parent"]
    )  # video.load and video.resume: the player's own times
    assert late == COUNTS["child_ends_over_50ms_after_parent"]  # queued jobs, and a fetch that went on
    assert found("clock-skew") == 0


def test_events_are_seen_where_they_are() -> None:
    events = {
        pattern.removeprefix("event:"): count for pattern, count in COUNTS.items() if pattern.startswith("event:")
    }
    plain = {name: count for name, count in events.items() if "=" not in name}
    assert {name: seen(name) for name in plain} == plain


def test_links_and_the_players_session_are_whole() -> None:
    assert sum(any(span.links for span in one.spans) for one in facts()) == COUNTS["span_with_link"]
    sessions = [one for one in facts() if "video.session" in one.named]
    assert len(sessions) == COUNTS["player_session_multi_service"]
    named = [flow.name for flow in flows.recognise(sessions[0])]
    assert sorted(named) == ["background job", *["progress save"] * 4, "video play"]


def test_a_trace_on_several_lines_is_diagnosed_as_one() -> None:
    lines_with: dict[str, int] = {}
    for line in lines_of(FOLDER / "traces.json"):
        for trace in traces_in([line]):
            lines_with[trace.trace_id] = lines_with.get(trace.trace_id, 0) + 1
    assert sum(count > 1 for count in lines_with.values()) == COUNTS["spans_on_several_lines"]
    assert len(list(FOLDER.glob("traces*.json"))) - 1 == COUNTS["spans_in_several_files"] == 0
    assert sorted(one.trace_id for one in facts()) == sorted(lines_with)  # each once


def test_every_pattern_is_accounted_for() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    missing = [pattern for pattern in COUNTS if f'"{pattern}"' not in source and not pattern.startswith("event:")]
    assert missing == []
