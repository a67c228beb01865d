"""Routes of the service map: the page, and the same as JSON."""

from collections.abc import Callable
from typing import Any

import orjson
from flask import Blueprint, Response, request

from diamond_viewer.answers.reach import reach_answer
from diamond_viewer.query.filters import FilterError
from diamond_viewer.query.query import Query
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.service_map import Node
from diamond_viewer.telemetry.units import NS_PER_MS, NS_PER_SECOND
from diamond_viewer.web.busy_time import is_spread
from diamond_viewer.web.header_poll import poll_header
from diamond_viewer.web.map_page import MAP_PATH, map_page, span_of
from diamond_viewer.web.swaps import POLL, swap_target
from diamond_viewer.web.swaps import page as page_of


def map_pages(store: TraceStore, clock: Callable[[], int]) -> Blueprint:
    """``clock`` gives ns since 1970."""
    blueprint = Blueprint("map", __name__)

    @blueprint.errorhandler(FilterError)
    def refuse(error: FilterError) -> Response:
        return _json({"error": str(error)}, status=400)

    @blueprint.get(MAP_PATH)
    def service_map() -> Response:
        now_ns = clock()
        if swap_target() == POLL:
            return poll_header(store, now_ns)  # a drawing that moved while it is read would be of no use
        page = map_page(store, request.args.items(multi=True), now_ns)
        return page_of("map.html", page=page, status=page.status)

    @blueprint.get("/api/map")
    def api_map() -> Response:
        now_ns = clock()
        query, _ = Query.from_args(request.args.items(multi=True), now_ns, strict=True)
        found = store.service_map(query, now_ns)
        duration_ns = span_of(query, found, now_ns) if is_spread(query, store, now_ns) else 0
        seconds = duration_ns / NS_PER_SECOND
        nodes = sorted({node for call in found.calls for node in (call.source, call.target) if node is not None})
        return _json(
            {
                "traces": found.trace_count,
                **reach_answer(found),
                "nodes": [_node(node) for node in nodes],
                "calls": [
                    {
                        "source": _node(call.source) if call.source else None,
                        "target": _node(call.target),
                        "count": call.count,
                        "errors": call.error_count,
                        "per_second": call.count / seconds if seconds else None,
                        "p50_ms": call.p50_ns / NS_PER_MS,
                        "p95_ms": call.p95_ns / NS_PER_MS,
                    }
                    for call in found.calls
                ],
            }
        )

    return blueprint


def _node(node: Node) -> dict[str, Any]:
    return {"kind": node.kind, "name": node.name, "address": node.address}


def _json(document: object, status: int = 200) -> Response:
    return Response(orjson.dumps(document), status=status, mimetype="application/json")
