"""LogShare: what log records may take of the memory when there is no room for everything.

They leave by themselves, the oldest first, before the first trace has to: a flood of logs must not drive the traces out.
While there is room they may take all of it. What leaves with its segment was older than what stays, like its traces.
"""

from collections.abc import Mapping

import numpy as np

from diamond_viewer.index.eviction import horizon_of
from diamond_viewer.index.segment import Segment
from diamond_viewer.index.segment_logs import SegmentLogs

SHARE = 4  # of the whole budget, one part


class LogShare:
    """``held_since_ns``: from when on records are held, 0 while all are; ``evicted``: how many had to leave."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self.held_since_ns = 0
        self.evicted = 0

    def shed(self, segments: Mapping[int, Segment], arriving: Segment | None = None) -> Segment | None:
        """Let the oldest records go if all take more than the share; returns the segment that they left, None if all stay.

        Those of a segment that is only ``arriving`` are older than all that are held.
        """
        held_bytes = sum(segment.logs.size_bytes for segment in segments.values())
        packed = [number for number, segment in segments.items() if len(segment.logs) and not segment.is_open]
        oldest = arriving or (segments[min(packed)] if packed else None)
        if oldest is None or not len(oldest.logs):
            return None
        if held_bytes + (arriving.logs.size_bytes if arriving else 0) <= self._limit_bytes:
            return None
        self.leave(oldest)
        oldest.logs = SegmentLogs()
        oldest.logs.pack()
        return oldest

    def leave(self, segment: Segment) -> None:
        """The records of this segment are held no more."""
        times_ns = segment.logs.rows["time_ns"]
        self.held_since_ns = max(self.held_since_ns, horizon_of(np.asarray(times_ns)))
        self.evicted += len(segment.logs)
