"""OpenedTrace: one trace, as the panel beside the list and as its own page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from diamond_viewer.telemetry.model import Resource, Scope, TraceSummary
from diamond_viewer.telemetry.otlp_json import encode_span
from diamond_viewer.telemetry.sketch import SpanSketch
from diamond_viewer.telemetry.units import (
    NS_PER_SECOND,
    format_clock,
    format_day,
    format_duration,
    format_rfc3339,
    format_times,
)
from diamond_viewer.web.address import Address, trace_href, trace_json_href, traces_href
from diamond_viewer.web.attributes import AttributeLine, attribute_lines
from diamond_viewer.web.badges import Badge, badges_of
from diamond_viewer.web.diagnosis_view import DiagnosisView
from diamond_viewer.web.journey_address import lesson_href, user_href
from diamond_viewer.web.story import Story, story_of
from diamond_viewer.web.trace_address import TraceAddress, View
from diamond_viewer.web.trace_list import UNNAMED, held_of, status_words
from diamond_viewer.web.trace_shelf import Reading
from diamond_viewer.web.trace_tables import (
    CompareView,
    FlameView,
    StatisticsView,
    compare_view,
    flame_view,
    statistics_view,
)
from diamond_viewer.web.value_links import ValueLinks
from diamond_viewer.web.waterfall_view import Choice, WaterfallView, waterfall_view

AROUND_NS = 300 * NS_PER_SECOND  # "this user ± 5 min"
MAX_PEOPLE = 3
MAX_RESOURCES = 20
RESOURCE_SPANS = 500  # looked at for the resources below the waterfall
MAX_JSON = 120_000  # characters of raw JSON in the page

VIEW_WORDS = {
    View.WATERFALL: "Waterfall",
    View.STATISTICS: "Statistics",
    View.FLAME: "Flame graph",
    View.JSON: "JSON",
    View.COMPARE: "Compare",
}

Similar = Callable[[TraceSummary], Sequence[TraceSummary]]
Read = Callable[[str], Reading | None]
Diagnose = Callable[[Reading, TraceAddress], DiagnosisView]


@dataclass(frozen=True, slots=True)
class Shortcut:
    href: str
    words: str
    title: str


@dataclass(frozen=True, slots=True)
class ResourceBlock:
    """A resource that spans of this trace share, and the scopes that made them."""

    service: str
    spans: str
    attributes: tuple[AttributeLine, ...]
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JsonView:
    """``cut`` says how much is missing, if anything."""

    text: str
    cut: str


@dataclass(frozen=True, slots=True)
class Exports:
    """Where the trace can be had as something else."""

    findings_href: str
    text_href: str
    markdown_href: str
    json_href: str
    html_href: str


@dataclass(frozen=True, slots=True)
class OpenedTrace:
    """``held`` changes when the trace has grown; hrefs are empty where there is nowhere to go. Of the views one is set."""

    trace_id: str
    name: str
    status: str
    badges: tuple[Badge, ...]
    clock: str
    day: str
    time_title: str
    duration: str
    spans: str
    errors: str
    services: tuple[str, ...]
    around: tuple[Shortcut, ...]
    lessons: tuple[Shortcut, ...]
    page_href: str
    link_href: str
    json_href: str
    exports: Exports
    list_href: str
    close_href: str
    held: str
    views: tuple[Choice, ...]
    diagnosis: DiagnosisView
    waterfall: WaterfallView | None = None
    story: Story | None = None
    resources: tuple[ResourceBlock, ...] = ()
    statistics: StatisticsView | None = None
    flame: FlameView | None = None
    json: JsonView | None = None
    comparison: CompareView | None = None


@dataclass(frozen=True, slots=True)
class TraceDesk:
    """What opening a trace needs: ``read`` a trace by id, those ``similar`` to one, and what is wrong with it."""

    read: Read
    similar: Similar
    diagnose: Diagnose


def opened_trace(desk: TraceDesk, reading: Reading, address: TraceAddress, beside: Address | None) -> OpenedTrace:
    """``beside`` is the list's address when the trace opens beside it."""
    trace = reading.arranged(address.is_adjusted)
    summary = reading.trace.summary
    links = ValueLinks(beside or Address.from_args([("trace", summary.trace_id)], 0)[0])
    page = trace_href(summary.trace_id)
    opened = OpenedTrace(
        trace_id=summary.trace_id,
        name=summary.name or UNNAMED,
        status=status_words(summary),
        badges=badges_of(summary),
        clock=format_clock(summary.start_ns),
        day=format_day(summary.start_ns),
        time_title=format_rfc3339(summary.start_ns),
        duration=format_duration(summary.duration_ns),
        spans=format_times(summary.span_count, "span"),
        errors=format_times(summary.error_count, "failed span") if summary.error_count else "",
        services=summary.services,
        around=(
            *(_journey(user) for user in summary.user_ids[:MAX_PEOPLE]),
            *(_around(summary, user) for user in summary.user_ids[:MAX_PEOPLE]),
            _around_all(summary),
        ),
        lessons=tuple(
            Shortcut(lesson_href(lesson), lesson, f"who watched lesson {lesson}, and how well it played")
            for lesson in summary.lesson_ids[:MAX_PEOPLE]
        ),
        page_href=page,
        link_href=address.whole_page().href,
        json_href=trace_json_href(summary.trace_id),
        exports=Exports(
            f"{page}/findings.md",
            f"{page}/outline.txt",
            f"{page}/outline.md",
            f"{page}/download.json",
            f"{page}/offline.html",
        ),
        list_href=f"{traces_href()}?trace={summary.trace_id}" if beside is None else "",
        close_href=beside.closing() if beside is not None else "",
        held=held_of(summary),
        views=tuple(_choice(view, address) for view in View),
        diagnosis=desk.diagnose(reading, address),
    )
    if address.view is View.STATISTICS:
        return replace(opened, statistics=statistics_view(trace, address))
    if address.view is View.FLAME:
        return replace(opened, flame=flame_view(trace, address))
    if address.view is View.JSON:
        return replace(opened, json=_json(trace.spans))
    if address.view is View.COMPARE:
        return replace(opened, comparison=_comparison(desk, reading, address))
    return replace(
        opened,
        waterfall=waterfall_view(reading, address, links),
        story=story_of(trace, address, links),
        resources=_resources(trace.spans[:RESOURCE_SPANS], links),
    )


def _choice(view: View, address: TraceAddress) -> Choice:
    there = TraceAddress(address.trace_id, address.outer, view=view, is_adjusted=address.is_adjusted)
    return Choice(VIEW_WORDS[view], there.href, view is address.view)


def _comparison(desk: TraceDesk, reading: Reading, address: TraceAddress) -> CompareView:
    other = desk.read(address.other_id) if address.other_id else None
    missing = f"No trace {address.other_id} is held." if address.other_id and other is None else ""
    return compare_view(
        reading.trace, other.trace if other else None, address, desk.similar(reading.trace.summary), missing
    )


def _json(spans: Sequence[SpanSketch]) -> JsonView:
    """As much of the document as a page can bear, a span after the other in the order of the tree."""
    texts: list[str] = []
    length = 0
    for span in spans:
        texts.append(encode_span(span.whole()).decode())
        length += len(texts[-1])
        if length > MAX_JSON:
            break
    rest = len(spans) - len(texts)
    text = ",\n".join(texts)
    is_cut = rest > 0 or len(text) > MAX_JSON
    return JsonView(text[:MAX_JSON], f"{format_times(rest, 'more span')}, in the download" if is_cut else "")


def _journey(user: str) -> Shortcut:
    return Shortcut(user_href(user), f"Journey of {user}", f"everything that {user} did, as lanes and as a tale")


def _around(summary: TraceSummary, user: str) -> Shortcut:
    since_ns, until_ns = summary.start_ns - AROUND_NS, summary.start_ns + summary.duration_ns + AROUND_NS
    href = traces_href(
        user=user, since=format_rfc3339(since_ns), until=format_rfc3339(until_ns), trace=summary.trace_id
    )
    return Shortcut(href, f"{user} ± 5 min", f"what {user} did from 5 minutes before to 5 minutes after")


def _around_all(summary: TraceSummary) -> Shortcut:
    since_ns, until_ns = summary.start_ns - AROUND_NS, summary.start_ns + summary.duration_ns + AROUND_NS
    href = traces_href(since=format_rfc3339(since_ns), until=format_rfc3339(until_ns), trace=summary.trace_id)
    return Shortcut(href, "All ± 5 min", "every trace from 5 minutes before to 5 minutes after")


def _resources(spans: Sequence[SpanSketch], links: ValueLinks) -> tuple[ResourceBlock, ...]:
    """The distinct resources of these spans, most spans first."""
    members: list[tuple[Resource, list[Scope], list[SpanSketch]]] = []
    known: dict[int, int] = {}  # id of a resource -> its place; spans of one line share the object
    for span in spans:
        resource, scope = span.source.origin()
        place = known.get(id(resource))
        if place is None:
            place = next((at for at, (other, _, _) in enumerate(members) if other == resource), len(members))
            known[id(resource)] = place
            if place == len(members):
                members.append((resource, [], []))
        members[place][1].append(scope)
        members[place][2].append(span)
    members.sort(key=lambda member: -len(member[2]))
    return tuple(
        ResourceBlock(
            service=of[0].service,
            spans=format_times(len(of), "span"),
            attributes=attribute_lines(resource.attributes, links),
            scopes=tuple(dict.fromkeys(map(_scope_words, scopes)))[:MAX_RESOURCES],
        )
        for resource, scopes, of in members[:MAX_RESOURCES]
    )


def _scope_words(scope: Scope) -> str:
    return f"{scope.name or '(no name)'} {scope.version}".strip()
