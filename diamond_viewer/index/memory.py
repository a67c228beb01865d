"""MemoryStore: the store in memory, from the writer's side. One writer lays blocks into segments; it holds the lock while it
lays one, which takes milliseconds.
"""

import time
from collections.abc import Callable, Sequence
from itertools import compress
from typing import Self

import numpy as np

from diamond_viewer.diagnosis.diagnose import DEFAULTS
from diamond_viewer.diagnosis.finding import Thresholds
from diamond_viewer.index.adoption import adopt
from diamond_viewer.index.big_traces import (
    ASSEMBLED_ROW_BYTES,
    BIG_SPANS,
    GROWTH,
    HUGE_SPANS,
    BigTrace,
    extend,
    recount,
)
from diamond_viewer.index.block import block_of
from diamond_viewer.index.budget import Budget
from diamond_viewer.index.catalogue import Rows
from diamond_viewer.index.columns import Column
from diamond_viewer.index.counting import Counting
from diamond_viewer.index.departed import LINE_BYTES, DepartedLines
from diamond_viewer.index.departed_traces import DepartedTraces
from diamond_viewer.index.duplicates import held_span_keys, repeated_rows
from diamond_viewer.index.eviction import horizon_ns, unlink
from diamond_viewer.index.examined import ExaminedTraces
from diamond_viewer.index.held import NUMBER_BITS
from diamond_viewer.index.laying import Arrival, add_events, add_faults, add_links, attach, new_marks, number_of, post
from diamond_viewer.index.log_share import SHARE as LOG_SHARE
from diamond_viewer.index.log_share import LogShare
from diamond_viewer.index.metric_series import SHARE as METRIC_SHARE
from diamond_viewer.index.metric_series import MetricSeries
from diamond_viewer.index.places import NOWHERE, Keys
from diamond_viewer.index.postings import posting_run
from diamond_viewer.index.reassembly import reassemble, reassemble_packed
from diamond_viewer.index.segment import POSTED_COLUMNS, Place, Segment, by_segment, living_counts, row_count
from diamond_viewer.resident import family_bytes, give_back, live_long
from diamond_viewer.store import Adoption, SealedSpans
from diamond_viewer.telemetry.model import FeedState, Health
from diamond_viewer.telemetry.otlp import Batch

SEGMENT_SPANS = 131_072
SEGMENTS = 16  # at least, when the budget is spent: what goes at a time is a sixteenth
MIN_SEGMENT_BYTES = 1024**2
PENDING_SPANS = 32_768  # laid down without waiting for ``commit``; fewer in a small budget, since what waits is decoded

DEPARTED_SHARE = 64  # of the budget: 1 GiB remembers 700,000 lines that have left it
DIGEST_BYTES = 160  # of a line, beside what its segment counts: the digest and its entries in two dicts


class MemoryStore(ExaminedTraces):
    """Answers ``TraceStore`` and takes what the feed writes as ``TraceWriter``.

    ``budget_bytes`` bounds what the index takes, and what the process takes if ``resident`` measures that; ``reserve_bytes``
    of it stay free. When it is passed the oldest segment goes, with its traces.
    """

    def __init__(
        self,
        budget_bytes: int,
        segment_spans: int = SEGMENT_SPANS,
        *,
        reserve_bytes: int = 0,
        resident: Callable[[], int] | None = None,
        thresholds: Thresholds = DEFAULTS,
    ) -> None:
        logs, metrics = LogShare(budget_bytes // LOG_SHARE), MetricSeries(budget_bytes // METRIC_SHARE)
        super().__init__(DepartedTraces.within(budget_bytes), metrics, logs, thresholds)
        self._budget = Budget(budget_bytes, reserve_bytes, resident)
        self._segment_spans = segment_spans
        self._huge_spans = min(HUGE_SPANS, reserve_bytes // ASSEMBLED_ROW_BYTES) if reserve_bytes else HUGE_SPANS
        self._segment_bytes = max(budget_bytes // SEGMENTS, MIN_SEGMENT_BYTES)
        self._digests: dict[bytes, int] = {}
        self._departed = DepartedLines(budget_bytes // DEPARTED_SHARE // LINE_BYTES + 1)
        self._pending: list[Batch] = []
        self._pending_digests: dict[bytes, int] = {}
        self._pending_spans = 0
        self._big: dict[tuple[int, int], BigTrace] = {}  # by segment and trace number
        self._assembles_late = False  # nobody asks a packer anything: its traces are worked out once, at the end
        self._feed = FeedState()
        self._duplicate_spans = self._conflicting_spans = self._duplicate_logs = 0
        self._evicted_spans = self._evicted_traces = self._held_since_ns = 0
        self._totals = (-1, 0, 0)  # version, traces, spans
        self._spare_known = (0, 0)  # ``_answered``, and what was kept then to answer faster
        self._packed_bytes: dict[int, int] = {}  # by segment number: packed segments hardly change any more

    def is_held(self, digest: bytes) -> bool:
        span_count = self._digests.get(digest)
        if span_count is None:
            span_count = self._departed.span_count_of(digest)
        if span_count is None:
            return False
        self._duplicate_spans += span_count
        return True

    def add(self, batch: Batch, digest: bytes) -> None:
        self._digests[digest] = self._pending_digests[digest] = batch.span_count
        if batch.has_metrics:
            self._metrics.add(batch.metrics)
        if batch.is_worth_keeping:
            self._pending.append(batch)
            self._pending_spans += batch.span_count + len(batch.logs.marks)
            if self._pending_spans >= min(PENDING_SPANS, max(4_096, self._budget.limit_bytes // 8_192)):
                self.commit()

    def commit(self) -> None:
        if not self._pending and not self._pending_digests:
            self._settle()
            return
        batches, digests = self._pending, self._pending_digests
        self._pending, self._pending_digests, self._pending_spans = [], {}, 0
        arrival = self._look_up(batches) if batches else None  # only the writer changes what it reads: no lock yet
        with self._lock:
            self._open.digests |= digests
            if arrival is not None:
                self._lay(batches, arrival)
            self._version += 1
            if self._open.spans.size >= self._segment_spans or self._open.size_bytes >= self._segment_bytes:
                self._counting.catch_up(self._open)
                self._open.pack()
                self._packed_bytes[self._open.number] = self._open.size_bytes
                number = self._open.number + 1
                self._open = self._segments[number] = Segment(number)
                give_back()
            self._evict()

    def _settle(self) -> None:
        """Nothing new has come: work out the big traces that have waited for it."""
        stale = [place for place, big in self._big.items() if big.is_stale]
        if stale:
            with self._lock:
                self._reassemble([(self._segments[segment], number) for segment, number in stale])
                for place in stale:
                    self._big[place].is_stale = False
                self._version += 1

    @classmethod
    def of_process(cls, budget_bytes: int, reserve_bytes: int, thresholds: Thresholds = DEFAULTS) -> Self:
        """The store that a process lives for: the budget is that of the whole process."""
        live_long()
        return cls(budget_bytes, reserve_bytes=reserve_bytes, resident=family_bytes, thresholds=thresholds)

    @classmethod
    def packer(cls) -> Self:
        """A store that packs one file into one segment, for another process's store to adopt."""
        store = cls(budget_bytes=2**62, segment_spans=2**31)
        store._assembles_late = True
        return store

    def handed_over(self) -> Segment:
        """All that was added, as one packed segment for another store to adopt. This store is not to be used any more."""
        self.commit()
        segment = self._open
        segment.pack()
        reassemble_packed(segment)
        segment.traces.pack()
        self._counting.catch_up(segment)
        segment.metrics, segment.counting = self._metrics, self._counting
        return segment

    def adopt(self, spans: SealedSpans) -> Adoption:
        """See ``TraceWriter``: ``spans`` is a packed segment. No trace has changed unless it was taken."""
        segment = spans
        assert isinstance(segment, Segment)
        with self._lock:
            more_bytes = segment.size_bytes + DIGEST_BYTES * len(segment.digests)
            if self._budget.is_passed(self._memory_bytes() + more_bytes) and self._log_share.shed(
                self._segments, segment
            ):
                more_bytes = segment.size_bytes + DIGEST_BYTES * len(segment.digests)
            if self._budget.is_passed(self._memory_bytes() + more_bytes):
                self._held_since_ns = max(self._held_since_ns, horizon_ns(segment))
                self._take_metrics(segment)  # they have a share of their own, and nobody reads this file again
                return Adoption.NO_ROOM
            number = min(self._segments) - 1
            if self._digests.keys() & segment.digests.keys() or segment.repeats_logs_of(self._segments.values()):
                return Adoption.HAS_REPEATS
            larger = adopt(segment, number, self._places, self._place)
            if larger is None:
                return Adoption.HAS_REPEATS
            self._segments[number] = segment
            self._take_metrics(segment)
            assert isinstance(segment.counting, Counting)
            self._counting.add_all(segment.counting)
            segment.counting = None
            self._digests |= segment.digests
            self._packed_bytes[number] = segment.size_bytes
            for home, trace in larger:  # its keys have changed: they are gathered anew
                self._big.pop((home.number, trace), None)
                home.pairs.clear()
            self._reassemble(larger)
            self._version += 1
        give_back()  # what it was sent in
        return Adoption.TAKEN

    def _take_metrics(self, segment: Segment) -> None:
        if segment.metrics is not None:
            self._version += segment.metrics.size_bytes > 0
            self._metrics.add_all(segment.metrics)
            segment.metrics = None

    def report(self, state: FeedState) -> None:
        if state != self._feed:
            self._feed = state
        if state.ready and not self._counting.is_live:
            with self._lock:
                self._counting.follow(self._open)

    @property
    def is_followed(self) -> bool:
        """The backlog has been read: what comes now comes as it happens."""
        return self._feed.ready

    def _look_up(self, batches: Sequence[Batch]) -> Arrival:
        """Where the traces of the batches live, and which of their spans are held already."""
        block = block_of(batches, self._open.dictionary)
        distinct, first_rows, trace_of_row = np.unique(block.keys, return_index=True, return_inverse=True)
        places = self._places.find(distinct)
        held = [self._place(place) for place in places.tolist()]
        repeats = repeated_rows(block, batches, trace_of_row, held, self._big)
        marks = new_marks([batch.logs for batch in batches], self._segments.values())
        return Arrival(block, distinct, first_rows, trace_of_row, places, held, repeats, marks)

    def _lay(self, batches: Sequence[Batch], arrival: Arrival) -> None:
        segment, block, repeats = self._open, arrival.block, arrival.repeats
        distinct, first_rows, trace_of_row = arrival.distinct, arrival.first_rows, arrival.trace_of_row
        places, held = arrival.places, arrival.held
        self._duplicate_spans += len(repeats.exact)
        self._conflicting_spans += repeats.conflicts
        keep = np.ones(len(block), bool)
        keep[repeats.exact] = False
        has_news = np.bincount(block.rows["line"][keep], minlength=len(batches)) > 0
        lines = np.zeros(len(batches), np.int64)
        for at, (batch, is_new_mark) in enumerate(zip(batches, arrival.new_marks, strict=True)):
            self._duplicate_logs += int(np.count_nonzero(~is_new_mark))
            if has_news[at]:
                lines[at] = line = segment.originals.append(batch.original)
                attach(segment, line, batch)
            if is_new_mark.any():
                segment.logs.add(batch.logs, is_new_mark, batch.log_original)
        if not keep.any():
            return

        # a number in this segment for every trace of the block
        is_new = places == NOWHERE
        numbers = np.empty(len(distinct), np.int64)
        new_rows = first_rows[is_new]
        first_new = segment.add_traces(
            {"high": block.high[new_rows], "low": block.low[new_rows], "lives_here": np.ones(len(new_rows), np.uint8)},
            len(new_rows),
        )
        numbers[is_new] = np.arange(first_new, first_new + len(new_rows))
        self._places.put(distinct[is_new], numbers[is_new] | segment.number << NUMBER_BITS)
        for at in np.flatnonzero(~is_new).tolist():
            home = held[at]
            assert home is not None
            numbers[at] = number_of(segment, home, block, int(first_rows[at]))

        kept = np.flatnonzero(keep)
        traces = numbers[trace_of_row[kept]]
        order = kept[np.argsort(traces, kind="stable")]
        rows: dict[str, Column] = {name: column[order] for name, column in block.rows.items()}
        rows["trace"] = numbers[trace_of_row[order]]
        rows["line"] = lines[rows["line"]]
        first_row = segment.append_rows(rows, len(order))
        postings = [posting_run(field, rows[column], rows["trace"]) for field, column in POSTED_COLUMNS.items()]
        post(segment, postings + add_events(segment, block, order, first_row, numbers[trace_of_row]))
        add_faults(segment, block, order, first_row)
        add_links(segment, batches, order, first_row)
        if not self._assembles_late:
            self._tell(rows, block.span_keys[order])
            if self._counting.is_due(segment):
                self._counting.catch_up(segment)

    def _tell(self, rows: Rows, keys: Keys) -> None:
        """Work out what is to be said of the traces that have new ``rows``, which are sorted by trace."""
        numbers, starts = np.unique(rows["trace"], return_index=True)
        changed = []
        grown: dict[int, Segment] = {}
        for number, start, end in zip(numbers.tolist(), starts.tolist(), [*starts[1:].tolist(), None], strict=True):
            home = self._open.homes.get(number, (self._open, number))
            grown[home[0].number] = home[0]
            big = self._big.get((home[0].number, home[1])) if self._big else None
            if big is None:
                changed.append(home)
                continue
            big.span_keys.learn(keys[start:end])
            with self._watching_starts([home]):
                extend(home, {name: column[start:end] for name, column in rows.items()})
            big.is_stale = True
            if home[0].traces["span_count"][home[1]] >= GROWTH * big.assembled_spans and not self._is_huge(home):
                changed.append(home)
        self._reassemble(changed)
        for segment in grown.values():
            if segment is not self._open:  # texts and postings of later spans have come to it
                segment.pairs.clear()
                self._packed_bytes[segment.number] = segment.size_bytes

    def _reassemble(self, homes: Sequence[Place]) -> None:
        is_huge = [self._is_huge(home) for home in homes]
        with self._watching_starts(homes):
            reassemble([home for home, huge in zip(homes, is_huge, strict=True) if not huge])
            for home in compress(homes, is_huge):
                recount(home)
        for segment, _, numbers in by_segment(homes):
            span_counts = segment.traces["span_count"][numbers]
            for at in np.flatnonzero(span_counts >= BIG_SPANS).tolist():
                number, span_count = int(numbers[at]), int(span_counts[at])
                big = self._big.get((segment.number, number))
                if big is None:
                    big = self._big[segment.number, number] = BigTrace(span_count)
                    big.span_keys.learn(held_span_keys((segment, number)))
                big.assembled_spans, big.is_stale = span_count, False

    def _is_huge(self, home: Place) -> bool:
        """Too large to be worked out as a whole: that takes time, and room for all of its rows side by side."""
        return row_count(home) > self._huge_spans

    # -- the budget

    def _evict(self) -> None:
        """Let go what is only kept to answer faster, then the oldest segments until the rest fits; the open one stays."""
        if self._budget.is_passed(self._memory_bytes()) and (self._spare_bytes() or self._cut_lines.size_bytes):
            self._drop_spare()
            self._spare_known = (self._answered, 0)
            give_back()
        while self._budget.is_passed(self._memory_bytes()) and (lighter := self._log_share.shed(self._segments)):
            self._packed_bytes[lighter.number] = lighter.size_bytes
            self._version += 1
            give_back()
        while len(self._segments) > 1 and self._budget.is_passed(self._memory_bytes()):
            before_bytes, oldest = self._budget.measured_bytes(), self._segments.pop(min(self._segments))
            size_bytes = self._packed_bytes.pop(oldest.number)
            for digest in oldest.digests:
                self._digests.pop(digest, None)
            self._departed.note(oldest.digests)
            big = [number for segment, number in self._big if segment == oldest.number]
            self._held_since_ns = max(self._held_since_ns, horizon_ns(oldest))
            self._log_share.leave(oldest)
            self._cut_lines.clear()  # they hold blocks of it
            lived = oldest.keys_of_living()
            gone, smaller = unlink(oldest, self._places, big)
            self._departed_traces.remember(lived[self._places.find(lived) == NOWHERE], time.time_ns())
            for segment, number in [*((oldest, number) for number in big), *smaller]:
                self._big.pop((segment.number, number), None)  # it knows spans that are gone
                segment.pairs.clear()
            self._reassemble(smaller)
            self._evicted_traces += gone
            self._evicted_spans += oldest.spans.size
            self._version += 1
            del oldest
            give_back()
            if before_bytes - self._budget.measured_bytes() < size_bytes // 4 and self._budget.fits(
                self._memory_bytes()
            ):
                break  # its pages are not free yet: to let more go would empty the index for nothing

    def _memory_bytes(self) -> int:
        segments = sum(self._packed_bytes.values()) + self._open.size_bytes
        big = sum(big.span_keys.size_bytes for big in self._big.values())
        if self._spare_known[0] != self._answered:
            self._spare_known = self._answered, self._spare_bytes()
        departed = self._departed.size_bytes + self._departed_traces.size_bytes
        lines = departed + DIGEST_BYTES * len(self._digests)
        beside = self._spare_known[1] + self._cut_lines.size_bytes + self._metrics.size_bytes
        return segments + big + beside + self._places.size_bytes + lines

    def feed(self) -> FeedState:
        return self._feed

    def health(self) -> Health:
        with self._lock:
            if self._totals[0] != self._version:
                self._totals = self._version, *living_counts(self._segments.values())
            return Health(
                version=self._version,
                traces=self._totals[1],
                spans=self._totals[2],
                lines=self._feed.lines,
                duplicate_spans=self._duplicate_spans,
                memory_bytes=self._memory_bytes(),
                budget_bytes=self._budget.limit_bytes,
                held_since_ns=self._held_since_ns,
                feed=self._feed,
                counters={
                    "conflicting_spans": self._conflicting_spans,
                    "duplicate_logs": self._duplicate_logs,
                    "logs": sum(len(segment.logs) for segment in self._segments.values()),
                    "evicted_logs": self._log_share.evicted,
                    "evicted_spans": self._evicted_spans,
                    "evicted_traces": self._evicted_traces,
                },
            )
