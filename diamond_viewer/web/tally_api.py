"""``/api/errors`` and ``/api/operations``: what their pages show, as JSON."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request

from diamond_viewer.query.filters import FilterError
from diamond_viewer.query.query import Query
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.tallies import ErrorGroup, ErrorGroups, Operations, OperationTally, StatementTally
from diamond_viewer.telemetry.units import NS_PER_MS
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
        return json_answer(
            {
                "version": version,
                "total": found.group_count,
                "count": found.count,
                **_reach(found),
                "groups": [_group(group) for group in found.groups],
            }
        )

    @blueprint.get("/api/operations")
    def operations() -> Response:
        now_ns, version = clock(), store.version()
        query = _query(now_ns)
        found = store.operations(query, now_ns, query.limit)
        return json_answer(
            {
                "version": version,
                "total": found.operation_count,
                "statement_total": found.statement_count,
                **_reach(found),
                "operations": [_operation(tally) for tally in found.operations],
                "statements": [_statement(tally) for tally in found.statements],
            }
        )

    return blueprint


def _query(now_ns: int, own: str = "") -> Query:
    pairs = [pair for pair in request.args.items(multi=True) if pair[0] != own]
    query, _ = Query.from_args(pairs, now_ns, strict=True)
    if query.page != 1:
        raise FilterError("This list has no pages: raise limit instead.")
    return query


def _reach(found: ErrorGroups | Operations) -> dict[str, Any]:
    """How far back was looked, and what a place of a series means."""
    return {
        "is_complete": found.is_complete,
        "scanned_to_unix_nano": str(found.scanned_to_ns),
        "series_start_unix_nano": str(found.start_ns),
        "series_width_ms": found.width_ns / NS_PER_MS,
    }


def _group(group: ErrorGroup) -> dict[str, Any]:
    return {
        "fingerprint": group.key.fingerprint,
        **group.key._asdict(),
        "count": group.count,
        "traces": group.traces,
        "users": group.users,
        "lessons": group.lessons,
        "first_unix_nano": str(group.first_ns),
        "last_unix_nano": str(group.last_ns),
        "series": group.series,
        "examples": group.examples,
    }


def _operation(tally: OperationTally) -> dict[str, Any]:
    return {
        **tally.key._asdict(),
        "count": tally.count,
        "error_count": tally.error_count,
        **_milliseconds(total=tally.total_ns, p50=tally.p50_ns, p95=tally.p95_ns, p99=tally.p99_ns),
        "repeated_calls": tally.repeated_calls,
        "series": tally.series,
    }


def _statement(tally: StatementTally) -> dict[str, Any]:
    return {
        "system": tally.system,
        "statement": tally.statement,
        "count": tally.count,
        "slow_count": tally.slow_count,
        **_milliseconds(total=tally.total_ns, p50=tally.p50_ns, p95=tally.p95_ns, longest=tally.longest_ns),
        "traces": tally.traces,
        "n_plus_one": tally.n_plus_one,
        "most_repeats": tally.most_repeats,
        "series": tally.series,
    }


def _milliseconds(**durations_ns: int) -> dict[str, float]:
    return {f"{name}_ms": duration_ns / NS_PER_MS for name, duration_ns in durations_ns.items()}
