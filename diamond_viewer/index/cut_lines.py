"""CutLines: of the lines that traces were taken from lately, where the spans of each stand. Most are taken from again: what has
come to rest is examined, then held against what its person did before, then shown.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from diamond_viewer.index.originals import Excerpt
from diamond_viewer.telemetry.model import Span
from diamond_viewer.telemetry.otlp_cuts import Cuts
from diamond_viewer.telemetry.otlp_spans import decode_spans_among

MAX_BYTES = 6 * 1024**2  # some 300 lines of 1,000 spans: a minute at 5,000 spans a second
MIN_LINE_BYTES = 16 * 1024  # a shorter line is decoded as a whole in no time


class CutLines:
    """Safe to use from any thread."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        # by place, which is only a line's own while somebody holds the excerpt
        self._kept: OrderedDict[tuple[int, int], tuple[Excerpt, Cuts]] = OrderedDict()
        self.size_bytes = 0

    def spans_of(self, line: Excerpt, text: bytes, trace_ids: AbstractSet[str]) -> Iterable[Span]:
        """The spans of these traces on a line with this text, as ``decode_spans_among``. Raises ``msgspec.DecodeError``."""
        if len(text) < MIN_LINE_BYTES or not line.is_sealed:
            return decode_spans_among(text, trace_ids)
        return self._cuts_of(line, text).spans_of(text, trace_ids)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self.size_bytes = 0

    def _cuts_of(self, line: Excerpt, text: bytes) -> Cuts:
        with self._lock:
            kept = self._kept.get(line.place)
            if kept is not None:
                self._kept.move_to_end(line.place)
                return kept[1]
        cuts = Cuts(text)
        with self._lock:
            if line.place not in self._kept:
                self._kept[line.place] = line, cuts
                self.size_bytes += cuts.size_bytes
            while self.size_bytes > self._max_bytes:
                _, (_, oldest) = self._kept.popitem(last=False)
                self.size_bytes -= oldest.size_bytes
        return cuts
