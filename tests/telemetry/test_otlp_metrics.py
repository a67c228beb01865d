"""Metric lines as producers write them, and points that cannot be used."""

import json
from pathlib import Path
from typing import Any

import pytest

from diamond_viewer.telemetry.distribution import ExponentialBuckets
from diamond_viewer.telemetry.metrics import Kind, Point
from diamond_viewer.telemetry.otlp import decode_line
from diamond_viewer.telemetry.otlp_metrics import decode_metrics
from diamond_viewer.telemetry.protobuf import line_from_message
from tests.metric_lines import buckets, counter, gauge, histogram, line, number
from tests.plain_metrics import plain_series
from tests.plain_otlp import read_documents

DATA = Path(__file__).parent.parent / "data"
EXPONENTIAL = {"scale": 1, "count": "3", "zeroCount": 1, "positive": {"offset": -1, "bucketCounts": ["1", 0, 1]}}


@pytest.mark.parametrize("path", ["diamond-district/metrics.json", "variants/rotation-timberjack-names/metrics.json"])
def test_real_lines_are_read_as_plain_loops_read_them(path: str) -> None:
    lines = (DATA / path).read_bytes().splitlines()
    found: dict[Any, list[Point]] = {}
    for one in lines:
        for reading in decode_line(one).metrics.readings:
            found.setdefault(reading.name, []).append(reading.point)
    expected = plain_series(document for one in lines for document in read_documents(one))
    without_arrays = {(n.metric, n.service, n.labels, n.kind, n.is_cumulative, n.unit, n.scope): n for n in expected}
    assert len(without_arrays) == len(found)
    for name, points in found.items():
        same = without_arrays[
            name.metric, name.service, name.labels, name.kind, name.is_cumulative, name.unit, name.scope
        ]
        assert sorted(points, key=lambda p: (p.start_ns, p.time_ns)) == expected[same]


@pytest.mark.parametrize("name", ["js-special-values/body-js-proto-metrics.bin", "js-proto-bodies/00014-metrics.bin"])
def test_protobuf_reads_like_json(name: str) -> None:
    batch = decode_line(line_from_message((DATA / "variants" / name).read_bytes())).metrics
    assert batch.readings
    assert batch.invalid_points == 0


def test_an_exponential_histogram_is_read_with_its_offset() -> None:
    point = {**number(0, 5), **EXPONENTIAL, "sum": "NaN", "min": 0, "max": 4}
    metric = {"name": "m", "exponential_histogram": {"data_points": [point], "aggregation_temporality": 1}}
    (reading,) = decode_line(line(metric)).metrics.readings
    assert reading.point.buckets == ExponentialBuckets(1, 1, 0.0, ((-1, 1), (1, 1)))
    assert (reading.name.kind, reading.name.is_cumulative, reading.point.high) == (Kind.HISTOGRAM, False, 4)


@pytest.mark.parametrize(
    "point",
    [
        {"asDouble": 1},
        {"timeUnixNano": "soon", "asInt": "1"},
        {"timeUnixNano": "5"},
        {"timeUnixNano": "5", "asDouble": "NaN"},
        {"timeUnixNano": "5", "asInt": {}},
        {"timeUnixNano": "5", "asDouble": -1},
        "no point",
        None,
    ],
)
def test_a_point_that_cannot_be_used_costs_itself(point: object) -> None:
    good = number(3, 10)
    batch = decode_line(line(counter("m", good, point, number(4, 20)))).metrics  # type: ignore[arg-type]
    assert [reading.point.amount for reading in batch.readings] == [3, 4]
    assert batch.invalid_points == 1


@pytest.mark.parametrize(
    "change",
    [
        {"bucketCounts": ["1"]},
        {"bucketCounts": ["-1", "1", "1", "1"]},
        {"count": "99"},
        {"explicitBounds": [3, 2, 1]},
        {"bucketCounts": "many"},
    ],
)
def test_buckets_that_contradict_themselves_cost_their_point(change: dict[str, object]) -> None:
    batch = decode_line(line(histogram("m", {**buckets((1, 1, 1, 1), 10), **change}))).metrics
    assert (len(batch.readings), batch.invalid_points) == (0, 1)


def test_a_histogram_may_send_only_count_and_sum() -> None:
    point = {**number(0, 10), "count": "4", "sum": 8}
    (reading,) = decode_line(line(histogram("m", point))).metrics.readings
    assert (reading.point.amount, reading.point.total, reading.point.buckets) == (4, 8, None)


def test_old_spellings_and_several_documents_on_a_line_are_read() -> None:
    snake = line(counter("m", number(3, 10))).replace(b"resourceMetrics", b"resource_metrics")
    snake = snake.replace(b"timeUnixNano", b"time_unix_nano").replace(b"asDouble", b"as_double")
    snake = snake.replace(b"scopeMetrics", b"scope_metrics").replace(b"dataPoints", b"data_points")
    assert [reading.point.amount for reading in decode_line(snake).metrics.readings] == [3]
    both = line(gauge("g", number(1, 5))) + line(counter("m", number(3, 10)))
    assert [reading.name.metric for reading in decode_line(both).metrics.readings] == ["g", "m"]


def test_metrics_beside_spans_on_one_line_are_read() -> None:
    spans = json.loads((DATA / "variants" / "old-collector-style" / "traces.json").read_bytes().splitlines()[0])
    mixed = {**spans, **json.loads(line(counter("m", number(3, 10))))}
    batch = decode_line(json.dumps(mixed).encode())
    assert (batch.signal, len(batch.metrics.readings), batch.span_count > 0) == ("mixed", 1, True)


def test_secrets_do_not_become_labels() -> None:
    point = number(3, 10, password="hunter2secret", url="https://b/v?X-Amz-Signature=deadbeefsignature")
    (reading,) = decode_line(line(counter("m", point))).metrics.readings
    assert "hunter2secret" not in repr(reading)
    assert "deadbeefsignature" not in repr(reading)


@pytest.mark.parametrize("wire", [b"7", b'{"a":1}', b'[{"scopeMetrics":7}]', b'[{"scopeMetrics":[{"metrics":[3]}]}]'])
def test_what_is_no_list_of_metrics_is_counted_not_raised(wire: bytes) -> None:
    batch = decode_line(b'{"resourceMetrics":' + wire + b"}").metrics
    assert batch.readings == ()
    with pytest.raises(ValueError):  # noqa: PT011  (msgspec's own)
        decode_metrics(wire)
