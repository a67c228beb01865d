"""TraceList: the rows of a page of traces, and the ways to the other pages."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from diamond_viewer.diagnosis.diagnose import Diagnosis
from diamond_viewer.query.query import Anchor, Query
from diamond_viewer.query.sorting import DEFAULT_ORDER, ORDERS
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import Page, TraceSummary
from diamond_viewer.telemetry.units import (
    NS_PER_MS,
    format_clock,
    format_count,
    format_day,
    format_duration,
    format_rfc3339,
    format_times,
    is_today,
)
from diamond_viewer.web.address import Address
from diamond_viewer.web.badges import MAX_SHORT, Badge, badges_of, edge_tone, shown_badges
from diamond_viewer.web.diagnosis_view import RowFlow, row_flow
from diamond_viewer.web.elsewhere import Elsewhere, elsewhere
from diamond_viewer.web.list_columns import cells, column_label
from diamond_viewer.web.matched import MAX_ROWS, Matched, asked_of_spans, matched, not_said_by_row

UNNAMED = "(no name)"
DIAGNOSED_SPANS = 3_000  # decoded in full for one page of the list, at most: about 80 ms, and kept
NOTHING_KNOWN = Diagnosis()


@dataclass(frozen=True, slots=True)
class Carried:
    """A user or a lesson of a trace: a link that filters by it, and how many more there are."""

    value: str
    href: str
    more: str
    title: str


@dataclass(frozen=True, slots=True)
class Row:
    """``anchor`` is the row's place in the list; ``held`` changes when the trace has grown; ``edge`` is a tone."""

    trace_id: str
    href: str
    anchor: str
    held: str
    clock: str
    day: str
    time_title: str
    name: str
    status: str
    service: str
    has_short_service: bool
    spans: str
    badges: tuple[Badge, ...]
    hidden_badges: str
    badge_title: str
    user: Carried | None
    lesson: Carried | None
    duration: str
    bar_percent: str
    edge: str
    is_open: bool
    matched: tuple[Matched, ...]
    cells: tuple[str, ...]
    flow: RowFlow | None


@dataclass(frozen=True, slots=True)
class OrderLink:
    label: str
    title: str
    href: str
    is_set: bool


@dataclass(frozen=True, slots=True)
class TraceList:
    """``empty`` is none | nothing-matches | nothing-yet: which empty state to show, if any.

    ``is_complete`` is False while stored lines have not been looked through: ``searched_back`` says how far one has, or how
    far such a question looks at most.
    """

    rows: tuple[Row, ...]
    anchor: str
    shown: str
    total: str
    first_page_href: str
    newer: str
    newer_href: str
    previous_href: str
    next_href: str
    page: str
    page_count: str
    longest: str
    empty: str
    is_searched: bool  # so that a reader whose words are in nothing learns what can be searched for
    clear_href: str
    elsewhere: tuple[Elsewhere, ...]  # where there would be some, when nothing matches
    is_complete: bool
    searched_back: str
    go_on_href: str
    orders: tuple[OrderLink, ...]
    columns: tuple[str, ...]  # heads of what the reader has added
    exports: tuple[tuple[str, str], ...]  # name of the format, where it is


EXPORTS = (("CSV", "csv"), ("NDJSON", "ndjson"), ("OTLP", "otlp"))


def export_href(query: Query, name: str) -> str:
    """Everything that matches, as a file.

    >>> export_href(Query((("user", "a b"),), limit=20, page=3), "csv")
    '/api/export?user=a+b&format=csv'
    """
    return f"/api/export?{Query(query.set_filters, sort=query.sort).to_args(format=name)}"


def trace_list(address: Address, store: TraceStore, now_ns: int, *, is_refresh: bool = False) -> TraceList:
    """``is_refresh``: a page that is open already is brought up to date. What has just come in is then not diagnosed before it
    has come to rest: it would be said of half a trace, and again with each part of it, for every list that is open."""
    query = _anchored(address.query, store, now_ns)
    page = store.search(query, now_ns)
    listed = page.total - page.newer
    page_count = max(1, math.ceil(listed / query.limit))
    if not page.traces and query.page > 1 and listed:  # the list became shorter than the page in the URL
        query = replace(query, page=page_count)
        page = store.search(query, now_ns)
    is_newest_first = query.sort == DEFAULT_ORDER
    top = _anchor_of(page) if is_newest_first else _newest(query, store, now_ns)
    anchor = query.anchor if query.page > 1 else top
    longest_ns = max((summary.duration_ns for summary in page.traces), default=0)
    shows_day = not is_today(now_ns, *(summary.start_ns for summary in page.traces))
    conditions = asked_of_spans(query, now_ns)
    looked_for = [not_said_by_row(conditions, one) if place < MAX_ROWS else () for place, one in enumerate(page.traces)]
    held = [held_of(one) for one in page.traces]
    reasons = matched(store, list(zip(page.traces, held, looked_for, strict=True)))
    added = cells(store, list(zip(page.traces, held, strict=True)), address.columns)
    known = _diagnoses(store, page.traces, is_refresh)
    links = _Links(address)
    return TraceList(
        rows=tuple(
            _row(summary, links, longest_ns, shows_day, why, more, known.get(summary.trace_id, NOTHING_KNOWN))
            for summary, why, more in zip(page.traces, reasons, added, strict=True)
        ),
        anchor=str(anchor or ""),
        shown=_shown(query, page, listed),
        total=format_times(page.total, "trace"),
        first_page_href=address.on_page(1, None) if query.page > 1 else "",
        newer=format_times(page.newer, "new trace") if page.newer else "",
        newer_href=address.newest(),
        previous_href=address.on_page(query.page - 1, anchor) if query.page > 1 else "",
        next_href=address.on_page(query.page + 1, anchor) if query.page < page_count and page.traces else "",
        page=format_count(query.page),
        page_count=format_count(page_count),
        longest=format_duration(longest_ns),
        empty=_empty(page, query),
        is_searched=any(name == "q" for name, _ in query.set_filters),
        elsewhere=elsewhere(store, address, address.query, now_ns) if query.set_filters and not page.total else (),
        clear_href=replace(address, query=Query(limit=query.limit, sort=query.sort)).href,
        is_complete=page.is_complete,
        searched_back=_searched_back(page.scanned_to_ns) if page.scanned_to_ns or not page.is_complete else "",
        go_on_href=address.href,
        orders=tuple(
            OrderLink(order.label, order.sentence, address.sorted_by(order.name), order.name == query.sort)
            for order in ORDERS
        ),
        columns=tuple(column_label(name) for name in address.columns),
        exports=tuple((label, export_href(address.query, name)) for label, name in EXPORTS),
    )


def _diagnoses(store: TraceStore, traces: Sequence[TraceSummary], is_refresh: bool) -> dict[str, Diagnosis]:
    growing = [one.trace_id for one in traces if is_refresh and one.awaits_examination]
    others = [one.trace_id for one in traces if not (is_refresh and one.awaits_examination)]
    known = store.diagnoses(others, DIAGNOSED_SPANS)
    return known | store.diagnoses(growing, 0) if growing else known


def new_count(query: Query, store: TraceStore, now_ns: int) -> int:
    """How many matches lie above the query's anchor: all of them when there was nothing to anchor to."""
    page = store.search(replace(query, page=1, limit=1), now_ns)
    return page.newer if query.anchor is not None else page.total


def held_of(summary: TraceSummary) -> str:
    """Changes whenever a trace has grown or more was found in it, so that an opened one is sent again only then."""
    attached = f".{summary.log_count}.{summary.backlink_count}" if summary.log_count or summary.backlink_count else ""
    findings = len(summary.findings) + len(summary.findings_together)
    found = f".f{findings}" if findings else ""
    return f"{summary.span_count}.{summary.error_count}.{summary.event_count}.{summary.duration_ns}{attached}{found}"


def bar_percent(duration_ns: int, longest_ns: int) -> float:
    """A duration's bar beside the longest of the page, on a logarithmic scale from 1 ms: 0 to 100.

    Linear, one trace of a minute would leave all others without a bar.

    >>> [round(bar_percent(ms * NS_PER_MS, 6210 * NS_PER_MS)) for ms in (0, 1, 38, 612, 6210)]
    [1, 8, 42, 73, 100]
    """
    longest = math.log1p(longest_ns / NS_PER_MS)
    return max(1.0, 100 * math.log1p(duration_ns / NS_PER_MS) / longest) if longest else 1.0


def status_words(summary: TraceSummary) -> str:
    return str(summary.http_status) if summary.http_status else summary.status


def _anchored(query: Query, store: TraceStore, now_ns: int) -> Query:
    """Page 2 and on is counted from a fixed place, or each new trace would push a row from one page to the next."""
    if query.page == 1 or query.anchor is not None:
        return query
    return replace(query, anchor=_newest(query, store, now_ns))


def _newest(query: Query, store: TraceStore, now_ns: int) -> Anchor | None:
    """The newest match at or below the query's anchor, whatever the list is sorted by."""
    return _anchor_of(store.search(replace(query, page=1, limit=1, sort=DEFAULT_ORDER), now_ns))


def _anchor_of(page: Page) -> Anchor | None:
    return Anchor(page.traces[0].start_ns, page.traces[0].trace_id) if page.traces else None


def _row(
    summary: TraceSummary,
    links: "_Links",
    longest_ns: int,
    shows_day: bool,
    reasons: tuple[Matched, ...],
    added: tuple[str, ...],
    diagnosis: Diagnosis,
) -> Row:
    badges = badges_of(summary, (*diagnosis.findings, *diagnosis.journey))
    shown, hidden_count = shown_badges(badges)
    service = summary.service + (f" +{len(summary.services) - 1}" if len(summary.services) > 1 else "")
    return Row(
        trace_id=summary.trace_id,
        href=links.opening(summary.trace_id),
        anchor=str(Anchor(summary.start_ns, summary.trace_id)),
        held=held_of(summary),
        clock=format_clock(summary.start_ns),
        day=format_day(summary.start_ns) if shows_day else "",
        time_title=format_rfc3339(summary.start_ns),
        name=summary.name or UNNAMED,
        status=status_words(summary),
        service=service,
        has_short_service=len(service) <= MAX_SHORT,
        spans=format_times(summary.span_count, "span"),
        badges=shown,
        hidden_badges=f"+{hidden_count}" if hidden_count else "",
        badge_title=", ".join(badge.words for badge in badges[len(shown) :]),
        user=_carried(links, "user", summary.user_ids),
        lesson=_carried(links, "lesson", summary.lesson_ids),
        duration=format_duration(summary.duration_ns),
        bar_percent=f"{bar_percent(summary.duration_ns, longest_ns):.1f}%",
        edge=edge_tone(summary.flags),
        is_open=summary.trace_id == links.address.trace_id,
        matched=reasons,
        cells=added,
        flow=row_flow(diagnosis.flows),
    )


class _Links:
    """The links of a page's rows: most of them say what others say as well."""

    def __init__(self, address: Address) -> None:
        self.address, self.opening = address, address.openings()
        self._filtered: dict[tuple[str, str], str] = {}

    def filtered(self, parameter: str, value: str) -> str:
        href = self._filtered.get((parameter, value))
        if href is None:
            href = self._filtered[parameter, value] = self.address.filtered(parameter, value)
        return href


def _carried(links: _Links, parameter: str, values: tuple[str, ...]) -> Carried | None:
    """The value that is filtered by comes first: a row must say why it is there."""
    if not values:
        return None
    asked = links.address.query.value(parameter)
    value = asked if asked in values else values[0]
    others = [other for other in values if other != value]
    more = f"+{len(others)}" if others else ""
    title = f"{parameter} {value}" + (f", also {', '.join(others[:20])}" if others else "")
    return Carried(value, links.filtered(parameter, value), more, f"{title}: show only this {parameter}")


def _shown(query: Query, page: Page, listed: int) -> str:
    """ "50 of 1,204", or on a later page "51–100 of 1,204"."""
    if query.page == 1:
        return f"{format_count(len(page.traces))} of {format_count(page.total)}"
    first = (query.page - 1) * query.limit + 1
    return f"{format_count(first)}–{format_count(first - 1 + len(page.traces))} of {format_count(listed)}"


def _searched_back(scanned_to_ns: int) -> str:
    """
    >>> _searched_back(1_795_358_303_433_000_000)
    'Searched back to 2026-11-22 14:38:23'
    """
    return f"Searched back to {format_day(scanned_to_ns)} {format_clock(scanned_to_ns)[:8]}"


def _empty(page: Page, query: Query) -> str:
    if page.traces:
        return "none"
    return "nothing-matches" if query.set_filters else "nothing-yet"
