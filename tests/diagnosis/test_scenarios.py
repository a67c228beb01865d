"""The rules against the labelled scenarios, and against any order in which they may be written."""

import sys
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diamond_viewer.diagnosis.diagnose import JOURNEY_RULES, TRACE_RULES, diagnose, diagnose_journey
from diamond_viewer.diagnosis.finding import Finding, Severity
from tests.diagnosis.readings import lines_of, traces_in
from tests.diagnosis.scenarios import FOLDER, files
from tests.diagnosis.scorecard import drawn, expectations, findings_in, scores

EXPECTED = expectations()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_scenario_is_told_by_the_rules_it_was_made_for(name: str) -> None:
    findings = findings_in(name)
    assert sorted({finding.rule for finding in findings}) == EXPECTED[name]["rules"], [one.sentence for one in findings]


def test_every_rule_is_right_on_every_scenario() -> None:
    sys.stdout.write(drawn())  # shown with -s, and when the next line fails
    wrong = {
        rule: score for rule, score in scores().items() if (score.precision_percent, score.recall_percent) != (100, 100)
    }
    assert wrong == {}


def test_every_rule_has_a_bad_scenario() -> None:
    rules = {f"trace {rule.name}" for rule in TRACE_RULES} | {f"journey {rule.name}" for rule in JOURNEY_RULES}
    assert {rule for rule, score in scores().items() if score.wanted} == rules


def test_good_scenarios_have_no_finding() -> None:
    plain = [name for name, expected in EXPECTED.items() if expected["label"] == "good"]
    assert len(plain) >= 15
    assert [name for name in plain if findings_in(name)] == []


def test_the_scenarios_on_disk_are_those_of_the_script() -> None:
    on_disk = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    made = files()
    assert sorted(on_disk) == sorted(made)
    assert [name for name in made if made[name] != on_disk[name]] == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.sampled_from(sorted(name for name in EXPECTED if name.startswith("trace-"))), order=st.randoms())
def test_the_order_of_spans_does_not_matter(name: str, order: Random) -> None:
    trace = traces_in(lines_of(FOLDER / name))[0]
    spans = list(trace.spans)
    order.shuffle(spans)
    assert diagnose(type(trace)(trace.summary, tuple(spans))) == diagnose(trace)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.sampled_from(sorted(name for name in EXPECTED if name.startswith("journey-"))), order=st.randoms())
def test_the_order_of_lines_does_not_matter(name: str, order: Random) -> None:
    lines = lines_of(FOLDER / name)
    shuffled = [*lines, lines[0]]  # and a line may come twice
    order.shuffle(shuffled)
    once = traces_in(dict.fromkeys(shuffled))
    assert diagnose_journey([*once, once[0]]) == diagnose_journey(traces_in(lines))


def all_findings() -> list[Finding]:
    return [finding for name in EXPECTED for finding in findings_in(name)]


def test_a_finding_is_a_sentence_with_evidence_and_a_next_step() -> None:
    for finding in all_findings():
        assert finding.sentence[0].isalnum(), finding.sentence
        assert finding.next_step.endswith("."), finding.next_step
        assert finding.sentence.endswith((".", "…", "]", ")")) or ": " in finding.sentence
        assert "  " not in finding.sentence
        assert finding.evidence
        assert all(len(evidence.trace_id) == 32 for evidence in finding.evidence)
        assert len(finding.fingerprint) == 16
        assert finding.time_ns > 0


def test_findings_come_worst_first() -> None:
    for name in EXPECTED:
        severities = [finding.severity for finding in findings_in(name)]
        assert severities == sorted(severities, reverse=True)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("trace-no-cookie-on-progress.json", "trace-no-cookie-then-login.json", True),
        ("trace-no-cookie-on-progress.json", "trace-no-cookie-on-video.json", False),
        ("trace-slow-statement.json", "trace-slow-redis.json", False),
        ("trace-five-slow-repeats.json", "trace-eight-quick-repeats.json", True),
        ("journey-redirect-loop.json", "journey-long-redirect-loop.json", True),
    ],
)
def test_the_same_trouble_has_the_same_fingerprint(one: str, other: str, same: bool) -> None:
    assert (findings_in(one)[0].fingerprint == findings_in(other)[0].fingerprint) == same


@pytest.mark.parametrize(
    ("name", "severity", "sentence"),
    [
        (
            "trace-no-cookie-then-login.json",
            Severity.PROBLEM,
            "Session lost: auth.failed, no cookie was sent, then redirected to /login; "
            "POST /api/progress answered 401. The progress was not saved.",
        ),
        (
            "trace-resumed-at-zero.json",
            Severity.PROBLEM,
            "Resumed in the wrong place: 4 min lost (saved at 4:00, started at 0:00).",
        ),
        (
            "trace-slow-load-by-s3.json",
            Severity.WARNING,
            "The video took 1.39 s to load. 903 ms of it went to S3 (s3.presign).",
        ),
        (
            "trace-foreign-key.json",
            Severity.PROBLEM,
            "POST /api/progress failed with 500: P2003: Foreign key constraint violated on the constraint: "
            "`Progress_lessonId_fkey` (it began in pg.query:INSERT diamond).",
        ),
        (
            "trace-transcode.json",
            Severity.NOTE,
            "video-transcode process took 3.11 s.",
        ),
        (
            "journey-saves-refused.json",
            Severity.PROBLEM,
            "Progress saves stopped while lesson-003 went on playing: nothing was saved for 1 min 20 s; 1 attempt failed.",
        ),
        (
            "journey-out-for-forty-seconds.json",
            Severity.WARNING,
            "Signed in again at 11:39:08, 40 s after the session was lost.",
        ),
    ],
)
def test_what_it_says(name: str, severity: Severity, sentence: str) -> None:
    finding = findings_in(name)[0]
    assert (finding.severity, finding.sentence) == (severity, sentence)
