"""Findings and flows in words: as text for a terminal, as Markdown for a ticket. What is told is redacted already, like
everything that a trace was decoded to.
"""

from collections.abc import Iterable, Mapping, Sequence

from diamond_viewer.diagnosis.diagnose import MAX_EXAMINED_SPANS
from diamond_viewer.diagnosis.finding import Evidence, Finding, Severity
from diamond_viewer.diagnosis.flows import Flow, State, Step
from diamond_viewer.telemetry.markdown import escaped
from diamond_viewer.telemetry.rules import RULE_WORDS
from diamond_viewer.telemetry.units import format_date_time, format_duration, zone_label

MAX_EVIDENCE = 8  # spans that are named; the others are counted
SEVERITY_WORDS = {Severity.PROBLEM: "Problem", Severity.WARNING: "Warning", Severity.NOTE: "Note"}
STATE_WORDS = {
    State.DONE: "done",
    State.BROKEN: "broke here",
    State.MISSING: "missing",
    State.ELSEWHERE: "in another trace",
}
STATE_MARKS = {State.DONE: "✓", State.BROKEN: "✕", State.MISSING: "○", State.ELSEWHERE: "·"}
NOTHING_FOUND = "The rules found nothing wrong."
_UNITS = {"ms": "ms", "s": "s", "percent": "%", "count": ""}
_NO_NAMES: Mapping[str, str] = {}


def findings_text(
    findings: Sequence[Finding], flows: Iterable[Flow] = (), names: Mapping[str, str] = _NO_NAMES, note: str = ""
) -> str:
    """For a terminal: each finding as a paragraph, the worst first as they come, then the flows, a line each.

    ``names`` has the names of spans by their ids, for evidence that lies in a trace the reader knows; ``note`` is said first.
    Ends with a newline. Empty when there is nothing to say.
    """
    blocks = [note] if note else []
    for finding in findings:
        lines = [f"{SEVERITY_WORDS[finding.severity]}: {finding.sentence}", f"  {_facts(finding)}"]
        lines += [f"  {label}: {said}" for label, said in _said_beside(finding, names)]
        blocks.append("\n".join(lines))
    told = [f"Flow: {flow_words(flow)}" for flow in flows]
    blocks += ["\n".join(told)] if told else []
    return "\n\n".join(blocks) + "\n" if blocks else ""


def findings_markdown(
    findings: Sequence[Finding],
    flows: Iterable[Flow] = (),
    names: Mapping[str, str] = _NO_NAMES,
    *,
    title: str = "",
    facts: Sequence[str] = (),
    href: str = "",
    note: str = "",
) -> str:
    """For a ticket: ``title`` as a heading with ``facts`` below it, findings as a numbered list, flows as a list.

    ``href`` is where the reader of the ticket can look, an address of ours; ``names`` and ``note`` as in ``findings_text``.
    Whatever telemetry says stays plain text. Ends with a newline.
    """
    blocks = [f"### {escaped(title)}"] if title else []
    blocks += [escaped(" · ".join(facts))] if facts else []
    blocks += [f"<{href}>"] if href else []
    blocks += [escaped(note)] if note else []
    told = []
    for number, finding in enumerate(findings, 1):
        opening = f"{SEVERITY_WORDS[finding.severity]}, {RULE_WORDS[finding.rule]}"
        told.append(f"{number}. **{escaped(opening)}.** {escaped(finding.sentence)}")
        told.append(f"   - {escaped(_facts(finding))}")
        told += [f"   - {label}: {escaped(said)}" for label, said in _said_beside(finding, names)]
    blocks.append("\n".join(told) or NOTHING_FOUND)
    steps = [f"- {escaped(flow_words(flow))}" for flow in flows]
    blocks += ["**Flows**", "\n".join(steps)] if steps else []
    return "\n\n".join(blocks) + "\n"


def not_examined_words(span_count: int) -> str:
    """
    >>> not_examined_words(100_000)
    'Not examined by the rules: it has 100,000 spans, more than 20,000. What failed is red; the statistics say what took long.'
    """
    return (
        f"Not examined by the rules: it has {span_count:,} spans, more than {MAX_EXAMINED_SPANS:,}. "
        "What failed is red; the statistics say what took long."
    )


def flow_words(flow: Flow) -> str:
    """
    >>> steps = (Step("check", State.BROKEN, duration_ns=2_000_000), Step("401", State.MISSING))
    >>> flow_words(Flow("auth failure", "", "", 0, steps))
    'auth failure, broke at check: ✕ check 2 ms → ○ 401 (missing)'
    """
    broke = broke_words(flow)
    return f"{flow.name}{f', {broke}' if broke else ''}: {' → '.join(map(_step, flow.steps))}"


def broke_words(flow: Flow) -> str:
    """
    >>> broke_words(Flow("video play", "", "", 0, (Step("session check", State.BROKEN),)))
    'broke at session check'
    """
    step = flow.broken_step
    if step is None:
        return ""
    return f"broke at {step.name}" if step.state is State.BROKEN else f"{step.name} is missing"


def limits_words(thresholds: Iterable[tuple[str, float]]) -> str:
    """
    >>> limits_words((("redirect_loop_count", 3), ("redirect_loop_window_ms", 10_000), ("gap_percent", 20)))
    'redirect loop count 3, redirect loop window 10000 ms, gap 20 %'
    """
    found = []
    for name, value in thresholds:
        what, _, unit = name.rpartition("_")
        what = f"{what} count" if unit == "count" else what
        found.append(f"{what.replace('_', ' ')} {value:g} {_UNITS.get(unit, '')}".strip())
    return ", ".join(found)


def _step(step: Step) -> str:
    took = f" {format_duration(step.duration_ns)}" if step.duration_ns else ""
    said = f" ({STATE_WORDS[step.state]})" if step.state in (State.MISSING, State.ELSEWHERE) else ""
    return f"{STATE_MARKS[step.state]} {step.name}{took}{said}"


def _facts(finding: Finding) -> str:
    """When, by which rule, and under which fingerprint the same trouble is found elsewhere."""
    return f"{format_date_time(finding.time_ns)} {zone_label()}, rule {finding.rule}, fingerprint {finding.fingerprint}"


def _said_beside(finding: Finding, names: Mapping[str, str]) -> list[tuple[str, str]]:
    pairs = [
        ("Evidence", _evidence_words(finding.evidence, names)),
        ("Limits", limits_words(finding.thresholds)),
        ("Next", finding.next_step),
    ]
    return [(label, said) for label, said in pairs if said]


def _evidence_words(evidence: Sequence[Evidence], names: Mapping[str, str]) -> str:
    """Spans of the trace that ``names`` knows by name and id, others by their trace."""
    shown = []
    for one in evidence[:MAX_EVIDENCE]:
        name = names.get(one.span_id, "")
        where = f"span {one.span_id}" if one.span_id else f"trace {one.trace_id}"
        shown.append(f"{name} ({where})" if name else where if not one.span_id else f"{where} of trace {one.trace_id}")
    more = len(evidence) - len(shown)
    return ", ".join(shown) + (f", and {more:,} more" if more > 0 else "")
