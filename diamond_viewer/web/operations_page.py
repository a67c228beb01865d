"""OperationsPage: what requests, jobs and database statements take, and where the time goes."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import Health
from diamond_viewer.telemetry.reach import is_all
from diamond_viewer.telemetry.tallies import (
    SERIES_BUCKETS,
    Operations,
    OperationTally,
    StatementTally,
)
from diamond_viewer.telemetry.units import (
    format_count,
    format_duration,
    format_rate,
    format_rfc3339,
    format_share,
    format_times,
)
from diamond_viewer.web.address import Address
from diamond_viewer.web.busy_time import is_spread
from diamond_viewer.web.elsewhere import Elsewhere, elsewhere
from diamond_viewer.web.errors_page import partial_words
from diamond_viewer.web.filter_form import FilterForm, filter_form
from diamond_viewer.web.heatmap import Heatmap, duration_term, heatmap
from diamond_viewer.web.horizon import beyond_memory
from diamond_viewer.web.sparkline import Sparkline, sparkline
from diamond_viewer.web.stats_strip import previous_window
from diamond_viewer.web.status import Status, status_of
from diamond_viewer.web.tally_links import failed_calls_href, operation_href, statement_href, took_href

OPERATIONS_PATH = "/operations"
OWN = ("by", "db", "heat")
MAX_ROWS = 200
SLOWER_TIMES, SLOWER_COUNT = 1.5, 5  # p95 against the window before, and calls in each of them

T = TypeVar("T", OperationTally, StatementTally)
Columns = Mapping[str, tuple[str, str, Callable[[T], float]]]  # name -> heading, what it says, what is sorted by

OPERATION_COLUMNS: Columns[OperationTally] = {
    "count": ("Calls", "how often it ran", lambda tally: tally.count),
    "errors": (
        "Failed",
        "failed calls: the request's or job's own span has an error; one further down that was caught does not count",
        lambda tally: tally.error_count,
    ),
    "p50": ("p50", "half of the calls take longer", lambda tally: tally.p50_ns),
    "p95": ("p95", "one call in twenty takes longer", lambda tally: tally.p95_ns),
    "p99": ("p99", "one call in a hundred takes longer", lambda tally: tally.p99_ns),
    "total": ("Total", "all calls together", lambda tally: tally.total_ns),
    "repeated": (
        "Again",
        "calls within a second of the same call of the same user for the same lesson; what they sent may differ",
        lambda tally: tally.repeated_calls,
    ),
}
STATEMENT_COLUMNS: Columns[StatementTally] = {
    "count": ("Queries", "how often it ran; Prisma's span and the driver's count once", lambda tally: tally.count),
    "slow": ("> 100 ms", "how often the database took longer than 100 ms", lambda tally: tally.slow_count),
    "p50": ("p50", "half of the queries take longer", lambda tally: tally.p50_ns),
    "p95": ("p95", "one query in twenty takes longer", lambda tally: tally.p95_ns),
    "longest": ("Longest", "the longest query", lambda tally: tally.longest_ns),
    "total": ("Total", "all queries together", lambda tally: tally.total_ns),
    "repeats": (
        "N+1",
        "how often one caller ran it at least 5 times for 50 ms or more, or at least 8 times; and the most times",
        lambda tally: tally.n_plus_one * 1_000_000 + tally.most_repeats,
    ),
}


@dataclass(frozen=True, slots=True)
class Heading:
    label: str
    title: str
    href: str
    is_set: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """``label`` is the heading, for where there is none; ``tone`` is error | slow or empty; ``note`` stands below."""

    label: str
    value: str
    note: str = ""
    tone: str = ""
    href: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class TallyRow:
    """``badge`` is new | slower or empty."""

    name: str
    kind: str
    where: str
    href: str
    cells: tuple[Cell, ...]
    trend: Sparkline
    badge: str
    badge_title: str
    heat_href: str = ""  # shows this one alone in the heatmap, or all again when ``is_shown`` there
    is_shown: bool = False


@dataclass(frozen=True, slots=True)
class TallyTable:
    headings: tuple[Heading, ...]
    rows: tuple[TallyRow, ...]
    words: str


@dataclass(frozen=True, slots=True)
class OperationList:
    heat: Heatmap | None
    operations: TallyTable
    statements: TallyTable
    partial: str
    clear_href: str
    elsewhere: tuple[Elsewhere, ...]
    is_complete: bool
    is_indexing: bool


@dataclass(frozen=True, slots=True)
class OperationsPage:
    address: Address
    status: Status
    form: FilterForm
    list: OperationList
    notices: tuple[str, ...]
    title: str = "Operations"

    @property
    def href(self) -> str:
        return self.address.href


def operations_page(store: TraceStore, args: Iterable[tuple[str, str]], now_ns: int) -> OperationsPage:
    pairs = list(args)
    address, notices = Address.from_args(pairs, now_ns, OPERATIONS_PATH, OWN)
    typed = next((value.strip() for name, value in reversed(pairs) if name == "q" and value.strip()), "")
    form = filter_form(address, store, now_ns, typed)
    if form.search.mistake:  # said below the box, where it is
        notices = tuple(notice for notice in notices if not notice.endswith(form.search.mistake.sentence))
    health = store.health()
    return OperationsPage(
        address,
        status_of(health.feed, now_ns),
        form,
        operation_list(store, address, health, now_ns),
        notices + beyond_memory(health, address.query, now_ns),
    )


def operation_list(store: TraceStore, address: Address, health: Health, now_ns: int) -> OperationList:
    found = store.operations(address.query, now_ns, MAX_ROWS)
    before = previous_window(address.query, now_ns)
    earlier = store.operations(before, now_ns, MAX_ROWS) if before is not None and is_all(found) else None
    past = earlier if earlier is not None and is_all(earlier) else None
    known = {tally.key: tally for tally in past.operations} if past else {}
    known_statements = {(tally.system, tally.statement): tally for tally in past.statements} if past else {}
    # what is not among the 200 that took most time then may have run all the same
    tells_new = past is not None and 0 < past.operation_count == len(known)
    tells_new_statements = past is not None and 0 < past.statement_count == len(known_statements)
    # one old job must not make all others look rare
    counted_ns = SERIES_BUCKETS * found.width_ns if is_spread(address.query, store, now_ns) else 0
    by, headings = _headings(address, "by", OPERATION_COLUMNS)
    db, db_headings = _headings(address, "db", STATEMENT_COLUMNS)
    operations = sorted(found.operations, key=lambda tally: (-OPERATION_COLUMNS[by][2](tally), tally.key))
    statements = sorted(found.statements, key=lambda tally: (-STATEMENT_COLUMNS[db][2](tally), tally.statement))
    return OperationList(
        _heat(address, found, now_ns),
        TallyTable(
            headings,
            tuple(
                _operation(address, tally, found, counted_ns, known.get(tally.key), tells_new) for tally in operations
            ),
            _words(len(operations), found.operation_count, "operation"),
        ),
        TallyTable(
            db_headings,
            tuple(
                _statement(
                    address,
                    tally,
                    found,
                    known_statements.get((tally.system, tally.statement)),
                    tells_new_statements,
                )
                for tally in statements
            ),
            _words(len(statements), found.statement_count, "database statement"),
        ),
        partial_words(found.is_complete, found.scanned_to_ns),
        OPERATIONS_PATH if address.query.set_filters else "",
        () if operations else elsewhere(store, address, address.query, now_ns),
        found.is_complete,
        not health.feed.ready,
    )


def _heat(address: Address, found: Operations, now_ns: int) -> Heatmap | None:
    """Of the operation that the address names, else of all."""
    chosen = next((tally for tally in found.operations if tally.key.fingerprint == address.own("heat")), None)

    def href(since_ns: int, until_ns: int, low_ns: int, high_ns: int) -> str:
        since, until = format_rfc3339(since_ns), format_rfc3339(until_ns)
        within = replace(address, query=address.query.with_values("since", since).with_values("until", until))
        return took_href(within, chosen.key if chosen else None, duration_term(low_ns, high_ns))

    title = (chosen.key.operation or "(no name)") if chosen else "All operations"
    all_href = address.with_own("heat", "") if chosen else ""
    heat = chosen.heat if chosen else found.heat
    return heatmap(heat, found.start_ns, found.width_ns, now_ns, href, title, all_href)


def _headings(address: Address, own: str, columns: Columns[T]) -> tuple[str, tuple[Heading, ...]]:
    chosen = address.own(own) if address.own(own) in columns else "total"
    return chosen, tuple(
        Heading(label, f"{title}; sort by it", address.with_own(own, "" if name == "total" else name), name == chosen)
        for name, (label, title, _) in columns.items()
    )


def _words(shown: int, count: int, noun: str) -> str:
    return format_times(count, noun) if shown == count else f"{shown:,} of {count:,} {noun}s, those that took most time"


def _operation(
    address: Address,
    tally: OperationTally,
    found: Operations,
    counted_ns: int,
    before: OperationTally | None,
    tells_new: bool,
) -> TallyRow:
    """``counted_ns`` is what a rate is counted over; 0 for none."""
    key = tally.key
    labels = [label for label, _, _ in OPERATION_COLUMNS.values()]
    rate = format_rate(tally.count, counted_ns)
    change = _change(before.p95_ns, tally.p95_ns) if before else ""
    badge, why = _badge(tally, before, tells_new)
    is_shown = address.own("heat") == key.fingerprint
    failed_href = failed_calls_href(address, key) if tally.error_count else ""
    share = f"{format_count(tally.error_count)}" if tally.error_count else ""
    cells = (
        Cell(labels[0], format_count(tally.count), rate),
        Cell(labels[1], format_share(tally.error_count, tally.count), share, "error" if share else "", failed_href),
        Cell(labels[2], format_duration(tally.p50_ns)),
        Cell(labels[3], format_duration(tally.p95_ns), change, title=_against(change)),
        Cell(labels[4], format_duration(tally.p99_ns)),
        Cell(labels[5], format_duration(tally.total_ns)),
        Cell(labels[6], format_count(tally.repeated_calls) if tally.repeated_calls else "–"),
    )
    return TallyRow(
        key.operation or "(no name)",
        key.kind,
        key.service,
        operation_href(address, key),
        cells,
        sparkline(tally.series, found.start_ns, found.width_ns),
        badge,
        why,
        address.with_own("heat", "" if is_shown else key.fingerprint) if tally.heat else "",
        is_shown,
    )


def _badge(tally: T, before: T | None, tells_new: bool) -> tuple[str, str]:
    if before is None:
        return ("new", "did not run in the window of the same length before") if tells_new else ("", "")
    is_slower = tally.p95_ns > SLOWER_TIMES * before.p95_ns and min(tally.count, before.count) >= SLOWER_COUNT
    return ("slower", f"p95 was {format_duration(before.p95_ns)} in the window before") if is_slower else ("", "")


def _change(before_ns: int, now_ns: int) -> str:
    """How a percentile moved.

    >>> _change(100, 150), _change(100, 96), _change(100, 102), _change(0, 5)
    ('▲ 50 %', '▼ 4 %', '± 2 %', '')
    """
    if not before_ns:
        return ""
    percent = 100 * (now_ns - before_ns) / before_ns
    return f"{'±' if abs(percent) < 3 else '▲' if percent > 0 else '▼'} {abs(percent):,.0f} %"


def _against(change: str) -> str:
    return f"{change} against the window before" if change else ""


def _statement(
    address: Address, tally: StatementTally, found: Operations, before: StatementTally | None, tells_new: bool
) -> TallyRow:
    labels = [label for label, _, _ in STATEMENT_COLUMNS.values()]
    slow_href = statement_href(address, tally, slow=True) if tally.slow_count else ""
    most = f"at most ×{tally.most_repeats:,}" if tally.n_plus_one else ""
    change = _change(before.p95_ns, tally.p95_ns) if before else ""
    badge, why = _badge(tally, before, tells_new)
    cells = (
        Cell(labels[0], format_count(tally.count), format_times(tally.traces, "trace")),
        Cell(
            labels[1],
            format_count(tally.slow_count) if tally.slow_count else "–",
            "",
            "slow" if slow_href else "",
            slow_href,
        ),
        Cell(labels[2], format_duration(tally.p50_ns)),
        Cell(labels[3], format_duration(tally.p95_ns), change, title=_against(change)),
        Cell(labels[4], format_duration(tally.longest_ns)),
        Cell(labels[5], format_duration(tally.total_ns)),
        Cell(labels[6], format_count(tally.n_plus_one) if tally.n_plus_one else "–", most, "slow" if most else ""),
    )
    return TallyRow(
        tally.statement,
        "",
        tally.system,
        statement_href(address, tally),
        cells,
        sparkline(tally.series, found.start_ns, found.width_ns),
        badge,
        why,
    )
