"""What the spans of a service are called, and of which kind they are. Called under the store's lock."""

from collections.abc import Iterable

import numpy as np

from diamond_viewer.index.columns import sorted_distinct
from diamond_viewer.index.segment import Segment

_KIND_BITS = 8


def names_of_spans(segments: Iterable[Segment], service: str, limit: int) -> list[tuple[str, int]]:
    """At most ``limit`` names with their kind, in order."""
    found: set[tuple[str, int]] = set()
    for segment in segments:
        code = segment.dictionary.find(service)
        if code is None:
            continue
        rows = np.flatnonzero(segment.spans["service"] == code)
        packed = segment.spans["name"][rows].astype(np.int64) << _KIND_BITS | segment.spans["kind"][rows]
        texts = segment.dictionary.texts
        found |= {(texts[one >> _KIND_BITS], one & (1 << _KIND_BITS) - 1) for one in sorted_distinct(packed).tolist()}
    return sorted(found)[:limit]
