"""``/tempo/``: the part of Tempo's API that Grafana's Tempo data source asks: traces, search, names and values of tags.

Source: Grafana Tempo, "Tempo HTTP API". What differs is written in ``docs/integrations.md``.
"""

import re
from collections.abc import Callable

from flask import Blueprint, Response, abort, request

from diamond_viewer.query import wording
from diamond_viewer.query.filters import FilterError
from diamond_viewer.query.logfmt import pairs_of
from diamond_viewer.query.query import MAX_LIMIT, Query
from diamond_viewer.query.traceql import translated
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import Trace
from diamond_viewer.telemetry.reach import is_all
from diamond_viewer.telemetry.trace_ids import padded_trace_id
from diamond_viewer.telemetry.units import NS_PER_MS, NS_PER_SECOND, format_rfc3339
from diamond_viewer.web.api import json_answer
from diamond_viewer.web.dialects import error_answer
from diamond_viewer.web.missing import missing_trace
from diamond_viewer.web.tempo_answers import answered
from diamond_viewer.web.tempo_tags import SCOPES, Sample, sampled, tag_names, tag_values
from diamond_viewer.web.whole_search import search_turn, searched

DEFAULT_LIMIT, DEFAULT_SPANS = 20, 3
MAX_SPANS = 100  # shown of one trace
PROTOBUF = "application/protobuf"

_SECONDS = re.compile(r"\d{1,10}", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)


def tempo_api(store: TraceStore, clock: Callable[[], int]) -> Blueprint:
    """The blueprint; ``clock`` gives ns since 1970."""
    blueprint = Blueprint("tempo_api", __name__, url_prefix="/tempo")

    @blueprint.errorhandler(FilterError)
    def refuse(error: FilterError) -> Response:
        answer = error_answer(request.path, 400, str(error))
        assert answer is not None
        return answer

    @blueprint.get("/ready")
    def ready() -> Response:
        is_ready = store.feed().ready
        return Response("ready\n" if is_ready else "indexing\n", status=200 if is_ready else 503, mimetype="text/plain")

    @blueprint.get("/api/echo")
    def echo() -> Response:
        return Response("echo", mimetype="text/plain")

    @blueprint.get("/api/traces/<path:trace_id>")
    def trace_v1(trace_id: str) -> Response:
        from diamond_viewer.telemetry import otlp_messages  # only now: with protobuf it takes a while, and few ask

        trace = _trace_or_404(store, trace_id, clock())
        if _wants_protobuf():
            return Response(otlp_messages.encoded(trace), mimetype=PROTOBUF)
        return json_answer(otlp_messages.document_v1(trace))

    @blueprint.get("/api/v2/traces/<path:trace_id>")
    def trace_v2(trace_id: str) -> Response:
        from diamond_viewer.telemetry import otlp_messages

        trace = _trace_or_404(store, trace_id, clock())
        if _wants_protobuf():
            return Response(otlp_messages.encoded_by_id(trace), mimetype=PROTOBUF)
        return json_answer(otlp_messages.document_v2(trace))

    @blueprint.get("/api/search")
    def search() -> Response:
        now_ns = clock()
        query = _query(now_ns)
        spans_each = _whole("spss", DEFAULT_SPANS, MAX_SPANS)
        with search_turn():
            page = searched(store, query, now_ns)
            wanted = spans_each if request.args.get("q") else 0
            found = answered(store, page.traces, query.terms(now_ns), wanted)
        partial = {} if is_all(page) else {"status": "PARTIAL"}
        return json_answer({"traces": found, "metrics": {"inspectedTraces": page.total}, **partial})

    @blueprint.get("/api/search/tags")
    def tags_v1() -> Response:
        scopes = tag_names(_sample(store, clock()), scope=_scope())
        names = sorted({name for scope in scopes for name in scope["tags"]})
        return json_answer({"tagNames": names, "metrics": {}})

    @blueprint.get("/api/v2/search/tags")
    def tags_v2() -> Response:
        return json_answer({"scopes": tag_names(_sample(store, clock()), scope=_scope()), "metrics": {}})

    @blueprint.get("/api/search/tag/<path:tag>/values")
    def values_v1(tag: str) -> Response:
        found = tag_values(store, lambda: _sample(store, clock()), tag, _whole("limit", MAX_LIMIT, MAX_LIMIT))
        return json_answer({"tagValues": [one["value"] for one in found], "metrics": {}})

    @blueprint.get("/api/v2/search/tag/<path:tag>/values")
    def values_v2(tag: str) -> Response:
        found = tag_values(store, lambda: _sample(store, clock()), tag, _whole("limit", MAX_LIMIT, MAX_LIMIT))
        return json_answer({"tagValues": found, "metrics": {}})

    return blueprint


def _trace_or_404(store: TraceStore, text: str, now_ns: int) -> Trace:
    """Tempo's ids may lack leading zeros."""
    trace_id = padded_trace_id(text)
    if not trace_id:
        raise FilterError(f"{text[:60]!r} is not a trace id: that is 32 digits of 0-9 and a-f.")
    trace = store.trace(trace_id)
    if trace is None:
        abort(404, f"trace not found: {missing_trace(store, trace_id, now_ns)}")
    return trace


def _wants_protobuf() -> bool:
    """As Tempo: JSON unless protobuf is asked for by name."""
    return PROTOBUF in request.headers.get("Accept", "")


def _query(now_ns: int) -> Query:
    text, tags = request.args.get("q", ""), request.args.get("tags", "")
    if text and tags:
        raise FilterError("invalid request: can't specify tags and q in the same query")
    said = translated(text) if text else " ".join(wording.tag(key, value, "~") for key, value in _tags(tags).items())
    pairs = [("q", said), ("limit", str(_whole("limit", DEFAULT_LIMIT, MAX_LIMIT))), *_window()]
    shortest_ns, longest_ns = _duration("minDuration"), _duration("maxDuration")
    if shortest_ns and longest_ns and longest_ns < shortest_ns:
        raise FilterError("invalid maxDuration: must be greater than minDuration")
    pairs += [("min_ms", _milliseconds(shortest_ns))] if shortest_ns else []
    pairs += [("max_ms", _milliseconds(longest_ns))] if longest_ns else []
    query, _ = Query.from_args(pairs, now_ns, strict=True)
    return query


def _tags(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in pairs_of(text):
        if key in found:
            raise FilterError(f"invalid tags: tag {key[:60]} has been set twice")
        found[key] = value
    return found


def _window() -> list[tuple[str, str]]:
    """Seconds since 1970; only both together are a window."""
    start, end = (_seconds(name) for name in ("start", "end"))
    if not start and not end:
        return []
    if end <= start:
        raise FilterError(f"http parameter start must be before end. received start={start} end={end}")
    return [("since", format_rfc3339(start * NS_PER_SECOND)), ("until", format_rfc3339(end * NS_PER_SECOND))]


def _seconds(name: str) -> int:
    text = request.args.get(name, "")
    if text and not _SECONDS.fullmatch(text):
        raise FilterError(f"invalid {name}: {text[:60]!r} is not a number of seconds since 1970")
    return int(text or 0)


def _whole(name: str, default: int, most: int) -> int:
    text = request.args.get(name, "")
    if not text:
        return default
    if not _NUMBER.fullmatch(text) or int(text) == 0:
        raise FilterError(f"invalid {name}: must be a positive number")
    return min(int(text), most)


def _duration(name: str) -> int:
    text = request.args.get(name, "")
    duration_ns = wording.go_duration(text) if text else 0
    if duration_ns is None:
        raise FilterError(f"invalid {name}: {text[:60]!r} is not a duration such as 1.5s or 100ms")
    return duration_ns


def _milliseconds(duration_ns: int) -> str:
    whole, rest = divmod(duration_ns, NS_PER_MS)
    return f"{whole}.{rest:06d}"


def _scope() -> str:
    scope = request.args.get("scope", "")
    if scope not in ("", "none", "all", *SCOPES):
        raise FilterError(f"invalid scope: {scope[:60]!r} is none of {', '.join(SCOPES)}")
    return scope


def _sample(store: TraceStore, now_ns: int) -> Sample:
    """The newest traces that the question is about. As in Tempo, a filter that cannot be read filters nothing."""
    try:
        said = translated(request.args.get("q", ""))
        query, _ = Query.from_args([("q", said), *_window()], now_ns, strict=True)
    except FilterError:
        query, _ = Query.from_args(_window(), now_ns, strict=True)
    with search_turn():
        return sampled(store, query, now_ns)
