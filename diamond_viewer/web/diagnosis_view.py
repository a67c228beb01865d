"""DiagnosisView: what is wrong with an opened trace, in sentences with links to the spans that show it; and its flows."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from diamond_viewer.diagnosis.diagnose import Diagnosis
from diamond_viewer.diagnosis.finding import Evidence, Finding
from diamond_viewer.diagnosis.flows import Flow, Step
from diamond_viewer.diagnosis.wording import STATE_MARKS, STATE_WORDS, broke_words, limits_words
from diamond_viewer.telemetry.rules import RULE_WORDS
from diamond_viewer.telemetry.units import NS_PER_SECOND, format_duration, format_rfc3339, format_times
from diamond_viewer.web.address import traces_href
from diamond_viewer.web.badges import Badge, Tone, finding_tone
from diamond_viewer.web.trace_address import TraceAddress, View

SHOWN = 3  # findings that stand open; the others are behind a click
MAX_EVIDENCE = 8  # links of one finding
MAX_FLOWS = 6
HOUR_NS = 3600 * NS_PER_SECOND


@dataclass(frozen=True, slots=True)
class EvidenceLink:
    words: str
    href: str


@dataclass(frozen=True, slots=True)
class Similar:
    """``words`` is empty when there is no other."""

    words: str
    href: str


@dataclass(frozen=True, slots=True)
class FindingView:
    """``limits`` are the thresholds it was held against, in words; ``more`` how much evidence is not listed."""

    badge: Badge
    sentence: str
    evidence: tuple[EvidenceLink, ...]
    more: str
    similar: Similar
    next_step: str
    limits: str
    filter_href: str


@dataclass(frozen=True, slots=True)
class StepView:
    """``state`` is the name of a ``State``: a CSS class's ending. ``href`` is empty where no span shows it."""

    name: str
    state: str
    took: str
    href: str
    title: str


@dataclass(frozen=True, slots=True)
class FlowView:
    name: str
    steps: tuple[StepView, ...]
    broke: str


@dataclass(frozen=True, slots=True)
class RowFlow:
    """A flow where there is room for a few marks."""

    name: str
    marks: str
    broke: str
    title: str


@dataclass(frozen=True, slots=True)
class DiagnosisView:
    """``note`` says why nothing is said, where the trace could not be examined."""

    shown: tuple[FindingView, ...]
    hidden: tuple[FindingView, ...]
    hidden_words: str
    flows: tuple[FlowView, ...]
    more_flows: str
    note: str = ""


Alike = Callable[[str, int, int], int]  # fingerprint, since, until -> traces, or people


def diagnosis_view(
    diagnosis: Diagnosis | None,
    journey: tuple[Finding, ...],
    address: TraceAddress,
    names: Mapping[str, str],
    alike: Alike,
    people: Alike,
    now_ns: int,
    note: str = "",
) -> DiagnosisView:
    """``journey`` is what was found over the traces of the same person; ``names`` of spans by their ids. ``alike`` counts the
    traces that have the same, ``people`` the users. Without a diagnosis ``note`` says why."""
    diagnosis = diagnosis or Diagnosis()
    findings = [
        *(_finding(one, address, names, _similar(one, address.trace_id, alike, now_ns)) for one in diagnosis.findings),
        *(_finding(one, address, names, people_alike(one, people, now_ns)) for one in journey),
    ]
    findings.sort(key=lambda view: view.badge.tone is Tone.PLAIN)  # stable: notes behind what somebody should act on
    hidden = findings[SHOWN:] if len(findings) > SHOWN + 1 else []  # a fold for a single one would hide nothing
    shown = findings[: len(findings) - len(hidden)]
    flows = sorted(diagnosis.flows, key=lambda flow: flow.is_whole)
    return DiagnosisView(
        tuple(shown),
        tuple(hidden),
        f"{format_times(len(hidden), 'more finding')}" if hidden else "",
        tuple(flow_view(flow, address) for flow in flows[:MAX_FLOWS]),
        f"and {format_times(len(flows) - MAX_FLOWS, 'more flow')}" if len(flows) > MAX_FLOWS else "",
        note,
    )


def row_flow(flows: tuple[Flow, ...]) -> RowFlow | None:
    """The first flow that broke, else the first."""
    if not flows:
        return None
    flow = next((flow for flow in flows if not flow.is_whole), flows[0])
    marks = "".join(STATE_MARKS[step.state] for step in flow.steps)
    steps = ", ".join(f"{step.name} {STATE_WORDS[step.state]}" for step in flow.steps)
    more = f" And {format_times(len(flows) - 1, 'more flow')}." if len(flows) > 1 else ""
    return RowFlow(flow.name, marks, broke_words(flow), f"{flow.name}: {steps}.{more}")


def flow_view(flow: Flow, address: TraceAddress) -> FlowView:
    return FlowView(flow.name, tuple(_step(step, address) for step in flow.steps), broke_words(flow))


def _finding(finding: Finding, address: TraceAddress, names: Mapping[str, str], similar: Similar) -> FindingView:
    shown = finding.evidence[:MAX_EVIDENCE]
    more = len(finding.evidence) - len(shown)
    return FindingView(
        badge=Badge(RULE_WORDS[finding.rule], finding_tone(finding), finding.rule),
        sentence=finding.sentence,
        evidence=tuple(_numbered([_evidence(one, address, names) for one in shown])),
        more=f"+{more}" if more else "",
        similar=similar,
        next_step=finding.next_step,
        limits=limits_words(finding.thresholds),
        filter_href=traces_href(finding=finding.rule),
    )


def _numbered(links: Sequence[EvidenceLink]) -> Iterator[EvidenceLink]:
    """Of several spans with one name only the first is named."""
    counts: Counter[str] = Counter()
    for link in links:
        counts[link.words] += 1
        yield link if counts[link.words] == 1 else replace(link, words=f"#{counts[link.words]}")


def _evidence(evidence: Evidence, address: TraceAddress, names: Mapping[str, str]) -> EvidenceLink:
    if evidence.trace_id != address.trace_id:
        there = TraceAddress(evidence.trace_id, spans=(evidence.span_id,) if evidence.span_id else ())
        return EvidenceLink(f"trace {evidence.trace_id[:8]}", there.href)
    if not evidence.span_id:
        return EvidenceLink("the whole trace", _showing(address, "").href)
    return EvidenceLink(names.get(evidence.span_id, evidence.span_id), _showing(address, evidence.span_id).href)


def _showing(address: TraceAddress, span_id: str) -> TraceAddress:
    spans = (span_id,) if span_id else ()
    return replace(TraceAddress(address.trace_id, address.outer, view=View.WATERFALL), spans=spans)


def _similar(finding: Finding, trace_id: str, alike: Alike, now_ns: int) -> Similar:
    since_ns, until_ns, when = _around(finding, now_ns)
    return _others(finding, alike(finding.fingerprint, since_ns, until_ns) - 1, "similar", since_ns, until_ns, when)


def people_alike(finding: Finding, people: Alike, now_ns: int) -> Similar:
    """Of what was found over several traces of a person: how many others have it."""
    since_ns, until_ns, when = _around(finding, now_ns)
    count = people(finding.fingerprint, since_ns, until_ns) - 1
    return _others(finding, count, "other user" if count == 1 else "other users", since_ns, until_ns, when)


def _around(finding: Finding, now_ns: int) -> tuple[int, int, str]:
    """The hour up to now, or that around a finding of the past."""
    if now_ns - HOUR_NS <= finding.time_ns <= now_ns:
        return max(0, now_ns - HOUR_NS), now_ns, "in the last hour"
    return max(0, finding.time_ns - HOUR_NS // 2), finding.time_ns + HOUR_NS // 2, "within half an hour"


def _others(finding: Finding, count: int, noun: str, since_ns: int, until_ns: int, when: str) -> Similar:
    if count < 1:
        return Similar("", "")
    href = traces_href(finding=finding.rule, since=format_rfc3339(since_ns), until=format_rfc3339(until_ns))
    return Similar(f"{count:,} {noun} {when}", href)


def _step(step: Step, address: TraceAddress) -> StepView:
    took = format_duration(step.duration_ns) if step.duration_ns else ""
    title = f"{step.name}: {STATE_WORDS[step.state]}{f', {took}' if took else ''}"
    href = _showing(address, step.span_id).href if step.span_id else ""
    return StepView(step.name, step.state.value, took, href, title)
