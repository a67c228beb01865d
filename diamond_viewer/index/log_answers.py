"""The answer to a question about log records, over all segments: columns first, then the originals of what is still open.

A text is looked for in the compressed originals, newest first, for as long as one is given, and each record at most once;
what was found stays with the segment. The store's lock is held to look at columns, not to read originals.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np

from diamond_viewer.index.columns import Column, Indexes, is_among
from diamond_viewer.index.needles import Haystack, Needles, Wanted, may_hold, needles_of
from diamond_viewer.index.opening import read_each
from diamond_viewer.index.originals import Excerpt
from diamond_viewer.index.places import Keys
from diamond_viewer.index.remembered import Mask
from diamond_viewer.index.segment_logs import LookedThrough, SegmentLogs
from diamond_viewer.query.log_query import LogQuery, Word, says
from diamond_viewer.query.patterns import Contains
from diamond_viewer.query.terms import HasText, Overlaps
from diamond_viewer.telemetry.found_logs import FoundLogs, LogHistogram
from diamond_viewer.telemetry.model import Log
from diamond_viewer.telemetry.otlp_logs import read_logs
from diamond_viewer.telemetry.severity import LEVELS

LINES_AT_ONCE = 32  # between two holds of the lock
ROWS_AT_ONCE = 50_000  # of a segment that are put in order before they are read
MAX_SERVICES = 12

Lock = AbstractContextManager[object]
Held = Callable[[], Sequence[SegmentLogs]]


@dataclass(frozen=True, slots=True)
class Named:
    """What a record is asked to name: itself (``column`` of its row has ``value``), or by its trace, one of ``keys``."""

    column: str
    value: str
    keys: Keys


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as the index sees it. ``key`` is that of a trace, None for any."""

    query: LogQuery
    window: Overlaps
    key: Keys | None
    named: tuple[Named, ...]
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """A line to be looked through: rows of it that are not decided yet, and where they stand on it."""

    known: LookedThrough
    rows: Indexes
    places: Indexes
    excerpt: Excerpt


def find_logs(lock: Lock, held: Held, asked: Asked, budget_ns: int, buckets: int) -> FoundLogs:
    """See ``TraceStore.logs``; ``version`` and ``held_since_ns`` are left to the store."""
    if asked.words:
        _look_through(lock, held, asked, budget_ns)
    query = asked.query
    with lock:
        matches, undecided_ns = _matches(held(), asked)
        total = sum(len(rows) for _, rows in matches)
        listed = matches
        if query.anchor:
            listed = [(logs, rows[logs.rows["time_ns"][rows] <= query.anchor]) for logs, rows in matches]
        newer = total - sum(len(rows) for _, rows in listed)
        excerpts = [
            (logs.originals.excerpt(int(logs.rows["line"][row])), int(logs.rows["place"][row]))
            for logs, row in _page(listed, (query.page - 1) * query.limit, query.limit)
        ]
        levels, services = _levels(matches), _services(matches)
        histogram = _histogram(matches, asked.window, buckets)
    return FoundLogs(
        logs=_read(excerpts),
        total=total,
        newer=newer,
        is_complete=undecided_ns < 0,
        scanned_to_ns=max(0, undecided_ns),
        levels=levels,
        services=services,
        histogram=histogram,
    )


def _fitting(logs: SegmentLogs, asked: Asked) -> Mask:
    """Which rows fit as far as columns say."""
    rows, window, least = logs.rows, asked.window, asked.query.least_level
    fits = np.ones(rows.size, bool)
    if window.since_ns is not None:
        fits &= rows["time_ns"] >= window.since_ns
    if window.until_ns is not None:
        fits &= rows["time_ns"] <= window.until_ns
    if least:
        fits &= rows["level"] >= least
    if asked.key is not None:
        of_trace = np.zeros(rows.size, bool)
        of_trace[logs.rows_of(asked.key)] = True
        fits &= of_trace
    if asked.query.service:
        fits &= _has(logs, "service", asked.query.service)
    for named in asked.named:
        fits &= _has(logs, named.column, named.value) | is_among(rows["key"], named.keys)
    return fits


def _has(logs: SegmentLogs, column: str, text: str) -> Mask:
    code = logs.dictionary.find(text)
    found: Mask = logs.rows[column] == code if code else np.zeros(logs.rows.size, bool)
    return found


def _matches(held: Sequence[SegmentLogs], asked: Asked) -> tuple[list[tuple[SegmentLogs, Indexes]], int]:
    """The rows that match, as far as is known, and the newest time of one that nobody has looked at (-1: none)."""
    found: list[tuple[SegmentLogs, Indexes]] = []
    undecided_ns = -1
    for logs in held:
        fits = _fitting(logs, asked) if len(logs) else np.zeros(0, bool)
        if asked.words and fits.any():
            known = logs.searched_for(asked.words)
            open_ns = logs.rows["time_ns"][fits & ~known.decided]
            undecided_ns = max(undecided_ns, int(open_ns.max(initial=-1)))
            fits &= known.says
        rows = np.flatnonzero(fits)
        if len(rows):
            found.append((logs, rows))
    return found, undecided_ns


def _page(matches: Sequence[tuple[SegmentLogs, Indexes]], skipped: int, count: int) -> list[tuple[SegmentLogs, int]]:
    """The newest rows after ``skipped`` newer ones. Of each segment only what may stand there is sorted."""
    most = skipped + count
    times: list[Column] = []
    kept: list[tuple[SegmentLogs, Indexes]] = []
    for logs, rows in matches:
        time_ns = logs.rows["time_ns"][rows]
        if len(rows) > most:
            newest = np.argpartition(time_ns, len(rows) - most)[len(rows) - most :]
            rows, time_ns = rows[newest], time_ns[newest]
        kept.append((logs, rows))
        times.append(time_ns)
    if not kept:
        return []
    of = np.repeat(np.arange(len(kept)), [len(rows) for _, rows in kept])
    every = np.concatenate([rows for _, rows in kept])
    # the last of a time first: as it was read, only backwards
    order = np.lexsort((-every, -of, -np.concatenate(times)))[skipped:most]
    return [(kept[at][0], row) for at, row in zip(of[order].tolist(), every[order].tolist(), strict=True)]


def _read(excerpts: Sequence[tuple[Excerpt, int]]) -> tuple[Log, ...]:
    """Each line is read once, however many of the records lie on it."""
    wanted: dict[tuple[int, int], tuple[Excerpt, list[int]]] = {}
    for at, (excerpt, _) in enumerate(excerpts):
        wanted.setdefault(excerpt.place, (excerpt, []))[1].append(at)
    lines = [wanted[place] for place in sorted(wanted)]
    found: dict[int, Log] = {}
    for text, (_, numbers) in zip(read_each([excerpt for excerpt, _ in lines]), lines, strict=True):
        places = {excerpts[at][1]: at for at in numbers}
        found.update((places[place], log.whole()) for place, log in read_logs(text, places, _anything))
    return tuple(found[at] for at in sorted(found))


def _levels(matches: Sequence[tuple[SegmentLogs, Indexes]]) -> tuple[int, ...]:
    counts = [np.bincount(logs.rows["level"][rows], minlength=len(LEVELS)) for logs, rows in matches]
    return tuple(np.sum(counts, axis=0).tolist()) if counts else (0,) * len(LEVELS)


def _services(matches: Sequence[tuple[SegmentLogs, Indexes]]) -> tuple[tuple[str, int], ...]:
    counts: Counter[str] = Counter()
    for logs, rows in matches:
        by_code = np.bincount(logs.rows["service"][rows])
        for code in np.flatnonzero(by_code).tolist():
            counts[logs.dictionary.texts[code]] += int(by_code[code])
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MAX_SERVICES])


def _histogram(matches: Sequence[tuple[SegmentLogs, Indexes]], window: Overlaps, buckets: int) -> LogHistogram:
    times = np.concatenate([logs.rows["time_ns"][rows] for logs, rows in matches]) if matches else np.zeros(0, np.int64)
    levels = np.concatenate([logs.rows["level"][rows] for logs, rows in matches]) if matches else np.zeros(0, np.uint8)
    times, levels = times[times > 0], levels[times > 0]
    if not len(times):
        return LogHistogram()
    first = window.since_ns if window.since_ns is not None else int(times.min())
    last = window.until_ns if window.until_ns is not None else int(times.max())
    width = max(1, -(-(last - first + 1) // buckets))
    places = np.minimum((times - first) // width, buckets - 1)
    counted = np.bincount(levels.astype(np.int64) * buckets + places, minlength=len(LEVELS) * buckets)
    return LogHistogram(first, width, tuple(map(tuple, counted.reshape(len(LEVELS), buckets).tolist())))


def _look_through(lock: Lock, held: Held, asked: Asked, budget_ns: int) -> None:
    """Until every row that fits is decided or the time is used up; some lines are read whatever the budget."""
    deadline_ns = time.monotonic_ns() + budget_ns
    wanted = _needles(asked.words)
    with lock:
        segments = sorted((logs for logs in held() if len(logs)), key=_newest_ns, reverse=True)
    for logs in segments:
        while True:
            with lock:
                lines = _open_lines(logs, asked)
            if not lines:
                break
            waiting = iter(lines)
            while some := list(islice(waiting, LINES_AT_ONCE)):
                said = []
                for line, text in zip(some, read_each([line.excerpt for line in some]), strict=True):
                    said.append((line, _places_saying(text, set(line.places.tolist()), asked.words, wanted)))
                    if time.monotonic_ns() > deadline_ns:
                        break
                with lock:
                    for line, places in said:
                        line.known.decided[line.rows] = True
                        line.known.says[line.rows] = is_among(line.places, np.array(sorted(places), np.int64))
                if time.monotonic_ns() > deadline_ns:
                    return


def _newest_ns(logs: SegmentLogs) -> int:
    return int(logs.rows["time_ns"].max())


def _open_lines(logs: SegmentLogs, asked: Asked) -> list[_Line]:
    """The newest lines with rows that fit and are not decided, for ``ROWS_AT_ONCE`` rows. Should the segment be packed before
    they are read, what is found is written down where nobody looks any more, and looked for again."""
    known = logs.searched_for(asked.words)
    rows = np.flatnonzero(_fitting(logs, asked) & ~known.decided)
    if not len(rows):
        return []
    # one that came late may stand on an older line; among lines of one time the last is the newest
    of_row, time_ns = logs.rows["line"][rows], logs.rows["time_ns"][rows]
    newest_ns = np.full(logs.originals.line_count, -1, np.int64)
    np.maximum.at(newest_ns, of_row, time_ns)
    counts = np.bincount(of_row, minlength=len(newest_ns))
    order = np.lexsort((np.arange(len(newest_ns)), newest_ns))[::-1]
    order = order[counts[order] > 0]
    chosen = order[: 1 + int(np.searchsorted(np.cumsum(counts[order]), ROWS_AT_ONCE))]
    is_chosen = np.zeros(len(newest_ns), bool)
    is_chosen[chosen] = True
    of_chosen = is_chosen[of_row]
    rows, of_row = rows[of_chosen], of_row[of_chosen]
    by_line = np.argsort(of_row, kind="stable")
    parts = np.split(rows[by_line], np.cumsum(counts[is_chosen])[:-1])
    found = dict(zip(np.flatnonzero(is_chosen).tolist(), parts, strict=True))
    return [
        _Line(known, found[line], logs.rows["place"][found[line]].astype(np.int64), logs.originals.excerpt(line))
        for line in chosen.tolist()
    ]


def _needles(words: Sequence[Word]) -> Wanted:
    """Bytes that must stand in a record that says all of the words."""
    named = [needles_of(HasText(Contains(word.folded))) for word in words if word.is_wanted]
    parts = tuple(needle for needle in named if needle is not None)
    return Needles(parts, all_needed=True) if parts else None


def _places_saying(text: bytes, places: set[int], words: Sequence[Word], wanted: Wanted) -> set[int]:
    """Of the records at ``places`` of a line those that say it."""
    line = Haystack(text)
    if line.left_over(wanted) is not None:
        return set()
    may = _anything if line.is_odd else partial(may_hold, wanted=wanted)
    return {place for place, log in read_logs(text, places, may) if says(words, log.whole())}


def _anything(raw: bytes) -> bool:
    return True
