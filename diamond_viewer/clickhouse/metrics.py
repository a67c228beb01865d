"""Metric points out of the cluster: the newest of each series, laid out so that everything else is as it is with files."""

import threading
import time

from diamond_viewer.clickhouse.bench import MakeBench, laid_out
from diamond_viewer.clickhouse.selection import Asked
from diamond_viewer.store import SpanBench
from diamond_viewer.telemetry.otlp_rows import METRIC_FIGURES, lines_of_metrics

MAX_POINTS = 60_000  # of each kind of table, ...
MAX_OF_SERIES = 200  # ... and of one series, its newest
MAX_AGE_S = 10.0  # charts move with the exports of SDKs, which come once a minute or so


class ClusterMetrics:
    def __init__(self, store: Asked, make_bench: MakeBench) -> None:
        self._store, self._make_bench = store, make_bench
        self._lock = threading.Lock()
        self._bench: SpanBench | None = None
        self._made_s = -1e9

    def bench(self) -> SpanBench:
        """Raises ``ClusterError``."""
        with self._lock:
            if self._bench is None or time.monotonic() - self._made_s > MAX_AGE_S:
                self._bench, self._made_s = self._laid_out(), time.monotonic()
            return self._bench

    def _laid_out(self) -> SpanBench:
        bench, line = self._make_bench(), 0
        for kind, table in self._store.layout.metrics.items():
            figures = ", ".join(METRIC_FIGURES[kind])
            start, moment = (
                f"toInt64(toUnixTimestamp64Nano(CAST({column}, 'DateTime64(9)')))"
                for column in ("StartTimeUnix", "TimeUnix")
            )
            sql = (
                "SELECT ResourceAttributes, ScopeName, ServiceName, MetricName, MetricDescription, MetricUnit, Attributes, "
                f"{start}, {moment}, Flags, tuple({figures}) FROM {table} "
                f"ORDER BY TimeUnix DESC LIMIT {MAX_OF_SERIES} BY MetricName, ServiceName, ResourceAttributes, Attributes "
                f"LIMIT {MAX_POINTS}"
            )
            line = laid_out(bench, lines_of_metrics(kind, self._store.cluster.lines(sql)), line)
        return bench
