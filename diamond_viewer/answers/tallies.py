"""Errors by cause and operations by their time, as JSON."""

from collections.abc import Sequence
from typing import Any

from diamond_viewer.answers.reach import reach_answer
from diamond_viewer.telemetry.tallies import (
    BAND_EDGES_NS,
    SERIES_BUCKETS,
    ErrorGroup,
    ErrorGroups,
    Operations,
    OperationTally,
    StatementTally,
)
from diamond_viewer.telemetry.units import NS_PER_MS


def errors_answer(found: ErrorGroups, version: int) -> dict[str, Any]:
    return {
        "version": version,
        "total": found.group_count,
        "count": found.count,
        **_reach(found),
        "groups": [_error_group(group) for group in found.groups],
    }


def operations_answer(found: Operations, version: int) -> dict[str, Any]:
    return {
        "version": version,
        "total": found.operation_count,
        "statement_total": found.statement_count,
        **_reach(found),
        "heat_edges_ms": [edge_ns // NS_PER_MS for edge_ns in BAND_EDGES_NS],
        "heat": _heat(found.heat),
        "operations": [_operation(tally) for tally in found.operations],
        "statements": [_statement(tally) for tally in found.statements],
    }


def _reach(found: ErrorGroups | Operations) -> dict[str, Any]:
    """How far back was looked, and what a place of a series means."""
    return {
        **reach_answer(found),
        "scanned_to_unix_nano": str(found.scanned_to_ns),
        "series_start_unix_nano": str(found.start_ns),
        "series_width_ms": found.width_ns / NS_PER_MS,
    }


def _heat(heat: Sequence[int]) -> list[tuple[int, int, int]]:
    """Band, place in the series and count of each cell that has any; bands begin at 0 and at ``heat_edges_ms``."""
    return [(at // SERIES_BUCKETS, at % SERIES_BUCKETS, count) for at, count in enumerate(heat) if count]


def _error_group(group: ErrorGroup) -> dict[str, Any]:
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
        "heat": _heat(tally.heat),
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
