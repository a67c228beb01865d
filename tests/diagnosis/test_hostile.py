"""Traces that nobody meant to write: the rules stay quiet, quick and in one piece."""

import pytest

from diamond_viewer.diagnosis.diagnose import diagnose, diagnose_journey
from diamond_viewer.diagnosis.facts import gather
from diamond_viewer.diagnosis.finding import MAX_EVIDENCE, Severity, Thresholds
from diamond_viewer.diagnosis.flows import recognise
from diamond_viewer.telemetry.model import KIND_CLIENT, KIND_CONSUMER, KIND_PRODUCER, KIND_SERVER, Span, Trace
from tests.builders import event, span, trace

NOTHING = Thresholds.from_table(dict.fromkeys(Thresholds.__slots__, 0))


def rules_of(*spans: Span) -> set[str]:
    return {finding.rule for finding in diagnose(trace(*spans))}


@pytest.mark.parametrize(
    ("spans", "rules"),
    [
        pytest.param([span("a", "b"), span("b", "a")], {"lost-root"}, id="a circle"),
        pytest.param([span("a", "a")], {"lost-root"}, id="its own parent"),
        pytest.param([span("a"), span("a", ms=20)], set(), id="one id twice"),
        pytest.param([span("a", end_ns=2**64 - 1)], set(), id="an end that was never a clock"),
        pytest.param([span("a", start_ns=0, end_ns=5)], set(), id="no start"),
        pytest.param([span("a", ms=-5_000)], set(), id="ends before it starts"),
        pytest.param(
            [span("a", events=[event("video.buffering", time_ns=0)] * 2)], {"buffering"}, id="events without time"
        ),
        pytest.param(
            [span("a", events=[event("video.resume_position_mismatch", attributes={"expected": "x", "actual": None})])],
            {"resume-mismatch"},
            id="positions that are no numbers",
        ),
        pytest.param(
            [span("a", events=[event("auth.failed", attributes={"hasCookie": "maybe"})])],
            {"no-cookie"},
            id="a cookie that is text",
        ),
        pytest.param([span("a", name="", is_error=True)], {"error"}, id="no name"),
    ],
)
def test_odd_spans(spans: list[Span], rules: set[str]) -> None:
    assert rules_of(*spans) == rules
    assert rules_of(*reversed(spans)) == rules


def test_spans_that_share_id_and_times_are_told_in_one_order() -> None:
    twins = [span("a", name="x", is_error=True, status_message="late"), span("a", name="y", is_error=True)]
    assert gather(trace(*twins)).spans == gather(trace(*reversed(twins))).spans
    assert diagnose(trace(*twins)) == diagnose(trace(*reversed(twins)))


def test_an_old_redis_that_does_not_know_its_client_is_a_note() -> None:
    redis = {"db.system": "redis"}
    refused = span("a", is_error=True, attributes=redis, status_message="ERR unknown subcommand 'SETINFO'.")
    assert diagnose(trace(refused))[0].severity == Severity.NOTE
    assert diagnose(trace(span("a", is_error=True, status_message="ERR")))[0].severity == Severity.PROBLEM


def test_a_request_is_one_piece_of_work_however_many_servers_tell_of_it() -> None:
    http = span("a", kind=KIND_SERVER, name="GET", attributes={"http.target": "/a/1", "http.status_code": 200})
    framework = span("b", "a", kind=KIND_SERVER, name="GET /a/[id]", attributes={"http.route": "/a/[id]"})
    call = span("c", "b", kind=KIND_CLIENT)
    other = span("d", "c", kind=KIND_SERVER, name="POST", attributes={"http.target": "/b?x=1", "http.status_code": 204})
    works = gather(trace(http, framework, call, other)).works
    assert [(work.name, work.route, work.status) for work in works] == [
        ("GET /a/[id]", "/a/[id]", 200),
        ("POST /b", "", 204),
    ]


def test_calls_in_a_transaction_are_not_told_to_run_side_by_side() -> None:
    def calls(parent: str) -> list[Span]:
        return [
            span(f"c{n}", parent, kind=KIND_CLIENT, start_ms=90 * n, ms=90, attributes={"http.url": f"/{n}"})
            for n in range(3)
        ]

    transaction = span("t", "a", name="prisma:client:transaction", ms=290)
    assert rules_of(span("a", ms=300), *calls("a")) == {"sequential-calls"}
    assert rules_of(span("a", ms=300), transaction, *calls("t")) == set()


def test_a_worker_that_waits_for_a_job_is_not_slow() -> None:
    waiting = {"db.system": "redis", "db.statement": "bzpopmin bull:mail:marker 5"}
    assert rules_of(span("a", ms=5_000, kind=KIND_CLIENT, attributes=waiting)) == set()
    assert rules_of(span("a", ms=5_000, kind=KIND_CLIENT, attributes={**waiting, "db.statement": "get a"})) != set()


def test_a_trace_without_spans_has_no_finding() -> None:
    empty = Trace(trace(span("a")).summary, ())
    assert diagnose(empty) == ()
    assert diagnose(empty, NOTHING) == ()
    assert recognise(gather(empty)) == ()
    assert diagnose_journey([empty]) == ()
    assert diagnose_journey([]) == ()


@pytest.mark.parametrize(
    ("kinds", "attributes"),
    [
        ((KIND_SERVER, KIND_CLIENT), {"http.method": "GET", "http.route": "/a", "http.status_code": 401}),
        ((KIND_PRODUCER, KIND_CONSUMER), {}),
        ((KIND_CLIENT,), {"db.system": "postgresql", "db.statement": "select 1 from a"}),
        ((1,), {"db.system": "postgresql"}),
    ],
)
def test_a_deep_chain_is_diagnosed_in_one_go(kinds: tuple[int, ...], attributes: dict[str, str | int]) -> None:
    """20,000 deep, everything slow: what climbed or looked through all of it for each span would not come back."""
    chain = [
        span(f"{depth:x}", f"{depth - 1:x}" if depth else "", start_ms=depth, ms=100_000 - 2 * depth,
             kind=kinds[depth % len(kinds)], name=f"step {depth % 7}", attributes=attributes, is_error=depth % 2 == 0)
        for depth in range(20_000)
    ]  # fmt: skip
    one = trace(*chain)
    findings = diagnose(one)
    assert len(findings) < 100
    assert all(len(finding.evidence) <= MAX_EVIDENCE for finding in findings)
    recognise(gather(one))
    diagnose_journey([one])


def test_thresholds_of_zero_are_limits_like_others() -> None:
    assert rules_of(span("a")) == set()
    slow = diagnose(trace(span("a"), span("b", "a", ms=5)), NOTHING)
    assert {finding.rule for finding in slow} >= {"long-running", "unaccounted-gap"}
