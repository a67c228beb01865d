"""Routes of one trace: its page, the details of its spans, and what it can be taken away as."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl

from flask import Blueprint, Response, abort, request

from diamond_viewer.query.query import Query
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import TraceSummary
from diamond_viewer.telemetry.otlp_json import encode_span, stream_trace
from diamond_viewer.telemetry.trace_ids import trace_id_of, trace_id_start_of
from diamond_viewer.trace.outline import outline_markdown, outline_text
from diamond_viewer.web.address import Address, trace_href
from diamond_viewer.web.alike import MAX_LISTED, alike_page, alike_words
from diamond_viewer.web.diagnosed_trace import diagnosed, trace_markdown
from diamond_viewer.web.diagnosis_view import DiagnosisView, diagnosis_view
from diamond_viewer.web.freshness import SEEN_HEADER, digest
from diamond_viewer.web.header_poll import poll_header
from diamond_viewer.web.missing import missing_trace
from diamond_viewer.web.offline import offline_page
from diamond_viewer.web.opened_trace import TraceDesk, opened_trace
from diamond_viewer.web.pausing import paused_since_ns
from diamond_viewer.web.span_body import span_body
from diamond_viewer.web.standstill import Moment
from diamond_viewer.web.status import Status, status_of
from diamond_viewer.web.swaps import BESIDE_THE_LIST, POLL, nothing_new, page, redirection, swap_target
from diamond_viewer.web.trace_address import TraceAddress
from diamond_viewer.web.trace_list import held_of
from diamond_viewer.web.trace_shelf import Reading, TraceShelf
from diamond_viewer.web.value_links import ValueLinks
from diamond_viewer.web.views import Clock
from diamond_viewer.web.waterfall_view import more_rows

MAX_SIMILAR = 9


def trace_desk(store: TraceStore, clock: Clock) -> TraceDesk:
    def similar(summary: TraceSummary) -> tuple[TraceSummary, ...]:
        """The newest traces with the same operation, this one aside."""
        query = Query(limit=MAX_SIMILAR).with_values("operation", summary.name)
        return store.search(query, clock()).traces if summary.name else ()

    def diagnose(reading: Reading, address: TraceAddress) -> DiagnosisView:
        found = diagnosed(store, reading)
        alike = store.similar, store.people_alike
        return diagnosis_view(found.diagnosis, found.journey, address, found.names, *alike, clock(), found.note)

    return TraceDesk(TraceShelf(store).reading, similar, diagnose)


def trace_pages(store: TraceStore, clock: Clock, desk: TraceDesk, static: Path) -> Blueprint:
    """The blueprint; ``static`` is the folder whose style sheets and script go into an offline page."""
    blueprint = Blueprint("trace_pages", __name__)

    def id_or_404(text: str) -> str:
        trace_id = trace_id_of(text)
        if not trace_id:
            abort(
                404,
                f"{text[:60]!r} is not a trace id: that is 32 digits of 0-9 and a-f, or the first 8 or more of them.",
            )
        return trace_id

    def reading_or_404(text: str) -> Reading:
        trace_id = id_or_404(text)
        reading = desk.read(trace_id)
        if reading is None:
            abort(404, missing_trace(store, trace_id, clock()))
        return reading

    def absent(trace_id: str, missing: str, status: Status, target: str) -> Response:
        """A page that says why, and that polls: the trace may be still to come. One that was open stays as it is."""
        if target == POLL:
            is_open = bool(request.args.get("held", ""))
            return page(
                "_live_trace.html", status=status, opened=None, has_grown=False, missing="" if is_open else missing
            )
        response = page("trace_missing.html", status=status, missing=missing, trace_id=trace_id)
        response.status_code = 404
        return response

    def address_of(reading: Reading) -> tuple[TraceAddress, ValueLinks]:
        """As the URL says it; ``list=`` is the list that the trace stands beside, where a fragment asks."""
        trace_id = reading.trace.summary.trace_id
        outer = parse_qsl(request.args.get("list", ""))
        beside = Address.from_args([*outer, ("trace", trace_id)], clock())[0]
        address = TraceAddress.from_args(trace_id, request.args.items(multi=True), beside.href if outer else "")
        return address, ValueLinks(beside)

    @blueprint.get("/traces/<trace_id>")
    def trace(trace_id: str) -> Response:
        status = status_of(store.health().feed, clock())
        target = swap_target()
        if target == POLL and paused_since_ns() is not None:
            return poll_header(store, clock())
        # before the trace is read: what comes meanwhile is asked for again
        seen = digest(Moment.of(store).mark, status)
        if target == POLL and request.args.get("seen", "") == seen:
            return nothing_new()
        digits = trace_id_start_of(trace_id)
        alike = store.beginning_with(digits, MAX_LISTED + 1) if digits else ()
        if len(alike) == 1 and not target:
            arguments = request.query_string.decode("latin-1")
            return redirection(trace_href(alike[0].trace_id) + (f"?{arguments}" if arguments else ""))
        if alike and not target:
            response = page("traces_alike.html", status=status, page=alike_page(digits, alike))
            response.status_code = 300
            response.headers[SEEN_HEADER] = seen
            return response
        whole_id = alike[0].trace_id if len(alike) == 1 else "" if digits else id_or_404(trace_id)
        reading = desk.read(whole_id) if whole_id else None
        if reading is None:
            asked = whole_id or f"{digits}…"
            missing = alike_words(digits, alike) if alike else missing_trace(store, asked, clock())
            response = absent(whole_id or digits, missing, status, target)
            response.headers[SEEN_HEADER] = seen
            return response
        has_grown = request.args.get("held", "") != held_of(reading.trace.summary)
        if target == POLL and not has_grown:
            response = page("_live_trace.html", status=status, opened=None, has_grown=False, missing="")
        else:
            opened = opened_trace(desk, reading, address_of(reading)[0], None)
            templates = {POLL: "_live_trace.html", BESIDE_THE_LIST: "_opened.html"}
            response = page(
                templates.get(target, "trace.html"),
                status=status,
                opened=opened,
                has_grown=True,
                title=f"{opened.name} {opened.clock}" if target == POLL and "held" not in request.args else "",
                missing="",
                address=None,
            )
        response.headers[SEEN_HEADER] = seen
        return response

    @blueprint.get("/traces/<trace_id>/rows")
    def rows(trace_id: str) -> Response:
        """Rows out of the middle of a waterfall: those around ``row``, for the gap ``gap=first-last`` of the page."""
        reading = reading_or_404(trace_id)
        address, links = address_of(reading)
        first, _, last = request.args.get("gap", "").partition("-")
        if not (first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
            abort(404, "gap= must say which rows are missing, as in gap=201-400.")
        more = more_rows(reading, address, (int(first), int(last)), links)
        return page("_more_rows.html", more=more)

    @blueprint.get("/traces/<trace_id>/spans/<element>")
    def span(trace_id: str, element: str) -> Response:
        reading = reading_or_404(trace_id)
        is_json = element.endswith(".json")
        address, links = address_of(reading)
        trace = reading.arranged(address.is_adjusted)
        place = trace.place_of(element.removesuffix(".json"))
        if place is None:
            abort(404, "No such span is held.")
        if is_json:
            return _download(encode_span(trace.spans[place].whole()), "application/json", f"span-{element}")
        return page("_span_body.html", body=span_body(trace, place, address, links))

    @blueprint.get("/traces/<trace_id>/outline.txt")
    def text(trace_id: str) -> Response:
        return Response(outline_text(reading_or_404(trace_id).trace), mimetype="text/plain")

    @blueprint.get("/traces/<trace_id>/outline.md")
    def markdown(trace_id: str) -> Response:
        return Response(outline_markdown(reading_or_404(trace_id).trace), mimetype="text/markdown")

    @blueprint.get("/traces/<trace_id>/findings.md")
    def findings(trace_id: str) -> Response:
        reading = reading_or_404(trace_id)
        href = f"{request.url_root.rstrip('/')}/traces/{reading.trace.summary.trace_id}"
        return Response(trace_markdown(diagnosed(store, reading), reading, href), mimetype="text/markdown")

    @blueprint.get("/traces/<trace_id>/download.json")
    def document(trace_id: str) -> Response:
        trace = reading_or_404(trace_id).trace

        def pieces() -> Iterator[bytes]:
            yield from stream_trace((span.whole() for span in trace.spans), (log.whole() for log in trace.logs))

        return _download(pieces(), "application/json", f"trace-{trace.summary.trace_id}.json")

    @blueprint.get("/traces/<trace_id>/offline.html")
    def offline(trace_id: str) -> Response:
        reading = reading_or_404(trace_id)
        return _download(offline_page(reading, static), "text/html", f"trace-{reading.trace.summary.trace_id}.html")

    return blueprint


def _download(content: bytes | Iterator[bytes], mimetype: str, name: str) -> Response:
    """``name`` is made of hex digits and words of ours: nothing in it needs quoting."""
    return Response(content, mimetype=mimetype, headers={"Content-Disposition": f'attachment; filename="{name}"'})
