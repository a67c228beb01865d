"""MapPage: services and what they call, as a drawing and as a table; a click filters the traces."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import log10

from diamond_viewer.query.query import Query
from diamond_viewer.query.sorting import DEFAULT_ORDER
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.reach import is_all
from diamond_viewer.telemetry.service_map import Call, Node, ServiceMap
from diamond_viewer.telemetry.units import format_count, format_duration, format_rate, format_share, format_times
from diamond_viewer.web.address import TRACES_PATH, Address
from diamond_viewer.web.busy_time import BusyTime, busy_time, is_spread
from diamond_viewer.web.elsewhere import Elsewhere, elsewhere
from diamond_viewer.web.filter_form import caption
from diamond_viewer.web.horizon import beyond_memory
from diamond_viewer.web.map_layout import BOX_HEIGHT, BOX_WIDTH, Box, Layout, laid_out
from diamond_viewer.web.status import Status, status_of
from diamond_viewer.web.times import as_of, in_utc
from diamond_viewer.web.window import WINDOWS

MAP_PATH = "/map"
MAX_NODES = 80  # drawn; the table has all
MAX_LABELS = 90
# a drawing this wide is made smaller on a laptop, down to the former; of a wider one the whole is shown
FITTING_PX = (1000, 1700)
ZOOM = "zoom"  # the parameter
WHOLE = "whole"
ZOOMS = {WHOLE: "Whole", "50": "50 %", "100": "100 %", "200": "200 %"}
NAME_LENGTH = 24  # characters that fit a box
KINDS = {"service": "service", "database": "database", "queue": "queue", "host": "host outside"}


@dataclass(frozen=True, slots=True)
class MapBox:
    """``number`` is what the curves of its calls name."""

    number: int
    kind: str
    name: str
    detail: str
    title: str
    href: str
    x: str
    y: str
    has_errors: bool


@dataclass(frozen=True, slots=True)
class MapCurve:
    """``ends`` are the numbers of its two boxes."""

    ends: str
    path: str
    label: str
    label_x: str
    label_y: str
    title: str
    href: str
    width: str
    has_errors: bool


@dataclass(frozen=True, slots=True)
class MapLine:
    """A row of the table."""

    source: str
    source_kind: str
    target: str
    target_kind: str
    href: str
    count: str
    rate: str
    errors: str
    p50: str
    p95: str
    has_errors: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    boxes: tuple[MapBox, ...]
    curves: tuple[MapCurve, ...]
    view_box: str
    width: str
    height: str
    zoom: str  # one of ZOOMS
    fits: bool  # so nearly that it may be drawn smaller
    box_width: str
    box_height: str


@dataclass(frozen=True, slots=True)
class MapPage:
    """``caption`` says of which traces; ``traces_href`` leads to them. ``rates`` says why none are shown. ``zooms`` are value,
    address, words and whether the drawing is of that size."""

    status: Status
    caption: str
    traces_href: str
    clear_href: str
    windows: tuple[tuple[str, str, bool], ...]
    hidden: tuple[tuple[str, str], ...]
    search: str
    summary: str
    rates: Elsewhere | None
    elsewhere: tuple[Elsewhere, ...]
    drawing: Drawing
    zooms: tuple[tuple[str, str, str, bool], ...]
    lines: tuple[MapLine, ...]
    notices: tuple[str, ...]


def map_page(store: TraceStore, args: Iterable[tuple[str, str]], now_ns: int) -> MapPage:
    pairs = [(name, in_utc(value, now_ns) if name in ("since", "until") else value) for name, value in args]
    zoom = next((value for name, value in pairs if name == ZOOM), "")
    query, notices = Query.from_args([pair for pair in pairs if pair[0] != ZOOM], now_ns)
    if zoom and zoom not in ZOOMS:
        notices += (f"{ZOOM}={zoom[:60]!r} is none of {', '.join(ZOOMS)}.",)
    query = replace(query, page=1, anchor=None, sort=DEFAULT_ORDER)
    found, health = store.service_map(query, now_ns), store.health()
    busy = None if not found.calls or is_spread(query, store, now_ns) else busy_time(query, store, now_ns)
    # over a time that is not busy calls are not counted
    duration_ns = span_of(query, found, now_ns) if busy is None else 0
    if not is_all(found):
        why = "that is as far as is looked at once; for older ones choose a time"
        why = why if found.is_complete else "there was no time to look at all"
        notices += (f"This is the map of the newest {found.trace_count:,} traces: {why}.",)
    drawn, more = _drawn(found)
    if more:
        notices += (f"The {MAX_NODES} most called of {MAX_NODES + more:,} are drawn; the table has all calls.",)
    since = query.value("since")
    drawing = _drawing(query, drawn, duration_ns, zoom)
    return MapPage(
        status=status_of(health.feed, now_ns),
        caption=caption(query),
        traces_href=_href(TRACES_PATH, query),
        clear_href=MAP_PATH if query.set_filters else "",
        windows=tuple(
            (_href(MAP_PATH, query.with_values("since", value).with_values("until")), label, value == since)
            for value, label in WINDOWS
        ),
        hidden=tuple(pair for pair in query.set_filters if pair[0] != "q"),
        search=query.value("q"),
        summary=f"{_summary(found)} {as_of(now_ns)}",
        rates=_rates(busy) if busy is not None else None,
        elsewhere=() if found.calls else elsewhere(store, Address(query, path=MAP_PATH), query, now_ns),
        drawing=drawing,
        zooms=tuple((value, _zoom_href(query, value), words, value == drawing.zoom) for value, words in ZOOMS.items()),
        lines=tuple(_line(query, call, duration_ns) for call in found.calls),
        notices=notices + beyond_memory(health, query, now_ns),
    )


def span_of(query: Query, found: ServiceMap, now_ns: int) -> int:
    """What rates are counted over, in ns: the window, its open ends at the first and last trace. Not true of traces that nearly
    all began within a small part of it (``is_spread``)."""
    window = query.window(now_ns)
    since_ns = found.first_ns if window.since_ns is None or not is_all(found) else window.since_ns
    until_ns = window.until_ns if window.until_ns is not None else found.last_ns if window.since_ns is None else now_ns
    return max(0, until_ns - since_ns)


def _rates(busy: BusyTime) -> Elsewhere:
    took, all_of_them = format_duration(busy.width_ns), format_times(busy.count + busy.earlier, "trace")
    sentence = f"No rates: {busy.count:,} of {all_of_them} began within {took}."
    return Elsewhere(sentence, ((f"Show those {took}", _href(MAP_PATH, busy.query)),))


def _href(path: str, query: Query) -> str:
    arguments = query.to_args()
    return f"{path}?{arguments}" if arguments else path


def _drawn(found: ServiceMap) -> tuple[tuple[Call, ...], int]:
    """Calls between nodes that are drawn, and how many nodes are not."""
    counts: dict[Node, int] = {}
    for call in found.calls:
        for node in (call.source, call.target):
            if node is not None:
                counts[node] = counts.get(node, 0) + call.count
    shown = set(sorted(counts, key=lambda node: (-counts[node], node))[:MAX_NODES])
    calls = tuple(
        call for call in found.calls if call.target in shown and (call.source is None or call.source in shown)
    )
    return calls, len(counts) - len(shown)


def _drawing(query: Query, calls: tuple[Call, ...], duration_ns: int, zoom: str) -> Drawing:
    nodes = sorted({node for call in calls for node in (call.source, call.target) if node is not None})
    edges = [call for call in calls if call.source is not None]
    layout: Layout[Node] = laid_out(nodes, [(call.source, call.target) for call in edges if call.source is not None])
    numbers = {node: number for number, node in enumerate(nodes)}
    entries = {call.target: call for call in calls if call.source is None}
    most = max((call.count for call in edges), default=1)
    named = {(call.source, call.target) for call in edges[:MAX_LABELS]}
    curves = []
    for call, curve in zip(edges, layout.curves, strict=True):
        line = _line(query, call, duration_ns)
        failed = f" · ✕ {format_share(call.error_count, call.count)}" if call.error_count else ""  # as short as the gap
        curves.append(
            MapCurve(
                f"{numbers[curve.source]} {numbers[curve.target]}",
                curve.path,
                f"{line.rate or line.count} · {line.p95}{failed}"
                if (call.source, call.target) in named and call.source != call.target
                else "",
                f"{curve.label_x:.1f}",
                f"{curve.label_y:.1f}",
                _words(call, line),
                line.href,
                f"{1 + 2.5 * log10(1 + call.count) / log10(1 + most):.1f}",
                call.error_count > 0,
            )
        )
    boxes = tuple(
        _box(query, number, box, entries.get(box.node), duration_ns) for number, box in enumerate(layout.boxes)
    )
    if zoom not in ZOOMS:
        zoom = "100" if layout.width < FITTING_PX[1] else WHOLE
        fits = FITTING_PX[0] < layout.width < FITTING_PX[1]
    else:
        fits = False
    scale = 1.0 if zoom == WHOLE else int(zoom) / 100
    return Drawing(
        boxes,
        tuple(curves),
        f"0 0 {layout.width:.0f} {layout.height:.0f}",
        f"{scale * layout.width:.0f}",
        f"{scale * layout.height:.0f}",
        zoom,
        fits,
        str(BOX_WIDTH),
        str(BOX_HEIGHT),
    )


def _zoom_href(query: Query, zoom: str) -> str:
    arguments = query.to_args()
    return f"{MAP_PATH}?{arguments}{'&' if arguments else ''}{ZOOM}={zoom}"


def _words(call: Call, line: MapLine) -> str:
    rate = f" ({line.rate})" if line.rate else ""
    calls = format_times(call.count, "call")
    return (
        f"{line.source} calls {line.target}: {calls}{rate}, {call.error_count:,} failed, p50 {line.p50}, p95 {line.p95}"
    )


def _box(query: Query, number: int, box: Box[Node], entry: Call | None, duration_ns: int) -> MapBox:
    node = box.node
    detail = node.address or KINDS[node.kind]
    # begins with what is seen: who says it to a machine is heard
    title = f"{node.name}, {detail}" if node.address else node.name
    if entry is not None:
        rate = format_rate(entry.count, duration_ns) or format_times(entry.count, "call")
        detail = f"{rate} in · {format_duration(entry.p95_ns)}"
        title = f"{node.name}, {detail} (p95), {format_times(entry.error_count, 'error')}"
    title += f", {KINDS[node.kind]}"
    name = node.name if len(node.name) <= NAME_LENGTH else node.name[: NAME_LENGTH - 1] + "…"
    has_errors = entry is not None and entry.error_count > 0
    return MapBox(
        number,
        node.kind,
        name,
        _short(detail),
        title,
        _node_href(query, node),
        f"{box.x:.1f}",
        f"{box.y:.1f}",
        has_errors,
    )


def _short(text: str) -> str:
    return text if len(text) <= NAME_LENGTH + 4 else text[: NAME_LENGTH + 3] + "…"


def _node_href(query: Query, node: Node) -> str:
    """A service filters this map; anything else leads to the traces whose spans call it."""
    if node.kind == "service":
        return _href(MAP_PATH, query.with_values("service", node.name))
    return _href(TRACES_PATH, _searching(query, _search_for(node)))


def _search_for(node: Node) -> str:
    """What one span of a call says, whichever library wrote it."""
    if node.kind == "queue":
        return _either(("messaging.destination.name", "messaging.destination", "bullmq.queue.name"), node.name)
    if node.kind == "database":
        return f"db.system.name:{_quoted(node.name)}"
    host, _, port = node.name.partition(":")
    at_host = f"server.address:{_quoted(host)}"
    at_port = f" server.port:{port}" if port.isdecimal() else ""
    return f"span:{{{at_host}{at_port} kind:client}}"


def _either(keys: Sequence[str], value: str) -> str:
    return f"({' OR '.join(f'{key}:{_quoted(value)}' for key in keys)})"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _searching(query: Query, search: str) -> Query:
    """With the search added, unless the two together are no search."""
    held = query.value("q")
    both = f"({held}) {search}" if held else search
    return query.with_values("q", both[:512])


def _line(query: Query, call: Call, duration_ns: int) -> MapLine:
    source = call.source
    href = _node_href(query, call.target)
    if source is not None and call.target.kind != "service":
        href = _href(TRACES_PATH, _searching(query.with_values("service", source.name), _search_for(call.target)))
    elif source is not None:
        service = call.target if source.kind != "service" else source
        other = call.target if source.kind == "service" else source
        search = f"service:{_quoted(other.name)}" if other.kind == "service" else _search_for(other)
        href = _href(TRACES_PATH, _searching(query.with_values("service", service.name), search))
    return MapLine(
        source.name if source else "outside",
        source.kind if source else "",
        f"{call.target.name} {call.target.address}".strip(),
        call.target.kind,
        href,
        format_count(call.count),
        format_rate(call.count, duration_ns),
        f"{format_count(call.error_count)} ({format_share(call.error_count, call.count)})" if call.error_count else "0",
        format_duration(call.p50_ns),
        format_duration(call.p95_ns),
        call.error_count > 0,
    )


def _summary(found: ServiceMap) -> str:
    nodes = {node for call in found.calls for node in (call.source, call.target) if node is not None}
    counts = [
        format_times(sum(node.kind == kind for node in nodes), noun)
        for kind, noun in (("service", "service"), ("database", "database"), ("queue", "queue"), ("host", "host"))
    ]
    return f"{', '.join(counts)}, in {format_times(found.trace_count, 'trace')}"
