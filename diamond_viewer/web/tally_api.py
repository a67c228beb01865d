"""``/api/errors`` and ``/api/operations``: what their pages show, as JSON."""

from collections.abc import Callable
from dataclasses import replace

from flask import Blueprint, Response, request

from diamond_viewer.answers.tallies import errors_answer, operations_answer
from diamond_viewer.query.filters import FilterError
from diamond_viewer.query.query import Query
from diamond_viewer.store import TraceStore
from diamond_viewer.web.api import json_answer


def tally_api(store: TraceStore, clock: Callable[[], int]) -> Blueprint:
    """Strict about parameters like the rest of the API; ``clock`` gives ns since 1970."""
    blueprint = Blueprint("tally_api", __name__)

    @blueprint.errorhandler(FilterError)
    def refuse(error: FilterError) -> Response:
        return json_answer({"error": str(error)}, status=400)

    @blueprint.get("/api/errors")
    def errors() -> Response:
        now_ns, version = clock(), store.version()
        query = _query(now_ns, own="group")
        group = request.args.get("group", "")
        found = store.errors(replace(query, page=1), now_ns, query.limit, fingerprint=group)
        return json_answer(errors_answer(found, version))

    @blueprint.get("/api/operations")
    def operations() -> Response:
        now_ns, version = clock(), store.version()
        query = _query(now_ns)
        found = store.operations(query, now_ns, query.limit)
        return json_answer(operations_answer(found, version))

    return blueprint


def _query(now_ns: int, own: str = "") -> Query:
    pairs = [pair for pair in request.args.items(multi=True) if pair[0] != own]
    query, _ = Query.from_args(pairs, now_ns, strict=True)
    if query.page != 1:
        raise FilterError("This list has no pages: raise limit instead.")
    return query
