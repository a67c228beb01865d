"""RowFacts: what rows of the list say that stands in no column, read from their traces, and kept while those do not grow.

Traces of one page mostly lie on the same few lines: those are decoded once for all rows, not once for each.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from weakref import ref

from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import TraceSummary
from diamond_viewer.telemetry.sketch import SpanSketch, TraceSketch

SPANS_AT_ONCE = 4_000  # of traces that are sketched together; a larger one alone

Q = TypeVar("Q", bound=Hashable)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RowQuestion(Generic[Q]):
    """``held`` differs when the trace has grown."""

    trace: TraceSummary
    held: str
    asked: Q


class RowFacts(Generic[Q, T]):
    """``tell`` answers a question from the spans of a trace; ``nothing`` is said of one that is not held any more."""

    def __init__(self, tell: Callable[[Sequence[SpanSketch], Q], T], nothing: T, max_kept: int) -> None:
        self._tell, self._nothing, self._max_kept = tell, nothing, max_kept
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[ref[TraceStore], str, str, Q], T] = OrderedDict()

    def of(self, store: TraceStore, questions: Sequence[RowQuestion[Q]]) -> list[T]:
        """The answers, in order."""
        whose = ref(store)  # an import that is removed must not stay for this
        keys = [(whose, one.trace.trace_id, one.held, one.asked) for one in questions]
        with self._lock:
            known = {key: self._kept[key] for key in keys if key in self._kept}
            for key in known:
                self._kept.move_to_end(key)
        missing = [one for one, key in zip(questions, keys, strict=True) if key not in known]
        for portion in _portions(missing):
            sketches = store.sketches([one.trace.trace_id for one in portion])
            told = {
                (whose, one.trace.trace_id, one.held, one.asked): self._told(
                    sketches.get(one.trace.trace_id), one.asked
                )
                for one in portion
            }
            known |= told
            with self._lock:
                self._kept |= told
                while len(self._kept) > self._max_kept:
                    self._kept.popitem(last=False)
        return [known[key] for key in keys]

    def _told(self, sketch: TraceSketch | None, asked: Q) -> T:
        if sketch is None:
            return self._nothing
        return self._tell(sorted(sketch.spans, key=lambda span: (span.start_ns, span.span_id)), asked)


def _portions(questions: Sequence[RowQuestion[Q]]) -> Iterator[list[RowQuestion[Q]]]:
    portion: list[RowQuestion[Q]] = []
    span_count = 0
    for one in questions:
        if portion and span_count + one.trace.span_count > SPANS_AT_ONCE:
            yield portion
            portion, span_count = [], 0
        portion.append(one)
        span_count += one.trace.span_count
    if portion:
        yield portion
