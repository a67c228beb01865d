"""Platform: all visits together, and the export requests their telemetry becomes."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from random import Random

from diamond_viewer.demo.cast import PINO, PLAYER, WORKER, Lesson
from diamond_viewer.demo.instruments import Instruments
from diamond_viewer.demo.recorder import Log, Recorder
from diamond_viewer.demo.visits import Visit, next_visit
from diamond_viewer.demo.wire import logs_line, traces_line
from diamond_viewer.telemetry.model import Resource, Span

NS_PER_SECOND = 1_000_000_000
MAX_BATCH_SPANS = 512  # the SDK's batch processor exports at the latest then
PLAYER_DELAY_NS = 4 * NS_PER_SECOND  # browsers send what they have every few seconds: later than the server does
METRICS_EVERY_NS = 15 * NS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Line:
    """One export request, without its newline; ``signal`` is traces | metrics | logs."""

    signal: str
    at_ns: int
    payload: bytes


class Platform:
    """The demo's world. The same seed, start and calls give the same lines, byte for byte."""

    def __init__(self, seed: int, start_ns: int) -> None:
        self.now_ns = start_ns
        self._random = Random(seed)
        self._number = count()
        self._visit_count = 0
        self._opened: dict[str, set[Lesson]] = {}
        self._next_visit_ns = start_ns
        self._metrics_due_ns = start_ns + METRICS_EVERY_NS
        self._visits: list[tuple[int, int, Visit, Recorder]] = []  # a heap by the time of the next step
        self._spans: list[tuple[int, int, Span]] = []  # a heap by the time of export
        self._logs: list[tuple[int, int, Log]] = []
        self._instruments: dict[int, Instruments] = {}

    def lines(self, until_ns: int, interval_ns: int, visits_per_minute: float) -> Iterator[Line]:
        """What is exported up to ``until_ns``, every ``interval_ns``; the rest of an interval waits for the next call."""
        while self.now_ns + interval_ns <= until_ns:
            self.now_ns += interval_ns
            self._happen(visits_per_minute)
            yield from self._export_spans()
            yield from self._export_logs()
            if self._metrics_due_ns <= self.now_ns:
                self._metrics_due_ns = self.now_ns + METRICS_EVERY_NS
                for instruments in self._instruments.values():
                    yield from (Line("metrics", self.now_ns, payload) for payload in instruments.lines(self.now_ns))

    def _happen(self, visits_per_minute: float) -> None:
        while self._next_visit_ns <= self.now_ns:
            recorder = Recorder(self._random, self._next_visit_ns)
            visit = next_visit(recorder, self._visit_count, self._opened)
            self._visit_count += 1
            heapq.heappush(self._visits, (recorder.now_ns, next(self._number), visit, recorder))
            self._next_visit_ns += int(self._random.expovariate(visits_per_minute / 60) * NS_PER_SECOND)
        while self._visits and self._visits[0][0] <= self.now_ns:
            _, number, visit, recorder = heapq.heappop(self._visits)
            wait_seconds = next(visit, None)
            self._collect(recorder)
            if wait_seconds is not None:
                recorder.now_ns += int(wait_seconds * NS_PER_SECOND)
                heapq.heappush(self._visits, (recorder.now_ns, number, visit, recorder))

    def _collect(self, recorder: Recorder) -> None:
        for span in recorder.spans:
            delay_ns = PLAYER_DELAY_NS if span.resource is PLAYER else 0
            heapq.heappush(self._spans, (span.end_ns + delay_ns, next(self._number), span))
        for log in recorder.logs:
            heapq.heappush(self._logs, (log.time_ns, next(self._number), log))
        for measurement in recorder.measurements:
            instruments = self._instruments.setdefault(id(measurement.resource), Instruments(measurement.resource))
            instruments.add(measurement)
        for written in (recorder.spans, recorder.logs, recorder.measurements):
            written.clear()

    def _export_spans(self) -> Iterator[Line]:
        """A line per process and batch; now and then the Collector puts two processes' batches into one line."""
        processes: dict[int, list[Span]] = {}
        while self._spans and self._spans[0][0] <= self.now_ns:
            span = heapq.heappop(self._spans)[2]
            processes.setdefault(id(span.resource), []).append(span)
        worker = processes.get(id(WORKER))
        if worker and len(processes) > 1 and self._random.random() < 0.2:
            del processes[id(WORKER)]
            next(iter(processes.values())).extend(worker)
        for spans in processes.values():
            for first in range(0, len(spans), MAX_BATCH_SPANS):
                yield Line("traces", self.now_ns, traces_line(spans[first : first + MAX_BATCH_SPANS]))

    def _export_logs(self) -> Iterator[Line]:
        processes: dict[int, tuple[Resource, list[Log]]] = {}
        while self._logs and self._logs[0][0] <= self.now_ns:
            log = heapq.heappop(self._logs)[2]
            processes.setdefault(id(log.resource), (log.resource, []))[1].append(log)
        for resource, logs in processes.values():
            yield Line("logs", self.now_ns, logs_line(resource, PINO, logs))
