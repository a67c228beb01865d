"""WaterfallView: the part of a trace's waterfall that one answer brings, and the ways to the rest."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from diamond_viewer.telemetry.units import format_times
from diamond_viewer.trace.arranged import Arranged
from diamond_viewer.trace.notes import notes
from diamond_viewer.trace.shown import Folding, Shown, is_plumbing, shown_rows
from diamond_viewer.trace.waterfall import ticks
from diamond_viewer.web.minimap import Minimap, minimap, window_of
from diamond_viewer.web.span_body import foreign_link, span_body
from diamond_viewer.web.span_rows import ROW_PX, AxisLabel, Finding, SpanRow, axis_labels, span_rows
from diamond_viewer.web.trace_address import TraceAddress
from diamond_viewer.web.trace_shelf import Reading
from diamond_viewer.web.value_links import ValueLinks

SHOWN_ROWS = 200  # in one answer: about 200 kB of HTML; the rest comes as the reader scrolls
MAX_REMARKED_LINKS = 5  # above the waterfall; each span says its own
MAX_LEVELS = 5  # offered as links; any level can stand in the URL


@dataclass(frozen=True, slots=True)
class RowGap:
    """Rows that are not in the answer, as high as they are. ``href`` is the page that begins with them, ``rows_href`` where a
    script gets them from."""

    first: int
    last: int
    height: int
    words: str
    href: str
    rows_href: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A link that sets something, and whether it is set; one that ``leaves`` goes to another page."""

    words: str
    href: str
    is_set: bool = False
    title: str = ""
    key: str = ""
    leaves: bool = False


@dataclass(frozen=True, slots=True)
class SearchInside:
    """``hidden`` are the other parameters of the URL, for the form without JavaScript."""

    words: str
    count: str
    previous_href: str
    next_href: str
    clear_href: str
    action: str
    hidden: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Remark:
    """A note about the trace, with links to where it can be seen."""

    words: str
    links: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class WaterfallView:
    remarks: tuple[Remark, ...]
    services: tuple[tuple[str, int], ...]
    levels: tuple[Choice, ...]
    plumbing: Choice | None
    search: SearchInside
    minimap: Minimap
    axis: tuple[AxisLabel, ...]
    before: RowGap | None
    rows: tuple[SpanRow, ...]
    after: RowGap | None
    shown: str


def waterfall_view(reading: Reading, address: TraceAddress, links: ValueLinks) -> WaterfallView:
    trace = reading.arranged(address.is_adjusted)
    window = window_of(trace, address)
    found, current = _found(reading, trace, address)
    open_places = [place for element in address.spans if (place := trace.place_of(element)) is not None]
    shown = _shown(trace, address, [*open_places, *([current] if current >= 0 else [])])
    first = _first(shown, address, open_places, current)
    last = min(first + SHOWN_ROWS, len(shown.places))
    bodies = {place: span_body(trace, place, address, links) for place in open_places}
    finding = Finding(frozenset(found), current)
    return WaterfallView(
        remarks=_remarks(trace, address),
        services=tuple(trace.colours.items()),
        levels=_levels(trace, address),
        plumbing=_plumbing(trace, shown, address),
        search=_search(found, current, address),
        minimap=minimap(trace, window, address),
        axis=axis_labels(ticks(window.duration_ns, window.start_ns - trace.scale.start_ns)),
        before=_gap(address, 0, first),
        rows=span_rows(trace, shown, first, last, window, address, finding, bodies),
        after=_gap(address, last, len(shown.places)),
        shown=f"Spans {first + 1:,}–{last:,} of {len(shown.places):,}" if last - first < len(shown.places) else "",
    )


def more_rows(reading: Reading, address: TraceAddress, gap: tuple[int, int], links: ValueLinks) -> "MoreRows":
    """The rows around ``address.row``, out of the gap (rows from 1, both included) that they are to fill in part."""
    trace = reading.arranged(address.is_adjusted)
    found, current = _found(reading, trace, address)
    open_places = [place for element in address.spans if (place := trace.place_of(element)) is not None]
    shown = _shown(trace, address, [*open_places, *([current] if current >= 0 else [])])
    low, high = max(0, gap[0] - 1), min(gap[1], len(shown.places))
    first = max(low, (address.row - 1) // SHOWN_ROWS * SHOWN_ROWS)
    last = min(high, first + SHOWN_ROWS)
    bodies = {place: span_body(trace, place, address, links) for place in open_places}
    rows: tuple[SpanRow, ...] = ()
    if first < last:
        finding = Finding(frozenset(found), current)
        rows = span_rows(trace, shown, first, last, window_of(trace, address), address, finding, bodies)
    return MoreRows(_gap(address, low, first), rows, _gap(address, max(first, last), high))


@dataclass(frozen=True, slots=True)
class MoreRows:
    before: RowGap | None
    rows: tuple[SpanRow, ...]
    after: RowGap | None


def _found(reading: Reading, trace: Arranged, address: TraceAddress) -> tuple[tuple[int, ...], int]:
    """Places that match the search, and the one that is looked at."""
    if not address.find:
        return (), -1
    found = reading.places_of(address.find, address.is_adjusted)
    return found, found[(max(address.match, 1) - 1) % len(found)] if found else -1


def _shown(trace: Arranged, address: TraceAddress, kept: Sequence[int]) -> Shown:
    folding = Folding(address.level, _places(trace, address.shut), _places(trace, address.opened), address.is_plain)
    return shown_rows(trace.rows, trace.spans, folding, sorted(set(kept)))


def _places(trace: Arranged, elements: Sequence[str]) -> frozenset[int]:
    return frozenset(place for element in elements if (place := trace.place_of(element)) is not None)


def _first(shown: Shown, address: TraceAddress, open_places: Sequence[int], current: int) -> int:
    """Where the answer begins: at what is looked at, else at the asked row; in steps, so that answers meet."""
    index = min(address.row, max(len(shown.places), 1)) - 1
    if address.row == 1:
        looked_at = current if current >= 0 else open_places[0] if open_places else -1
        index = shown.index_of(looked_at) if looked_at >= 0 else index
    return index // SHOWN_ROWS * SHOWN_ROWS


def _gap(address: TraceAddress, first: int, last: int) -> RowGap | None:
    if first >= last:
        return None
    words = f"{format_times(last - first, 'more span')}: {first + 1:,}–{last:,}"
    start = first + 1 if first else max(1, last - SHOWN_ROWS + 1)
    page = replace(address, spans=(), moment=0, match=0, row=start)
    rows_href = replace(address, row=1).fragment("rows", gap=f"{first + 1}-{last}")
    return RowGap(first + 1, last, (last - first) * ROW_PX, words, page.href, rows_href)


def _levels(trace: Arranged, address: TraceAddress) -> tuple[Choice, ...]:
    """Fold everything, to a level, or nothing."""
    deepest = trace.deepest
    if not deepest:
        return ()
    is_touched = bool(address.shut or address.opened)
    now = address.level or min(deepest, MAX_LEVELS) + 1
    keys = {now - 1: "[", now + 1: "]"} if address.level else {now - 1: "["}
    found = [
        Choice(
            str(level),
            address.but(level=level, shut=(), opened=(), row=1),
            level == address.level and not is_touched,
            f"Fold what is deeper than {format_times(level, 'level')}",
            keys.get(level, ""),
        )
        for level in range(1, deepest + 1)
        if level <= MAX_LEVELS or (address.level and abs(level - now) <= 1)
    ]
    is_all = not address.level and not is_touched
    key = "" if is_all or now < deepest else "]"
    return (*found, Choice("all", address.but(level=0, shut=(), opened=(), row=1), is_all, "Fold nothing", key))


def _plumbing(trace: Arranged, shown: Shown, address: TraceAddress) -> Choice | None:
    """Next.js's own spans, hidden or shown in one click; None when there are none."""
    if address.is_plain:
        words = f"{format_times(shown.hidden_plumbing, 'framework span')} hidden"
        return Choice(words, address.but(is_plain=False, row=1), True, "Show what the framework says of itself")
    count = sum(map(is_plumbing, trace.spans))
    if not count:
        return None
    words = f"Hide {format_times(count, 'framework span')}"
    return Choice(words, address.but(is_plain=True, row=1), False, "Leave out what the framework says of itself")


def _search(found: Sequence[int], current: int, address: TraceAddress) -> SearchInside:
    at = found.index(current) + 1 if current >= 0 else 0
    count = "" if not address.find else f"{at:,} of {len(found):,}" if found else "nothing found"
    cleared = replace(address, find="", match=0, row=1)
    whole = address.but if len(found) > 1 else None
    return SearchInside(
        words=address.find,
        count=count,
        previous_href=whole(match=(at - 2) % len(found) + 1, row=1) if whole else "",
        next_href=whole(match=at % len(found) + 1, row=1) if whole else "",
        clear_href=cleared.href if address.find else "",
        action=cleared.href.partition("?")[0],
        hidden=(*address.outer_args, *replace(cleared, spans=(), moment=0).args),
    )


def _remarks(trace: Arranged, address: TraceAddress) -> tuple[Remark, ...]:
    found = []
    if trace.backlinks:
        ways = [foreign_link(link) for link in trace.backlinks[:MAX_REMARKED_LINKS]]
        words = f"{format_times(len(trace.backlinks), 'span')} of other traces link to it:"
        found.append(Remark(words, tuple(Choice(way.name, way.href, title=way.words, leaves=True) for way in ways)))
    for note in notes(trace):
        offered = []
        if note.place >= 0:
            offered.append(Choice("Show", address.at_span(trace.element_of(note.place))))
        if note.window_ns is not None:
            offered.append(Choice("Zoom there", address.but(from_ns=note.window_ns[0], to_ns=note.window_ns[1], row=1)))
        if note.offers_adjusting:
            words = "As recorded" if address.is_adjusted else "Adjust the clocks"
            offered.append(Choice(words, address.but(is_adjusted=not address.is_adjusted, row=1)))
        found.append(Remark(note.sentence, tuple(offered)))
    return tuple(found)
