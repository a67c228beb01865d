"""TracesPage: everything ``/trace-viewer.html`` shows, ready to print."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import Health
from diamond_viewer.web.address import Address
from diamond_viewer.web.busy_time import busy_time
from diamond_viewer.web.connect_page import collector_settings, live_path
from diamond_viewer.web.facet_panel import FacetPanel, facet_panel
from diamond_viewer.web.filter_form import FilterForm, caption, filter_form
from diamond_viewer.web.histogram import HistogramChart, histogram_chart
from diamond_viewer.web.horizon import beyond_memory
from diamond_viewer.web.missing import missing_trace
from diamond_viewer.web.opened_trace import OpenedTrace, TraceDesk, opened_trace
from diamond_viewer.web.stats_strip import StatsStrip, stats_strip
from diamond_viewer.web.status import Status, has_nothing_to_read, reasons, status_of, waiting_for
from diamond_viewer.web.trace_address import TraceAddress
from diamond_viewer.web.trace_list import TraceList, trace_list


@dataclass(frozen=True, slots=True)
class LiveTraces:
    """What a poll refreshes beside the status: the figures and the list.

    ``has_no_source``: there is nothing to read, and ``waiting_for`` (paths) and ``reasons`` (sentences) say why;
    ``collector`` is what to paste so that there is.
    """

    strip: StatsStrip
    chart: HistogramChart
    list: TraceList
    has_no_source: bool
    facets: FacetPanel
    waiting_for: tuple[str, ...]
    reasons: tuple[str, ...]
    collector: str
    is_indexing: bool


@dataclass(frozen=True, slots=True)
class TracesPage:
    """``missing`` says why the trace in the URL cannot be shown; ``opened`` is then None, as it is without a trace.

    ``title`` is what the tab is called.
    """

    address: Address
    status: Status
    form: FilterForm
    live: LiveTraces
    opened: OpenedTrace | None
    missing: str
    notices: tuple[str, ...]

    @property
    def title(self) -> str:
        return page_title(self.address, self.opened)

    @property
    def href(self) -> str:
        """The page's URL, with a search that cannot be understood as well: a reload shows it again."""
        href = self.address.href
        if not self.form.search.mistake:
            return href
        return f"{href}{'&' if '?' in href else '?'}{urlencode({'q': self.form.search.text})}"


def traces_page(store: TraceStore, desk: TraceDesk, args: Iterable[tuple[str, str]], now_ns: int) -> TracesPage:
    pairs = list(args)
    address, notices = Address.from_args(pairs, now_ns)
    typed = next((value.strip() for name, value in reversed(pairs) if name == "q" and value.strip()), "")
    form = filter_form(address, store, now_ns, typed)
    if form.search.mistake:  # said below the box, where it is
        notices = tuple(notice for notice in notices if not notice.endswith(form.search.mistake.sentence))
    health = store.health()
    opened, missing = opened_beside(store, desk, address, pairs, now_ns)
    return TracesPage(
        address=address,
        status=status_of(health.feed, now_ns),
        form=form,
        live=live_traces(store, address, health, now_ns),
        opened=opened,
        missing=missing,
        notices=notices + beyond_memory(health, address.query, now_ns),
    )


def live_traces(
    store: TraceStore, address: Address, health: Health, now_ns: int, *, is_refresh: bool = False
) -> LiveTraces:
    listed = trace_list(
        address, store, now_ns, is_refresh=is_refresh
    )  # first: it looks furthest back, and the figures count what it found
    stats = store.stats(address.query, now_ns)  # before the histogram: it looks further back
    busy = busy_time(address.query, store, now_ns)
    return LiveTraces(
        strip=stats_strip(address, store, stats, busy, now_ns),
        chart=histogram_chart(address, store, busy, now_ns),
        list=listed,
        facets=facet_panel(address, store, now_ns),
        has_no_source=has_nothing_to_read(health.feed),
        waiting_for=waiting_for(health.feed),
        reasons=reasons(health.feed),
        collector=collector_settings(live_path(health.feed)),
        is_indexing=not health.feed.ready,
    )


def page_title(address: Address, opened: OpenedTrace | None) -> str:
    """The opened trace's name, else what the list shows."""
    return opened.name if opened else caption(address.query)


def opened_beside(
    store: TraceStore, desk: TraceDesk, address: Address, args: Iterable[tuple[str, str]], now_ns: int
) -> tuple[OpenedTrace | None, str]:
    """The trace that the address opens, or why it cannot be shown."""
    if not address.trace_id:
        return None, ""
    reading = desk.read(address.trace_id)
    if reading is None:
        return None, missing_trace(store, address.trace_id, now_ns)
    inside = TraceAddress.from_args(address.trace_id, args, address.href)
    return opened_trace(desk, reading, inside, address), ""
