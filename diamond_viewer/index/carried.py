"""The values that traces carry, most frequent first. What packed segments say is added up once and kept: they hardly change."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from diamond_viewer.index.segment import Segment
from diamond_viewer.query.terms import Field

MAX_LOOKED_AT = 50_000  # distinct values of a field, in all segments together: about 50 ms
MIN_LOOKED_AT = 1_000  # in each segment, however many there are
ENTRY_BYTES = 200  # of a value that is kept, in a dict and in order; its text belongs to a segment


@dataclass(frozen=True, slots=True)
class _Kept:
    """Of the packed segments as they were in ``state``. ``is_cut``: some have more values than were looked at."""

    state: tuple[object, ...]
    counts: Counter[str]
    ordered: tuple[tuple[str, int], ...]
    is_cut: bool


class CarriedValues:
    """Asked under the store's lock."""

    def __init__(self) -> None:
        self._kept: dict[Field, _Kept] = {}

    def values(self, segments: Sequence[Segment], field: Field, text: str, limit: int) -> list[tuple[str, int]]:
        """See ``TraceStore.values``. Case does not matter.

        Of millions of distinct values only the most frequent of each segment are looked at: their counts are exact, and what
        is on many traces is among them.
        """
        share = max(MIN_LOOKED_AT, MAX_LOOKED_AT // max(1, len(segments)))
        packed = [segment for segment in segments if not segment.is_open]
        growing = [segment for segment in segments if segment.is_open]
        kept = self._of_packed(packed, field, share)
        fresh, is_cut = _frequent(growing, field, share)
        if is_cut:
            fresh |= kept.counts.keys()
        unknown = [value for value in fresh if value not in kept.counts] if kept.is_cut else []
        counts = _counted(growing, field, fresh) + _counted(packed, field, unknown)
        counts.update({value: kept.counts[value] for value in counts.keys() & kept.counts.keys()})

        wanted = text.casefold()
        others = (pair for pair in kept.ordered if pair[0] not in counts and wanted in pair[0].casefold())
        found = [*islice(others, limit), *(pair for pair in counts.items() if wanted in pair[0].casefold())]
        return sorted(found, key=_most_first)[:limit]

    def _of_packed(self, packed: Sequence[Segment], field: Field, share: int) -> _Kept:
        state = share, tuple((segment.number, segment.postings.revision) for segment in packed)
        kept = self._kept.get(field)
        if kept is None or kept.state != state:
            frequent, is_cut = _frequent(packed, field, share)
            counts = _counted(packed, field, frequent)
            ordered = tuple(sorted(counts.items(), key=_most_first))
            kept = self._kept[field] = _Kept(state, counts, ordered, is_cut)
        return kept

    @property
    def size_bytes(self) -> int:
        return sum(ENTRY_BYTES * len(kept.ordered) for kept in self._kept.values())


def _most_first(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]


def _frequent(segments: Sequence[Segment], field: Field, share: int) -> tuple[set[str], bool]:
    """The ``share`` values of each segment that are on most of its traces, and whether any has more."""
    found: set[str] = set()
    is_cut = False
    for segment in segments:
        codes, sizes = segment.postings.counts(field)
        if len(codes) > share:
            codes = codes[np.argpartition(sizes, len(codes) - share)[len(codes) - share :]]
            is_cut = True
        texts = segment.dictionary.texts
        found.update(texts[code] for code in codes.tolist())
    return found, is_cut


def _counted(segments: Sequence[Segment], field: Field, values: Collection[str]) -> Counter[str]:
    """On how many traces of the segments each value is; those that are on none are left out."""
    counts: Counter[str] = Counter()
    for segment in segments if values else ():
        codes, sizes = segment.postings.counts(field)
        held = [(value, code) for value in values if (code := segment.dictionary.find(value)) is not None]
        places = np.searchsorted(codes, [code for _, code in held])
        for (value, code), place in zip(held, places.tolist(), strict=True):
            if place < len(codes) and codes[place] == code:
                counts[value] += int(sizes[place])
    return counts
