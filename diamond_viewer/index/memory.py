"""MemoryStore: the store in memory. One writer lays blocks into segments, any number of readers ask.

One lock: a writer holds it while it lays a block (milliseconds), a reader while it looks at columns; originals are
decompressed and decoded outside of it. What leaves the store are values, never live arrays.
"""

import threading
from collections.abc import Sequence
from typing import Self

import numpy as np

from diamond_viewer.index import answers
from diamond_viewer.index.adoption import adopt
from diamond_viewer.index.big_traces import BIG_SPANS, GROWTH, BigTrace, extend
from diamond_viewer.index.block import Block, block_of
from diamond_viewer.index.catalogue import Rows
from diamond_viewer.index.columns import Column, Indexes
from diamond_viewer.index.duplicates import held_span_keys, repeated_rows
from diamond_viewer.index.originals import Excerpt
from diamond_viewer.index.places import NOWHERE, Keys, PlaceTable, trace_keys
from diamond_viewer.index.postings import PostingRun, posted, posting_run
from diamond_viewer.index.reassembly import reassemble
from diamond_viewer.index.scanning import scan
from diamond_viewer.index.segment import Place, Segment
from diamond_viewer.index.summaries import summary
from diamond_viewer.query.query import Query
from diamond_viewer.query.terms import Field
from diamond_viewer.store import Adoption, SealedSpans
from diamond_viewer.telemetry.model import Facets, FeedState, Health, Histogram, Page, Stats, Trace, TraceSummary
from diamond_viewer.telemetry.otlp import Batch
from diamond_viewer.telemetry.otlp_spans import decode_spans, sketch_spans
from diamond_viewer.telemetry.sketch import TraceSketch, distinct

SEGMENT_SPANS = 131_072
SEARCH_NS = 200_000_000  # spent on originals before a search answers with what was found so far
STATS_NS = 100_000_000
PENDING_SPANS = 32_768  # laid down without waiting for ``commit``: a bound on what waits decoded

_FIRST_SEGMENT = 2**20  # what is adopted later is older and counts down from here
_NUMBER_BITS = 32
_NUMBER_MASK = 2**_NUMBER_BITS - 1
_POSTED_COLUMNS = {Field.OPERATION: "name", Field.SERVICE: "service", Field.USER: "user", Field.LESSON: "lesson"}


class MemoryStore:
    """Answers ``TraceStore`` and takes what the feed writes as ``TraceWriter``.

    ``budget_bytes`` bounds what the segments hold; when it is passed the oldest segment goes, with its traces.
    """

    def __init__(self, budget_bytes: int, segment_spans: int = SEGMENT_SPANS) -> None:
        self._budget_bytes = budget_bytes
        self._segment_spans = segment_spans
        self._lock = threading.RLock()
        self._open = Segment(_FIRST_SEGMENT)
        self._segments: dict[int, Segment] = {_FIRST_SEGMENT: self._open}
        self._places = PlaceTable()
        self._digests: dict[bytes, int] = {}
        self._pending: list[Batch] = []
        self._pending_digests: dict[bytes, int] = {}
        self._pending_spans = 0
        self._big: dict[tuple[int, int], BigTrace] = {}  # by segment and trace number
        self._assembles_late = False  # nobody asks a packer anything: its traces are worked out once, at the end
        self._version = 0
        self._feed = FeedState()
        self._duplicate_spans = self._conflicting_spans = 0
        self._evicted_spans = self._evicted_traces = 0
        self._packed_bytes: dict[int, int] = {}  # by segment number: packed segments hardly change any more

    # -- the writer's side

    def is_held(self, digest: bytes) -> bool:
        span_count = self._digests.get(digest)
        if span_count is None:
            return False
        self._duplicate_spans += span_count
        return True

    def add(self, batch: Batch, digest: bytes) -> None:
        self._digests[digest] = self._pending_digests[digest] = batch.span_count
        if batch.span_count:
            self._pending.append(batch)
            self._pending_spans += batch.span_count
            if self._pending_spans >= PENDING_SPANS:
                self.commit()

    def commit(self) -> None:
        if not self._pending and not self._pending_digests:
            self._settle()
            return
        batches, digests = self._pending, self._pending_digests
        self._pending, self._pending_digests, self._pending_spans = [], {}, 0
        with self._lock:
            self._open.digests |= digests
            if batches:
                self._lay(batches)
                self._version += 1
            if self._open.spans.size >= self._segment_spans:
                self._open.pack()
                self._packed_bytes[self._open.number] = self._open.size_bytes
                number = self._open.number + 1
                self._open = self._segments[number] = Segment(number)
            self._evict()

    def _settle(self) -> None:
        """Nothing new has come: work out the big traces that have waited for it."""
        stale = [place for place, big in self._big.items() if big.is_stale]
        if stale:
            with self._lock:
                self._reassemble([(self._segments[segment], number) for segment, number in stale])
                self._version += 1

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
        reassemble([(segment, trace) for trace in range(segment.traces.size)])
        segment.traces.pack()
        return segment

    def adopt(self, spans: SealedSpans) -> Adoption:
        """See ``TraceWriter``: ``spans`` is a packed segment. Nothing has changed unless it was taken."""
        segment = spans
        assert isinstance(segment, Segment)
        with self._lock:
            if self._memory_bytes() + segment.size_bytes > self._budget_bytes:
                return Adoption.NO_ROOM
            number = min(self._segments) - 1
            if self._digests.keys() & segment.digests.keys() or not adopt(segment, number, self._places, self._place):
                return Adoption.HAS_REPEATS
            self._segments[number] = segment
            self._digests |= segment.digests
            self._packed_bytes[number] = segment.size_bytes
            for home, trace in segment.homes.values():  # its keys have changed: they are gathered anew when needed
                self._big.pop((home.number, trace), None)
            self._version += 1
        return Adoption.TAKEN

    def report(self, state: FeedState) -> None:
        if state != self._feed:
            self._feed = state

    def _lay(self, batches: Sequence[Batch]) -> None:
        segment = self._open
        block = block_of(batches, segment.dictionary)
        distinct, first_rows, trace_of_row = np.unique(block.keys, return_index=True, return_inverse=True)
        places = self._places.find(distinct)
        held = [self._place(place) for place in places.tolist()]
        repeats = repeated_rows(block, batches, trace_of_row, held, self._big)
        self._duplicate_spans += len(repeats.exact)
        self._conflicting_spans += repeats.conflicts
        keep = np.ones(len(block), bool)
        keep[repeats.exact] = False
        if not keep.any():
            return
        has_news = np.bincount(block.rows["line"][keep], minlength=len(batches)) > 0
        lines = np.array(
            [segment.originals.append(batch.original) if has_news[at] else 0 for at, batch in enumerate(batches)],
            np.int64,
        )

        # a number in this segment for every trace of the block
        is_new = places == NOWHERE
        numbers = np.empty(len(distinct), np.int64)
        new_rows = first_rows[is_new]
        first_new = segment.add_traces(
            {"high": block.high[new_rows], "low": block.low[new_rows], "lives_here": np.ones(len(new_rows), np.uint8)},
            len(new_rows),
        )
        numbers[is_new] = np.arange(first_new, first_new + len(new_rows))
        self._places.put(distinct[is_new], numbers[is_new] | segment.number << _NUMBER_BITS)
        for at in np.flatnonzero(~is_new).tolist():
            home = held[at]
            assert home is not None
            numbers[at] = self._number_of(home, block, int(first_rows[at]))

        kept = np.flatnonzero(keep)
        traces = numbers[trace_of_row[kept]]
        order = kept[np.argsort(traces, kind="stable")]
        rows: dict[str, Column] = {name: column[order] for name, column in block.rows.items()}
        rows["trace"] = numbers[trace_of_row[order]]
        rows["line"] = lines[rows["line"]]
        first_row = segment.append_rows(rows, len(order))
        postings = [posting_run(field, rows[column], rows["trace"]) for field, column in _POSTED_COLUMNS.items()]
        self._post(postings + self._add_events(block, order, first_row, numbers[trace_of_row]))
        if not self._assembles_late:
            self._tell(rows, block.span_keys[order])

    def _tell(self, rows: Rows, keys: Keys) -> None:
        """Work out what is to be said of the traces that have new ``rows``, which are sorted by trace."""
        numbers, starts = np.unique(rows["trace"], return_index=True)
        changed = []
        for number, start, end in zip(numbers.tolist(), starts.tolist(), [*starts[1:].tolist(), None], strict=True):
            home = self._open.homes.get(number, (self._open, number))
            big = self._big.get((home[0].number, home[1])) if self._big else None
            if big is None:
                changed.append(home)
                continue
            big.learn(keys[start:end])
            extend(home, {name: column[start:end] for name, column in rows.items()})
            big.is_stale = True
            if home[0].traces["span_count"][home[1]] >= GROWTH * big.assembled_spans:
                changed.append(home)
        self._reassemble(changed)

    def _reassemble(self, homes: Sequence[Place]) -> None:
        reassemble(homes)
        for segment, number in homes:
            span_count = int(segment.traces["span_count"][number])
            if span_count >= BIG_SPANS:
                big = self._big.get((segment.number, number))
                if big is None:
                    big = self._big[segment.number, number] = BigTrace(span_count)
                    big.learn(held_span_keys((segment, number)))
                big.assembled_spans, big.is_stale = span_count, False

    def _place(self, place: int) -> Place | None:
        return None if place == NOWHERE else (self._segments[place >> _NUMBER_BITS], place & _NUMBER_MASK)

    def _number_of(self, home: Place, block: Block, row: int) -> int:
        """The number that a known trace has in the open segment; a trace from elsewhere comes in as a guest."""
        segment, number = home
        if segment is self._open:
            return number
        key = (segment.number, number)
        guest = self._open.guest_numbers.get(key)
        if guest is None:
            ids = {"high": block.high[row : row + 1], "low": block.low[row : row + 1]}
            guest = self._open.guest_numbers[key] = self._open.add_traces(ids, 1)
            self._open.homes[guest] = home
            segment.guests.setdefault(number, []).append((self._open, guest))
        return guest

    def _add_events(self, block: Block, order: Indexes, first_row: int, traces: Indexes) -> list[PostingRun]:
        """Lay the events of the rows that are kept; returns the postings of events and mentions."""
        segment = self._open
        row_of = np.full(len(block), NOWHERE, np.int64)
        row_of[order] = np.arange(first_row, first_row + len(order))
        event_rows = row_of[block.events["row"]]
        kept = event_rows != NOWHERE
        columns = {name: column[kept] for name, column in block.events.items()}
        segment.events.append({**columns, "row": event_rows[kept]}, int(np.count_nonzero(kept)))
        postings = [posting_run(Field.EVENT, columns["name"], traces[columns["row"]])]
        mentions = [mention for mention in block.mentions if row_of[mention[1]] != NOWHERE]
        for field, row, code in mentions:
            segment.mentions.setdefault(int(row_of[row]), []).append((field, code))
        for field in {mention[0] for mention in mentions}:
            pairs = np.array([(code, traces[row]) for found, row, code in mentions if found is field], np.int64)
            postings.append(posting_run(field, pairs[:, 0], pairs[:, 1]))
        return postings

    def _post(self, postings: list[PostingRun]) -> None:
        """A trace is posted where it lives, under the code that its value has there."""
        segment = self._open
        run = np.concatenate(postings)
        if segment.homes:
            is_guest = np.isin(run & _NUMBER_MASK, list(segment.homes))
            for field, code, guest in map(posted, np.unique(run[is_guest]).tolist()):
                home, number = segment.homes[guest]
                home_code = home.dictionary.intern(segment.dictionary.texts[code])
                home.postings.add(posting_run(field, np.array([home_code]), np.array([number])))
            run = run[~is_guest]
        segment.postings.add(run)

    # -- the budget

    def _evict(self) -> None:
        """Let the oldest segments go until the rest fits; the open one always stays."""
        while len(self._segments) > 1 and self._memory_bytes() > self._budget_bytes:
            oldest = self._segments.pop(min(self._segments))
            del self._packed_bytes[oldest.number]
            for digest in oldest.digests:
                self._digests.pop(digest, None)
            lives_here = oldest.traces["lives_here"] > 0
            self._places.remove(trace_keys(oldest.traces["high"][lives_here], oldest.traces["low"][lives_here]))
            self._evicted_traces += int(np.count_nonzero(lives_here))
            self._evicted_spans += oldest.spans.size
            self._big = {place: big for place, big in self._big.items() if place[0] != oldest.number}
            for place, guest in [place for places in oldest.guests.values() for place in places]:
                del place.homes[guest]  # what came later of a trace that is gone goes with it
            for guest, (segment, number) in oldest.homes.items():
                segment.guests[number] = [place for place in segment.guests[number] if place != (oldest, guest)]
            reassemble(list(oldest.homes.values()))
            self._version += 1

    def _memory_bytes(self) -> int:
        segments = sum(self._packed_bytes.values()) + self._open.size_bytes
        big = sum(big.size_bytes for big in self._big.values())
        return segments + big + self._places.size_bytes + 140 * len(self._digests)

    # -- the readers' side

    def version(self) -> int:
        return self._version

    def search(self, query: Query, now_ns: int) -> Page:
        self._scan(query, now_ns, SEARCH_NS)
        with self._lock:
            return answers.search(list(self._segments.values()), query, now_ns, self._version)

    def trace(self, trace_id: str) -> Trace | None:
        found = self._excerpts(trace_id)
        if found is None:
            return None
        trace_summary, wanted = found
        spans = [span for excerpt in wanted for span in decode_spans(excerpt.read(), trace_summary.trace_id)]
        if len(spans) != trace_summary.span_count:  # a line was kept for its news, but repeats some spans of another
            spans = list({repr(span): span for span in spans}.values())
        return Trace(trace_summary, tuple(spans))

    def sketch(self, trace_id: str) -> TraceSketch | None:
        found = self._excerpts(trace_id)
        if found is None:
            return None
        trace_summary, wanted = found
        spans = [span for excerpt in wanted for span in sketch_spans(excerpt.read(), trace_summary.trace_id)]
        if len(spans) != trace_summary.span_count:
            spans = distinct(spans)
        return TraceSketch(trace_summary, tuple(spans))

    def summary(self, trace_id: str) -> TraceSummary | None:
        with self._lock:
            place = self._place_of(trace_id)
            return summary(*place) if place else None

    def _place_of(self, trace_id: str) -> Place | None:
        try:
            halves = np.frombuffer(bytes.fromhex(trace_id), ">u8").astype(np.uint64)
        except ValueError:
            return None
        if len(halves) != 2:
            return None
        return self._place(int(self._places.find(trace_keys(halves[:1], halves[1:]))[0]))

    def _excerpts(self, trace_id: str) -> tuple[TraceSummary, list[Excerpt]] | None:
        """The lines that a trace lies on."""
        with self._lock:
            place = self._place_of(trace_id)
            if place is None:
                return None
            wanted = []
            for segment, number in place[0].places_of(place[1]):
                rows = segment.rows_of(number)
                wanted += [segment.originals.excerpt(line) for line in np.unique(segment.spans["line"][rows]).tolist()]
            return summary(*place), wanted

    def stats(self, query: Query, now_ns: int) -> Stats:
        self._scan(query, now_ns, STATS_NS)
        with self._lock:
            return answers.stats(list(self._segments.values()), query, now_ns)

    def histogram(self, query: Query, now_ns: int, buckets: int) -> Histogram:
        with self._lock:
            return answers.histogram(list(self._segments.values()), query, now_ns, buckets)

    def facets(self, query: Query, now_ns: int, limit: int) -> Facets:
        with self._lock:
            return answers.facets(list(self._segments.values()), query, now_ns, limit)

    def _scan(self, query: Query, now_ns: int, budget_ns: int) -> None:
        scan(self._lock, lambda: list(self._segments.values()), query.terms(now_ns), budget_ns)

    def values(self, field: str, text: str, limit: int) -> list[tuple[str, int]]:
        with self._lock:
            return answers.values(list(self._segments.values()), Field(field), text, limit)

    def health(self) -> Health:
        with self._lock:
            lives = [segment.traces["lives_here"] > 0 for segment in self._segments.values()]
            spans = [segment.traces["span_count"] for segment in self._segments.values()]
            return Health(
                version=self._version,
                traces=sum(int(np.count_nonzero(here)) for here in lives),
                spans=sum(int(count[here].sum()) for here, count in zip(lives, spans, strict=True)),
                lines=self._feed.lines,
                duplicate_spans=self._duplicate_spans,
                memory_bytes=self._memory_bytes(),
                feed=self._feed,
                counters={
                    "conflicting_spans": self._conflicting_spans,
                    "evicted_spans": self._evicted_spans,
                    "evicted_traces": self._evicted_traces,
                },
            )
