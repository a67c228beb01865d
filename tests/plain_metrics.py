"""Metric lines by plain loops over ``json``: what PlainStore says of them, and totals recomputed without any series."""

from collections import defaultdict
from collections.abc import Iterable
from math import inf, nan
from typing import Any

from diamond_viewer.telemetry.distribution import ExplicitBuckets
from diamond_viewer.telemetry.metrics import Kind, MetricCatalogue, MetricOutline, Point, SeriesName, SeriesPoints
from tests.plain_otlp import Json

CONTAINERS = ("sum", "gauge", "histogram")


def plain_value(value: Json) -> Any:
    return next(iter(value.values()), None)


def texts_of(attributes: list[Json]) -> tuple[tuple[str, str], ...]:
    found = {}
    for pair in attributes:
        value = plain_value(pair["value"])
        found[pair["key"]] = ("true" if value else "false") if isinstance(value, bool) else str(value)
    return tuple(sorted(found.items()))


def plain_points(documents: Iterable[Json]) -> Iterable[tuple[SeriesName, Json, str]]:
    """``(series, point as it stands, description)``, for the kinds that the platform writes."""
    for document in documents:
        for block in document.get("resourceMetrics", []):
            resource = texts_of(block["resource"].get("attributes", []))
            for scope_metrics in block["scopeMetrics"]:
                for metric in scope_metrics["metrics"]:
                    container = next(name for name in CONTAINERS if name in metric)
                    body = metric[container]
                    kind = Kind.GAUGE if container == "gauge" else Kind.HISTOGRAM
                    if container == "sum":
                        kind = Kind.COUNTER if body.get("isMonotonic") else Kind.LEVEL
                    for point in body["dataPoints"]:
                        name = SeriesName(
                            metric["name"],
                            metric.get("unit", ""),
                            kind,
                            body.get("aggregationTemporality") == 2,
                            dict(resource)["service.name"],
                            texts_of(point.get("attributes", [])),
                            resource,
                            scope_metrics["scope"]["name"],
                        )
                        yield name, point, metric.get("description", "")


def plain_series(documents: Iterable[Json]) -> dict[SeriesName, list[Point]]:
    series: dict[SeriesName, dict[tuple[int, int], Point]] = defaultdict(dict)
    for name, wire, _ in plain_points(documents):
        start_ns, time_ns = int(wire.get("startTimeUnixNano", 0)), int(wire["timeUnixNano"])
        if name.kind is Kind.HISTOGRAM:
            counts = tuple(int(count) for count in wire["bucketCounts"])
            buckets = ExplicitBuckets(tuple(map(float, wire["explicitBounds"])), counts)
            point = Point(
                start_ns,
                time_ns,
                float(wire["count"]),
                float(wire.get("sum", nan)),
                wire.get("min", -inf),
                wire.get("max", inf),
                buckets,
            )
        else:
            point = Point(start_ns, time_ns, float(wire["asDouble"] if "asDouble" in wire else wire["asInt"]))
        series[name][start_ns, time_ns] = point
    return {name: [held[key] for key in sorted(held)] for name, held in series.items()}


def plain_catalogue(documents: list[Json]) -> MetricCatalogue:
    held = plain_series(documents)
    descriptions: dict[str, str] = {}
    for name, _, text in plain_points(documents):
        if text:
            descriptions.setdefault(name.metric, text)
    outlines = []
    for metric in sorted({name.metric for name in held}):
        mine = {name: points for name, points in held.items() if name.metric == metric}
        times = [point.time_ns for points in mine.values() for point in points]
        outlines.append(
            MetricOutline(
                metric,
                max(name.unit for name in mine),
                descriptions.get(metric, ""),
                tuple(sorted({name.kind for name in mine})),
                len(mine),
                tuple(sorted({name.service for name in mine})),
                tuple(sorted({key for name in mine for key, _ in name.labels})),
                min(times),
                max(times),
            )
        )
    return MetricCatalogue(tuple(outlines), len(held))


def plain_series_of(documents: list[Json], metric: str) -> tuple[SeriesPoints, ...]:
    held = plain_series(documents)
    return tuple(SeriesPoints(name, tuple(points)) for name, points in held.items() if name.metric == metric)


def last_totals(documents: list[Json], metric: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """By service and labels: the last total of a cumulative series, the sum of all points of a delta one."""
    totals: dict[Any, float] = defaultdict(float)
    lasts: dict[Any, tuple[int, float]] = {}
    for name, wire, _ in plain_points(documents):
        if name.metric != metric:
            continue
        key = (name.service, name.labels)
        amount = float(next(wire[key] for key in ("count", "asDouble", "asInt") if key in wire))
        if name.is_cumulative:
            lasts[key] = max(lasts.get(key, (0, 0.0)), (int(wire["timeUnixNano"]), amount))
        else:
            totals[key] += amount
    return {**totals, **{key: amount for key, (_, amount) in lasts.items()}}
