"""Metric lines that name only what matters to a test."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

T0_NS = 1_795_347_498_000_000_000
SECOND_NS = 1_000_000_000
DELTA, CUMULATIVE = 1, 2
BOUNDS = (10, 100, 1000)


def attributes(values: Mapping[str, object]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": str(value)}} for key, value in values.items()]


def number(
    value: float, at_s: float, since_s: float | None = 0, labels: Mapping[str, object] | None = None, **more: object
) -> dict[str, Any]:
    return {**_point(at_s, since_s, {**(labels or {}), **more}), "asDouble": value}


def buckets(counts: Sequence[int], at_s: float, since_s: float | None = 0, **labels: object) -> dict[str, Any]:
    """Counts below 10, 100 and 1000 and above."""
    return {
        **_point(at_s, since_s, labels),
        "count": str(sum(counts)),
        "sum": float(sum(counts)),
        "bucketCounts": [str(count) for count in counts],
        "explicitBounds": list(BOUNDS),
    }


def counter(name: str, *points: dict[str, Any], temporality: int = CUMULATIVE, rises: bool = True) -> dict[str, Any]:
    body = {"dataPoints": list(points), "aggregationTemporality": temporality, "isMonotonic": rises}
    return {"name": name, "sum": body}


def gauge(name: str, *points: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "gauge": {"dataPoints": list(points)}}


def histogram(name: str, *points: dict[str, Any], temporality: int = CUMULATIVE) -> dict[str, Any]:
    return {
        "name": name,
        "unit": "ms",
        "histogram": {"dataPoints": list(points), "aggregationTemporality": temporality},
    }


def line(*metrics: dict[str, Any], service: str = "web", pid: int = 1) -> bytes:
    block = {
        "resource": {"attributes": attributes({"service.name": service, "process.pid": pid})},
        "scopeMetrics": [{"scope": {"name": "tests"}, "metrics": list(metrics)}],
    }
    return json.dumps({"resourceMetrics": [block]}).encode()


def _point(at_s: float, since_s: float | None, labels: Mapping[str, object]) -> dict[str, Any]:
    start = {} if since_s is None else {"startTimeUnixNano": str(T0_NS + round(since_s * SECOND_NS))}
    return {**start, "timeUnixNano": str(T0_NS + round(at_s * SECOND_NS)), "attributes": attributes(labels)}
