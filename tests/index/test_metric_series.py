"""Series in memory: bounded, coarser with age, counted once, and the same however they came in."""

import pickle
import tracemalloc
from pathlib import Path

import pytest

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.index.metric_series import MAX_POINTS, MetricSeries
from diamond_viewer.index.segment import Segment
from diamond_viewer.store import Adoption
from diamond_viewer.telemetry.metrics import Increment, added_up
from diamond_viewer.telemetry.otlp import decode_line
from tests.index.filling import add_lines, filled
from tests.metric_lines import CUMULATIVE, DELTA, buckets, counter, gauge, histogram, line, number
from tests.plain_metrics import last_totals
from tests.plain_otlp import read_documents
from tests.plain_store import PlainStore
from tests.writing import line as spans_line
from tests.writing import span

DATA = Path(__file__).parent.parent / "data" / "diamond-district"
METRICS = (DATA / "metrics.json").read_bytes().splitlines()
VIDEO_METRICS = (
    "video.load_time_ms",
    "video.resume_time_ms",
    "video.buffering_events_total",
    "video.resume_failures_total",
    "progress.save_time_ms",
    "progress.updates_total",
)


def increments(series: MetricSeries, metric: str = "m") -> list[Increment]:
    return [increment for one in series.series(metric) for increment in one.increments()]


@pytest.mark.parametrize("metric", VIDEO_METRICS)
def test_totals_of_real_metrics_agree_with_plain_counting(metric: str) -> None:
    store = filled([METRICS])
    expected = last_totals([document for one in METRICS for document in read_documents(one)], metric)
    found = {(s.name.service, s.name.labels): added_up(s.increments()).amount for s in store.series(metric)}
    assert found == expected


def test_the_catalogue_of_real_metrics_is_that_of_plain_loops() -> None:
    found, plain = filled([METRICS]).metrics(), PlainStore.from_lines(METRICS).metrics()
    assert found.metrics == plain.metrics
    assert (found.series_count, found.others, found.unreadable_points) == (plain.series_count, 0, 0)


def test_a_line_that_comes_again_is_known_and_counts_once() -> None:
    store = filled([METRICS, METRICS])
    again = filled([METRICS, METRICS], asks_first=False)
    once = filled([METRICS])
    for metric in VIDEO_METRICS:
        assert set(store.series(metric)) == set(again.series(metric)) == set(once.series(metric))


@pytest.mark.parametrize("temporality", [DELTA, CUMULATIVE])
def test_what_is_old_is_held_more_coarsely_and_nothing_is_lost(temporality: int) -> None:
    series, total = MetricSeries(1 << 24), [0, 0, 0, 0]
    exports = 3_000
    for at in range(exports):
        added = [1, at % 3, 0, 50 if at == 1_000 else 0]
        total = added if temporality == DELTA else [a + b for a, b in zip(total, added, strict=True)]
        point = buckets(total, 10 * at + 10, 10 * at if temporality == DELTA else 0)
        series.add(decode_line(line(histogram("m", point, temporality=temporality))).metrics)
    found = increments(series)
    assert len(found) <= MAX_POINTS
    assert added_up(found).amount == exports + sum(at % 3 for at in range(exports)) + 50
    assert max(increment.peak_per_s for increment in found) == pytest.approx(5.2)
    assert found[-1].duration_ns < found[0].duration_ns
    resent = line(histogram("m", buckets([1, 0, 0, 0], 10, 0), temporality=temporality))
    series.add(decode_line(resent).metrics)  # its point is part of a coarser one, or a total at the beginning
    assert added_up(increments(series)).amount == added_up(found).amount


def test_a_gauge_keeps_its_extremes() -> None:
    series = MetricSeries(1 << 24)
    for at in range(2_000):
        series.add(decode_line(line(gauge("m", number(999 if at == 700 else -5 if at == 701 else 1, at)))).metrics)
    (found,) = series.series("m")
    assert max(point.high for point in found.points if point.high < float("inf")) == 999
    assert min(point.low for point in found.points if point.low > -float("inf")) == -5
    assert found.points[-1].amount == 1


def test_a_process_that_begins_anew_with_every_export_is_bounded_too() -> None:
    series = MetricSeries(1 << 24)
    for at in range(2_000):
        series.add(decode_line(line(counter("m", number(1, at + 1, at)))).metrics)
    assert 0 < len(increments(series)) <= MAX_POINTS


def test_series_beyond_the_limit_are_said_not_held() -> None:
    limit_bytes = 200_000
    series = MetricSeries(limit_bytes)
    for user in range(2_000):
        for at in (1, 2):
            series.add(decode_line(line(counter("m", number(user + at, at, user=user)))).metrics)
    catalogue = series.catalogue()
    assert catalogue.series_count + catalogue.others == 2_000
    assert 30 < catalogue.series_count < 100
    assert catalogue.size_bytes <= limit_bytes + 60 * catalogue.others


def test_many_long_series_give_way_to_the_limit() -> None:
    limit_bytes = 1 << 20
    series = MetricSeries(limit_bytes)
    for at in range(200):
        points = [buckets((at, at, 0, 0), 10 * at + 10, user=user) for user in range(40)]
        series.add(decode_line(line(histogram("m", *points))).metrics)
        assert series.size_bytes <= limit_bytes
    assert series.catalogue().series_count == 40
    assert added_up(increments(series)).amount == 40 * 2 * 199


def test_the_count_of_bytes_is_that_of_the_interpreter() -> None:
    tracemalloc.start()
    before_bytes = tracemalloc.get_traced_memory()[0]
    series = MetricSeries(1 << 26)
    for at in range(200):
        points = [buckets((10_000 + at, 300 * at, at, 0), at + 1, user=user) for user in range(20)]
        series.add(decode_line(line(histogram("m", *points))).metrics)
    taken_bytes = tracemalloc.get_traced_memory()[0] - before_bytes
    tracemalloc.stop()
    assert taken_bytes * 0.7 < series.size_bytes < taken_bytes * 2


def test_metrics_are_part_of_the_memory_that_health_says() -> None:
    store = filled([METRICS])
    empty = filled([])
    assert store.health().memory_bytes > empty.health().memory_bytes + store.metrics().size_bytes // 2
    assert store.version() > empty.version()


def test_what_another_process_packed_is_taken_over() -> None:
    packer = MemoryStore.packer()
    add_lines(packer, METRICS[:2])
    store = filled([METRICS[2:]])
    assert store.adopt(pickle.loads(pickle.dumps(packer.handed_over()))) is Adoption.TAKEN  # noqa: S301  (our own)
    whole = filled([METRICS])
    assert {m.name for m in store.metrics().metrics} == {m.name for m in whole.metrics().metrics}
    for metric in VIDEO_METRICS:
        assert set(map(repr, store.series(metric))) == set(map(repr, whole.series(metric)))  # NaN is not NaN
        assert store.metrics().find(metric) == whole.metrics().find(metric)


def test_events_are_counted_by_service_in_intervals_that_end_where_the_next_begins() -> None:
    lines = (DATA / "traces.json").read_bytes().splitlines()
    store, plain = filled([lines[:9], lines[9:]], segment_spans=700), PlainStore.from_lines(lines)
    first_ns = 1_795_358_297_000_000_000
    intervals = [(first_ns + at * 10**9, first_ns + (at + 1) * 10**9) for at in range(0, 30, 2)]
    for name in ("video.buffering", "job completed", "progress.data_received", "never"):
        assert store.count_events(name, intervals) == plain.count_events(name, intervals)
    assert store.count_events("video.buffering", []) == {}
    assert store.count_events("video.buffering", [(0, 2**62)]) == {"diamond-district-web": (18,)}


def test_metrics_of_a_file_whose_traces_find_no_room_are_taken_and_only_they() -> None:
    def packed(*lines: bytes) -> Segment:
        packer = MemoryStore.packer()
        add_lines(packer, lines)
        return packer.handed_over()

    bulk = [spans_line(span(1, trace=trace, name="n" * 500)) for trace in range(1, 3_000)]
    old = line(counter("m", number(4, at_s=1), number(9, at_s=2)))
    store = MemoryStore(500_000)
    version = store.version()
    assert store.adopt(packed(*bulk, old)) is Adoption.NO_ROOM
    assert store.health().traces == 0
    assert store.version() > version
    assert sum(one.amount for series in store.series("m") for one in series.increments()) == 9
    assert store.adopt(packed(*bulk, old)) is Adoption.NO_ROOM
    assert sum(one.amount for series in store.series("m") for one in series.increments()) == 9
