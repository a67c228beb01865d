"""Who had trouble, and how watching goes over all lessons: from postings and columns. Called under the store's lock."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from diamond_viewer.diagnosis.vocabulary import LOADED, RESUME_ATTEMPT, WAY_EVENTS
from diamond_viewer.index.answers import masks_of
from diamond_viewer.index.columns import Column, Indexes
from diamond_viewer.index.matching import matching_traces
from diamond_viewer.index.segment import Segment
from diamond_viewer.query.resembling import contains_words, words_of
from diamond_viewer.query.terms import Field, Overlaps
from diamond_viewer.query.troubled import ranked_troubles
from diamond_viewer.telemetry.model import Flag
from diamond_viewer.telemetry.ways import Troubles, Watching

_NONE: Indexes = np.empty(0, np.int64)


def troubles(segments: Sequence[Segment], field: Field, text: str, window: Overlaps, limit: int) -> Troubles:
    """See ``TraceStore.troubles``."""
    numbers: dict[str, int] = {}
    wanted = words_of(text)
    parts = [(_NONE, _NONE, _NONE)]
    for segment in segments:
        codes, traces = segment.postings.pairs_among(field, _in_window(segment, window))
        distinct, which = np.unique(codes, return_inverse=True)
        texts = [segment.dictionary.texts[code] for code in distinct.tolist()]
        number = np.array(
            [numbers.setdefault(one, len(numbers)) if contains_words(one, wanted) else -1 for one in texts], np.int64
        )
        which = number[which] if len(number) else _NONE
        traces = traces[which >= 0]
        parts.append((which[which >= 0], segment.traces["flags"][traces], segment.traces["start_ns"][traces]))
    which, flags, start_ns = (np.concatenate([part[at] for part in parts]) for at in range(3))
    return ranked_troubles(list(numbers), which, flags.astype(np.int64), start_ns, limit)


def watching(segments: Sequence[Segment], window: Overlaps) -> Watching:
    """See ``TraceStore.watching``."""
    lessons: set[str] = set()
    matches = []
    for segment in segments:
        codes, traces = segment.postings.pairs_among(Field.LESSON, _in_window(segment, window))
        lessons.update(segment.dictionary.texts[code] for code in np.unique(codes).tolist())
        if len(traces):
            matches.append((segment, np.unique(traces)))
    errors = sum(int(np.count_nonzero(home.traces["flags"][traces] & Flag.ERROR)) for home, traces in matches)
    counts: Counter[str] = Counter()
    amounts: dict[str, list[Column]] = {LOADED: [], RESUME_ATTEMPT: []}
    for segment, mask in masks_of(segments, matches):
        if not segment.events.size:
            continue
        names = segment.events["name"]
        is_theirs = mask[segment.spans["trace"][segment.events["row"]]]
        for name in WAY_EVENTS:
            if (code := segment.dictionary.find(name)) is not None:
                chosen = is_theirs & (names == code)
                counts[name] += int(np.count_nonzero(chosen))
                if name in amounts:
                    amounts[name].append(segment.events["amount"][chosen])
    return Watching(
        len(lessons),
        sum(len(traces) for _, traces in matches),
        errors,
        {name: count for name, count in sorted(counts.items()) if count},
        _percentiles(amounts[LOADED]),
        _percentiles(amounts[RESUME_ATTEMPT]),
    )


def _in_window(segment: Segment, window: Overlaps) -> Column:
    mask = np.zeros(segment.traces.size, bool)
    mask[matching_traces(segment, [window])] = True
    return mask


def _percentiles(parts: Sequence[Column]) -> tuple[float, float] | None:
    values = np.concatenate([np.empty(0, np.float32), *parts])
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    ranks = [max(0, -(-percent * len(values) // 100) - 1) for percent in (50, 95)]
    ordered = np.partition(values, ranks)
    return float(ordered[ranks[0]]), float(ordered[ranks[1]])
