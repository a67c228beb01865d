"""DiagnosedTrace: what the rules say of an opened trace and of its people around it; and the same as Markdown."""

from collections.abc import Mapping
from dataclasses import dataclass

from diamond_viewer.diagnosis.diagnose import MAX_EXAMINED_SPANS, Diagnosis
from diamond_viewer.diagnosis.finding import Finding, in_order
from diamond_viewer.diagnosis.wording import findings_markdown, not_examined_words
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import TraceSummary
from diamond_viewer.telemetry.units import NS_PER_SECOND
from diamond_viewer.trace.outline import outline_facts
from diamond_viewer.web.trace_list import UNNAMED
from diamond_viewer.web.trace_shelf import Reading

MAX_JOURNEYS = 2  # people of one trace
HALF_AN_HOUR_NS = 1800 * NS_PER_SECOND


@dataclass(frozen=True, slots=True)
class DiagnosedTrace:
    """``diagnosis`` is None for a trace that was not examined, and ``note`` then says why.

    ``journey`` is what was found over several traces of its people, this one among them. ``names`` of spans by their ids,
    empty when nothing was found.
    """

    diagnosis: Diagnosis | None
    journey: tuple[Finding, ...]
    names: Mapping[str, str]
    note: str


def diagnosed(store: TraceStore, reading: Reading) -> DiagnosedTrace:
    summary = reading.trace.summary
    known = store.diagnoses([summary.trace_id], MAX_EXAMINED_SPANS).get(summary.trace_id)
    since_ns, until_ns = journey_around(summary)
    ways = [store.journey(user, since_ns, until_ns) for user in summary.user_ids[:MAX_JOURNEYS]]
    around = [
        *(known.journey if known else ()),
        *(one for way in ways for one in way if summary.trace_id in one.trace_ids),
    ]
    alike = {(one.rule, one.trace_ids): one for one in around[::-1]}  # of the whole visit, or of what lies around
    concerning = in_order(alike.values())
    found = concerning or (known and known.findings)
    names = {span.span_id: span.name for span in reading.trace.spans} if found else {}
    return DiagnosedTrace(known, concerning, names, not_examined_words(summary.span_count) if known is None else "")


def trace_markdown(found: DiagnosedTrace, reading: Reading, href: str) -> str:
    """For a ticket; ``href`` is the trace's page."""
    known = found.diagnosis or Diagnosis()
    summary = reading.trace.summary
    return findings_markdown(
        (*known.findings, *found.journey),
        known.flows,
        found.names,
        title=summary.name or UNNAMED,
        facts=outline_facts(summary),
        href=href,
        note=found.note,
    )


def journey_around(summary: TraceSummary) -> tuple[int, int]:
    """The window in which a person's other traces belong to this one: half an hour before and after."""
    return max(0, summary.start_ns - HALF_AN_HOUR_NS), summary.start_ns + summary.duration_ns + HALF_AN_HOUR_NS
