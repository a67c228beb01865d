"""``/jaeger/api/``: the query API of Jaeger, for Grafana's Jaeger data source, jaeger-ui and scripts.

Source: jaeger ``cmd/query/app``: ``http_handler.go`` (answers), ``query_parser.go`` (parameters). What differs is written in
``docs/integrations.md``.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
from flask import Blueprint, Response, abort, request

from diamond_viewer.answers.reach import cut_off
from diamond_viewer.query import wording
from diamond_viewer.query.filters import FilterError
from diamond_viewer.query.keys import KINDS
from diamond_viewer.query.query import MAX_LIMIT, Query
from diamond_viewer.store import NamesOfSpans, TraceStore
from diamond_viewer.telemetry import jaeger_json
from diamond_viewer.telemetry.model import Trace, TraceSummary
from diamond_viewer.telemetry.service_map import ServiceMap
from diamond_viewer.telemetry.trace_ids import padded_trace_id
from diamond_viewer.telemetry.units import NS_PER_MS, format_count, format_rfc3339
from diamond_viewer.web.api import json_answer
from diamond_viewer.web.dialects import error_answer
from diamond_viewer.web.missing import missing_trace
from diamond_viewer.web.whole_search import search_turn, searched

DEFAULT_LIMIT = 100
PARTIAL = "Not everything could be searched in time: older traces may match too. The same question again goes on."
TOO_LARGE = "This trace has {} spans: with it the answer would have more than {}. Ask for it by itself."
MAX_ANSWER_SPANS = 100_000  # of all traces of an answer, seconds of decoding: those beyond are named instead
MAX_NAMES = 10_000
MAX_NUMBER = 10**17  # microseconds of the year 5138
NS_PER_US = 1_000

_NUMBER = re.compile(r"\d{1,18}", re.ASCII)
_KIND_NAMES = {number: name for name, number in KINDS.items()}


@dataclass(frozen=True, slots=True)
class Operation:
    name: str
    kind: str


def jaeger_api(store: TraceStore, clock: Callable[[], int]) -> Blueprint:
    """The blueprint; ``clock`` gives ns since 1970."""
    blueprint = Blueprint("jaeger_api", __name__, url_prefix="/jaeger/api")

    @blueprint.errorhandler(FilterError)
    def refuse(error: FilterError) -> Response:
        answer = error_answer(request.path, 400, str(error))
        assert answer is not None
        return answer

    @blueprint.get("/services")
    def services() -> Response:
        return json_answer(jaeger_json.listing(sorted(name for name, _ in store.values("service", "", MAX_NAMES))))

    @blueprint.get("/services/<path:service>/operations")
    def operations_of(service: str) -> Response:
        names = sorted({operation.name for operation in _operations(store, service, clock())})
        return json_answer(jaeger_json.listing(names))

    @blueprint.get("/operations")
    def operations() -> Response:
        service, kind = request.args.get("service", ""), request.args.get("spanKind", "")
        if not service:
            raise FilterError("parameter 'service' is required")
        found = [one for one in _operations(store, service, clock()) if kind in ("", one.kind)]
        return json_answer(jaeger_json.listing([{"name": one.name, "spanKind": one.kind} for one in found]))

    @blueprint.get("/traces")
    def traces() -> Response:
        now_ns = clock()
        asked = request.args.getlist("traceID")
        if not asked:
            query = _search(now_ns)
            with search_turn():
                page = searched(store, query, now_ns)
            partial = cut_off(page) if page.is_complete else PARTIAL
            return _several(store, page.traces, [{"msg": partial}] if partial else [])
        # a trace that is asked for twice is answered once
        rows = {trace_id: store.summary(trace_id) for trace_id in map(_id_or_400, asked[:MAX_LIMIT])}
        errors = [{"msg": "trace not found", "traceID": trace_id} for trace_id, row in rows.items() if row is None]
        return _several(store, [row for row in rows.values() if row is not None], errors)

    @blueprint.get("/traces/<trace_id>")
    def trace(trace_id: str) -> Response:
        found = store.trace(_id_or_400(trace_id))
        if found is None:
            abort(404, f"trace not found: {missing_trace(store, _id_or_400(trace_id), clock())}")
        return _streamed(iter([found]))

    @blueprint.get("/dependencies")
    def dependencies() -> Response:
        now_ns = clock()
        until_ns = _number("endTs", NS_PER_MS)
        lookback_ns = _number("lookback", NS_PER_MS)
        pairs = [] if until_ns is None else [("until", format_rfc3339(until_ns))]
        if lookback_ns is not None:
            pairs.append(("since", format_rfc3339((now_ns if until_ns is None else until_ns) - lookback_ns)))
        query, _ = Query.from_args(pairs, now_ns, strict=True)
        found = _links(store.service_map(query, now_ns), request.args.get("service", ""))
        return json_answer({"data": found, "total": 0, "limit": 0, "offset": 0, "errors": None})

    return blueprint


def _several(store: TraceStore, rows: Sequence[TraceSummary], errors: list[dict[str, str]]) -> Response:
    """As many of the traces as one answer may have spans, the first whatever its size; the others are named among the errors.

    One that leaves memory meanwhile is left out.
    """
    taken: list[str] = []
    left = MAX_ANSWER_SPANS
    for row in rows:
        if row.span_count <= left or not taken:
            taken.append(row.trace_id)
            left -= row.span_count
        else:
            said = TOO_LARGE.format(format_count(row.span_count), format_count(MAX_ANSWER_SPANS))
            errors = [*errors, {"msg": said, "traceID": row.trace_id}]
    held = (store.trace(trace_id) for trace_id in taken)
    return _streamed((trace for trace in held if trace is not None), errors)


def _streamed(traces: Iterator[Trace], errors: list[dict[str, str]] | None = None) -> Response:
    return Response(jaeger_json.answer(traces, errors or ()), mimetype="application/json")


def _operations(store: TraceStore, service: str, now_ns: int) -> list[Operation]:
    """What spans of the service are called. A store that cannot tell answers with the names in the traces of the service."""
    if isinstance(store, NamesOfSpans):
        return [Operation(name, _KIND_NAMES.get(kind, "")) for name, kind in store.names_of_spans(service, MAX_NAMES)]
    facets = store.facets(Query((("service", service),)), now_ns, MAX_NAMES)
    return [Operation(name, "") for name, _ in sorted(facets.operation)]


def _links(found: ServiceMap, service: str) -> list[dict[str, str | int]]:
    """Who calls whom, databases and queues as well: Jaeger knows them by name alone."""
    counts: dict[tuple[str, str], int] = {}
    for call in found.calls:
        if call.source is not None and service in ("", call.source.name, call.target.name):
            key = call.source.name, call.target.name
            counts[key] = counts.get(key, 0) + call.count
    return [{"parent": parent, "child": child, "callCount": count} for (parent, child), count in counts.items()]


def _search(now_ns: int) -> Query:
    """All conditions must hold on one span, as in Jaeger."""
    service, operation = request.args.get("service", ""), request.args.get("operation", "")
    if not service:
        raise FilterError("parameter 'service' is required")
    conditions = [f"service={wording.quoted(service)}"]
    if operation and operation != "all":
        conditions.append(f"operation={wording.quoted(operation)}")
    shortest_ns, longest_ns = _duration("minDuration"), _duration("maxDuration")
    if shortest_ns and longest_ns and longest_ns < shortest_ns:
        raise FilterError("'maxDuration' should be greater than 'minDuration'")
    conditions += [f"duration>={wording.duration(shortest_ns)}"] if shortest_ns else []
    conditions += [f"duration<={wording.duration(longest_ns)}"] if longest_ns else []
    conditions += [wording.tag(key, value) for key, value in _tags().items()]
    pairs = [("q", wording.on_one_span(conditions)), ("limit", str(_limit()))]
    until_ns = _number("end", NS_PER_US)
    since_ns = _number("start", NS_PER_US)
    if since_ns is None and (lookback_ns := _lookback()):
        since_ns = max(0, (now_ns if until_ns is None else until_ns) - lookback_ns)
    pairs += [("since", format_rfc3339(since_ns))] if since_ns is not None else []
    pairs += [("until", format_rfc3339(until_ns))] if until_ns is not None else []
    query, _ = Query.from_args(pairs, now_ns, strict=True)
    return query


def _tags() -> dict[str, str]:
    """``tags`` is an object of JSON, ``tag`` is key:value; both may come several times."""
    found: dict[str, str] = {}
    for text in request.args.getlist("tag"):
        key, colon, value = text.partition(":")
        if not colon or not key:
            raise FilterError(f"malformed 'tag' parameter, expecting key:value, received: {text[:60]}")
        found[key] = value
    for text in filter(None, request.args.getlist("tags")):
        try:
            found |= msgspec.json.decode(text.encode(errors="replace"), type=dict[str, str])
        except msgspec.DecodeError:
            raise FilterError("malformed 'tags' parameter, cannot unmarshal JSON: it is an object of texts") from None
    if "" in found:
        raise FilterError("a tag has no key")
    return found


def _limit() -> int:
    text = request.args.get("limit", "")
    if not text:
        return DEFAULT_LIMIT
    if not _NUMBER.fullmatch(text) or int(text) == 0:
        raise FilterError(f"unable to parse param 'limit': {text[:60]!r} is not a number from 1 on")
    return min(int(text), MAX_LIMIT)


def _number(name: str, unit_ns: int) -> int | None:
    """A time or a stretch in the unit that Jaeger has for it -> ns."""
    text = request.args.get(name, "")
    if not text:
        return None
    if not _NUMBER.fullmatch(text) or int(text) > MAX_NUMBER:
        raise FilterError(f"unable to parse param '{name}': {text[:60]!r} is not a number")
    return int(text) * unit_ns


def _duration(name: str) -> int:
    text = request.args.get(name, "")
    duration_ns = wording.go_duration(text) if text else 0
    if duration_ns is None:
        raise FilterError(f"unable to parse param '{name}': {text[:60]!r} is not a duration such as 1.2s or 100ms")
    return duration_ns


def _lookback() -> int:
    """jaeger-ui says ``2d`` and ``custom`` as well, beside the ``start`` that it means."""
    text = request.args.get("lookback", "")
    if match := re.fullmatch(r"(\d{1,4})([dw])", text, re.ASCII):
        text = f"{int(match[1]) * (24 if match[2] == 'd' else 168)}h"
    return wording.go_duration(text) or 0


def _id_or_400(text: str) -> str:
    """Jaeger's ids may lack leading zeros."""
    found = padded_trace_id(text)
    if not found:
        raise FilterError(f"cannot parse traceID param: {text[:60]!r} is not a trace id")
    return found
