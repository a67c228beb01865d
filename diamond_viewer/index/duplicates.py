"""A span that comes a second time: the same content counts once, another content under the same ids is kept and counted.

Retries resend whole batches, collectors regroup them, Zipkin-style tracers share one span id between client and server.
Ids alone decide who is a suspect; the decoded originals decide what it is.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from diamond_viewer.index.big_traces import BigTrace
from diamond_viewer.index.block import Block
from diamond_viewer.index.columns import Indexes, is_among
from diamond_viewer.index.originals import Excerpt
from diamond_viewer.index.places import Keys, span_keys, trace_keys
from diamond_viewer.index.segment import Place
from diamond_viewer.telemetry.otlp import Batch
from diamond_viewer.telemetry.otlp_spans import decode_spans

Versions = dict[tuple[str, str], list[str]]


@dataclass(frozen=True, slots=True)
class Repeats:
    """``exact`` are the block's rows that are held already; ``conflicts`` counts rows that share ids but not content."""

    exact: Indexes
    conflicts: int


_NO_REPEATS = Repeats(np.empty(0, np.int64), 0)


def repeated_rows(
    block: Block,
    batches: Sequence[Batch],
    trace_of_row: Indexes,
    held: Sequence[Place | None],
    big: Mapping[tuple[int, int], BigTrace],
) -> Repeats:
    """``trace_of_row`` points into ``held``: where each trace of the block lives, None for those that are new."""
    suspects = np.zeros(len(block), bool)
    small: list[Place] = []
    for trace, place in enumerate(held):
        if place is None:
            continue
        if known := big.get((place[0].number, place[1])):
            rows_of_trace = np.flatnonzero(trace_of_row == trace)
            suspects[rows_of_trace] = known.span_keys.holds(block.span_keys[rows_of_trace])
        else:
            small.append(place)
    known_keys = [held_span_keys(place) for place in small]
    ordered = np.sort(block.span_keys)
    repeated = ordered[1:][ordered[1:] == ordered[:-1]]
    if len(repeated):
        suspects |= is_among(block.span_keys, repeated)
    if known_keys:
        suspects |= is_among(block.span_keys, np.concatenate(known_keys))
    rows = np.flatnonzero(suspects).tolist()
    if not rows:
        return _NO_REPEATS
    return _Comparison(block, batches, trace_of_row, held).of(rows)


def held_span_keys(place: Place) -> Keys:
    """The keys of all spans of a trace, wherever they lie."""
    segment, number = place
    span_ids = [home.spans["span_id"][home.rows_of(guest)] for home, guest in segment.places_of(number)]
    joined = np.concatenate(span_ids)
    key = trace_keys(segment.traces["high"][number : number + 1], segment.traces["low"][number : number + 1])
    return span_keys(np.repeat(key, len(joined)), joined)


class _Comparison:
    """Decodes each line that is needed once."""

    def __init__(
        self, block: Block, batches: Sequence[Batch], trace_of_row: Indexes, held: Sequence[Place | None]
    ) -> None:
        self._block, self._batches, self._trace_of_row, self._held = block, batches, trace_of_row, held
        self._new: dict[int, Versions] = {}
        self._old: dict[tuple[int, int], Versions] = {}

    def of(self, rows: list[int]) -> Repeats:
        exact, conflicts = [], 0
        seen: dict[tuple[int, int], set[str]] = {}
        taken: Counter[tuple[int, str, str]] = Counter()
        for row in rows:
            trace, span_id = int(self._trace_of_row[row]), int(self._block.rows["span_id"][row])
            ids = (f"{int(self._block.high[row]):016x}{int(self._block.low[row]):016x}", f"{span_id:016x}")
            if (trace, span_id) not in seen:
                seen[trace, span_id] = self._held_versions(trace, span_id, ids)
            line = int(self._block.rows["line"][row])
            # the same ids twice on one line: the rows are in the order of the line
            version = self._versions_of_batch(line)[ids][taken[line, *ids]]
            taken[line, *ids] += 1
            if version in seen[trace, span_id]:
                exact.append(row)
            else:
                conflicts += bool(seen[trace, span_id])
                seen[trace, span_id].add(version)
        return Repeats(np.array(exact, np.int64), conflicts)

    def _held_versions(self, trace: int, span_id: int, ids: tuple[str, str]) -> set[str]:
        place = self._held[trace]
        versions: set[str] = set()
        for segment, number in place[0].places_of(place[1]) if place else ():
            rows = segment.rows_of(number)
            for row in rows[segment.spans["span_id"][rows] == span_id].tolist():
                line = int(segment.spans["line"][row])
                at = (segment.number, line)
                if at not in self._old:
                    self._old[at] = _versions(segment.originals.excerpt(line))
                versions.update(self._old[at].get(ids, ()))
        return versions

    def _versions_of_batch(self, line: int) -> Versions:
        if line not in self._new:
            self._new[line] = _versions(Excerpt.of(self._batches[line].original))
        return self._new[line]


def _versions(line: Excerpt) -> Versions:
    versions: Versions = {}
    for span in decode_spans(line.read()):
        versions.setdefault((span.trace_id, span.span_id), []).append(repr(span))
    return versions
