"""Routes of the API: the JSON of the stable names, strict about its parameters, and the probes."""

from collections.abc import Callable
from typing import Any

import orjson
from flask import Blueprint, Response, abort, request

from diamond_viewer.answers.findings import findings_answer, findings_document, journey_findings
from diamond_viewer.answers.stats import stats_answer
from diamond_viewer.answers.traces import trace_answer, traces_answer
from diamond_viewer.diagnosis.diagnose import MAX_EXAMINED_SPANS
from diamond_viewer.query.filters import FilterError
from diamond_viewer.query.query import Query
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import Health, SourceState
from diamond_viewer.telemetry.own_secrets import rules
from diamond_viewer.telemetry.redactions import COUNTS, NONE_YET, Redactions
from diamond_viewer.telemetry.trace_ids import trace_id_of
from diamond_viewer.telemetry.units import NS_PER_SECOND
from diamond_viewer.web.export import FORMATS, rows_of
from diamond_viewer.web.missing import missing_trace
from diamond_viewer.web.status import progress_percent


def api(store: TraceStore, clock: Callable[[], int]) -> Blueprint:
    """The blueprint of the API and the probes; ``clock`` gives ns since 1970."""
    blueprint = Blueprint("api", __name__)

    @blueprint.errorhandler(FilterError)
    def refuse(error: FilterError) -> Response:
        return json_answer({"error": str(error)}, status=400)

    @blueprint.get("/api/traces")
    def traces() -> Response:
        now_ns = clock()
        return json_answer(traces_answer(store.search(_query(now_ns), now_ns)))

    @blueprint.get("/api/traces/<trace_id>")
    def trace(trace_id: str) -> Response:
        if not trace_id_of(trace_id):
            abort(404, f"{trace_id[:60]!r} is not a trace id: that is 32 digits of 0-9 and a-f.")
        held = store.trace(trace_id_of(trace_id))
        if held is None:
            abort(404, missing_trace(store, trace_id_of(trace_id), clock()))
        known = store.diagnoses([held.trace_id], MAX_EXAMINED_SPANS).get(held.trace_id)
        return Response(trace_answer(held, known), mimetype="application/json")

    @blueprint.get("/api/findings")
    def findings() -> Response:
        """Of the matching traces; with ``user`` also what was found over the traces of that person."""
        now_ns = clock()
        pairs = list(request.args.items(multi=True))
        wanted = next((value for name, value in reversed(pairs) if name == "format"), "json")
        if wanted not in ("json", "markdown"):
            raise FilterError(f"format={wanted[:60]!r} is unknown. Use json or markdown.")
        query, _ = Query.from_args([pair for pair in pairs if pair[0] != "format"], now_ns, strict=True)
        told = journey_findings(store.journey, query, now_ns)
        found = store.findings(query, now_ns)
        if wanted == "markdown":
            return Response(findings_document(found, told, query), mimetype="text/markdown")
        return json_answer(findings_answer(found, told))

    @blueprint.get("/api/export")
    def export() -> Response:
        """All that matches, or with ``limit`` so many from the top."""
        now_ns = clock()
        pairs = list(request.args.items(multi=True))
        wanted = next((value for name, value in reversed(pairs) if name == "format"), "")
        if wanted not in FORMATS:
            raise FilterError(f"format={wanted[:60]!r} is unknown. Use one of {', '.join(FORMATS)}.")
        query, _ = Query.from_args([pair for pair in pairs if pair[0] != "format"], now_ns, strict=True)
        if query.page != 1:
            raise FilterError("An export has no pages: leave page out.")
        rows = rows_of(store, query, now_ns, query.limit if request.args.get("limit") else None)
        chosen = FORMATS[wanted]
        response = Response(chosen.pieces(store, rows), mimetype=chosen.mimetype)
        response.headers["Content-Disposition"] = f"attachment; filename=traces.{chosen.extension}"
        return response

    @blueprint.get("/api/stats")
    def stats() -> Response:
        now_ns = clock()
        return json_answer(stats_answer(store.stats(_query(now_ns), now_ns)))

    @blueprint.get("/api/health")
    def health() -> Response:
        return json_answer(health_answer(store.health(), clock(), COUNTS.now()))

    @blueprint.get("/healthz")
    def alive() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @blueprint.get("/readyz")
    def ready() -> Response:
        feed = store.health().feed
        if feed.ready:
            return Response("ready\n", mimetype="text/plain")
        return Response(f"indexing {progress_percent(feed):.0f} %\n", status=503, mimetype="text/plain")

    return blueprint


def health_answer(health: Health, now_ns: int, redactions: Redactions = NONE_YET) -> dict[str, Any]:
    feed = health.feed
    return {
        "state": "live" if feed.ready else "indexing",
        "progress_percent": round(progress_percent(feed), 1),
        "version": health.version,
        "traces": health.traces,
        "spans": health.spans,
        "lines": health.lines,
        "bad_lines": feed.bad_lines,
        "duplicate_spans": health.duplicate_spans,
        "bytes_read": feed.bytes_read,
        "memory_bytes": health.memory_bytes,
        "memory_budget_bytes": health.budget_bytes,
        "held_since_unix_nano": str(health.held_since_ns) if health.held_since_ns else None,
        "lag_seconds": feed.lag_ns / NS_PER_SECOND,
        "newest_line_unix_nano": str(feed.last_line_ns) if feed.last_line_ns else None,
        "newest_line_age_seconds": max(0, now_ns - feed.last_line_ns) / NS_PER_SECOND if feed.last_line_ns else None,
        "sources": [_source(source) for source in feed.sources],
        "counters": {**feed.counters, **health.counters},
        "redactions": {"enabled": rules().is_on, "count": redactions.count, "keys": dict(redactions.by_key)},
    }


def _source(source: SourceState) -> dict[str, Any]:
    return {
        "path": source.path,
        "state": source.state,
        "size_bytes": source.size_bytes,
        "bytes_read": source.bytes_read,
        "behind_bytes": source.behind_bytes,
        "lag_seconds": source.lag_ns / NS_PER_SECOND,
        "lines": source.lines,
        "problems": [
            {
                "kind": problem.kind,
                "sentence": problem.sentence,
                "offset": problem.offset,
                "preview": problem.preview,
                "count": problem.count,
            }
            for problem in source.problems
        ],
    }


def _query(now_ns: int) -> Query:
    """Strict: raises ``FilterError`` for what is unknown or malformed."""
    query, _ = Query.from_args(request.args.items(multi=True), now_ns, strict=True)
    return query


def json_answer(document: object, status: int = 200) -> Response:
    return Response(orjson.dumps(document), status=status, mimetype="application/json")
