"""Findings and flows in words: what a terminal shows and what is pasted into a ticket."""

import re

import pytest

from diamond_viewer.diagnosis.diagnose import Diagnosis, diagnosis_of
from diamond_viewer.diagnosis.finding import Evidence, Finding, Severity
from diamond_viewer.diagnosis.wording import MAX_EVIDENCE, NOTHING_FOUND, findings_markdown, findings_text
from tests.diagnosis.readings import lines_of, traces_in
from tests.diagnosis.scenarios import FOLDER


def diagnosis_in(name: str) -> tuple[Diagnosis, dict[str, str]]:
    trace = traces_in(lines_of(FOLDER / name))[0]
    return diagnosis_of(trace), {span.span_id: span.name for span in trace.spans}


def made(sentence: str, evidence: tuple[Evidence, ...] = ()) -> Finding:
    return Finding(
        "redirect-loop", Severity.PROBLEM, sentence, evidence, "0" * 16, "Look there.", 10**18, (("gap_ms", 5),)
    )


def test_the_text_says_what_shows_it_its_limits_and_what_to_do() -> None:
    known, names = diagnosis_in("trace-five-slow-repeats.json")
    said = findings_text(known.findings, known.flows, names)
    first = said.splitlines()
    assert first[0].startswith("Warning: ")
    assert "ran the same query 5 times" in first[0]
    assert re.search(r"^  \S+ \S+ UTC, rule n-plus-one, fingerprint [0-9a-f]{16}$", said, re.MULTILINE)
    assert re.search(r"^  Evidence: \S.* \(span [0-9a-f]{16}\), ", said, re.MULTILINE)
    assert "  Limits: repeated query count 5, repeated query 50 ms, repeated query certain count 8" in first
    assert "  Next: Ask for all of them at once: a list of ids in one query, or Prisma’s include." in first
    assert said.endswith("\n")


def test_the_step_that_broke_is_marked_in_the_flow() -> None:
    known, names = diagnosis_in("trace-no-cookie-on-progress.json")
    said = findings_text(known.findings, known.flows, names)
    flows = [line for line in said.splitlines() if line.startswith("Flow: ")]
    assert len(flows) == len(known.flows) >= 2
    assert any(line.startswith("Flow: auth failure, broke at check: ✓ request") and "✕ check" in line for line in flows)
    assert any("○ database write (missing)" in line for line in flows)


def test_a_ticket_has_a_heading_its_address_findings_and_flows() -> None:
    known, names = diagnosis_in("trace-no-cookie-on-progress.json")
    said = findings_markdown(
        known.findings, known.flows, names, title="POST /x", facts=("1 s",), href="http://localhost:8000/traces/1"
    )
    head, facts, link, *_ = said.split("\n\n")
    assert (head, facts, link) == ("### POST /x", "1 s", "<http://localhost:8000/traces/1>")
    assert "1. **Problem, no cookie sent.** Session lost: auth.failed, no cookie was sent" in said
    assert "   - Evidence: " in said
    assert "   - Next: " in said
    assert "\n\n**Flows**\n\n- " in said


@pytest.mark.parametrize(
    "hostile",
    [
        "![x](http://evil/a.png)",
        "<img src=x>",
        "a\n\n# heading\n* list",
        "[ok](javascript:alert(1))",
        "http://evil.example",
    ],
)
def test_what_a_producer_says_stays_text(hostile: str) -> None:
    evidence = (Evidence("1" * 32, "2" * 16),)
    said = findings_markdown((made(hostile, evidence),), (), {"2" * 16: hostile}, title=hostile, facts=(hostile,))
    bare = re.sub(r"\\.", "", said)  # what is escaped is no markup
    assert not re.search(r"!\[|\]\(|<\w|://", bare)
    assert [line for line in said.splitlines() if line.startswith("#")] == [said.splitlines()[0]]


def test_evidence_that_is_too_much_is_counted() -> None:
    many = tuple(Evidence("1" * 32, f"{number:016x}") for number in range(1, 21))
    said = findings_text((made("Too much.", many),))
    assert said.count("of trace") == MAX_EVIDENCE
    assert f"and {20 - MAX_EVIDENCE} more" in said


def test_nothing_is_said_of_what_is_well() -> None:
    assert findings_text(()) == ""
    assert findings_markdown(()) == f"{NOTHING_FOUND}\n"
    assert findings_text((), note="Too large.") == "Too large.\n"
