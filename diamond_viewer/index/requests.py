"""Requests and jobs of a segment, each once, and the database queries they ran."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diamond_viewer.diagnosis.vocabulary import BOOKKEEPING_STATEMENTS, PRISMA, REPORT_ROUTE, waits_on_purpose
from diamond_viewer.index.catalogue import DATABASE
from diamond_viewer.index.columns import Column, Indexes
from diamond_viewer.index.kin import Kin, Names, gathered, kin_of, split_traces
from diamond_viewer.index.lineage import distinct_tuples, most_frequent, nearest
from diamond_viewer.index.segment import Segment
from diamond_viewer.index.worked_out import Calls, Queries, Requests, WorkedOut
from diamond_viewer.telemetry.model import KIND_CONSUMER, KIND_SERVER, STATUS_ERROR
from diamond_viewer.telemetry.tallies import OTHERS, OperationKey

MAX_KEYS = 2_000  # of one segment that are told apart
REPEATED_COUNT, REPEATED_NS, CERTAIN_COUNT = 5, 50_000_000, 8  # as ``diagnosis.database.repeated_query``
KINDS = ("request", "job", "other")
PARAMETERS = frozenset("[{*:")  # a route with one of these names many addresses


def is_told(segment: Segment) -> bool:
    return segment.requests is not None and segment.requests.row_count == segment.spans.size


def tell(segment: Segment) -> bool:
    """Work out what a segment did, as far as it can be seen from here; False when it is known."""
    if is_told(segment):
        return False
    segment.requests = WorkedOut(segment.spans.size, requests_of(kin_of(segment)))
    return True


def told_requests(segments: Sequence[Segment]) -> list[tuple[Segment, Requests]]:
    """Everything by the segment in which its trace lives; of segments that are not told yet only what lies in several."""
    split = split_traces(segments)
    is_gathered = {segment.number: np.zeros(segment.traces.size, bool) for segment in segments}
    for home, trace in split:
        is_gathered[home.number][trace] = True
        for place, number in home.guests[trace]:
            is_gathered[place.number][number] = True
    answer = []
    for segment in segments:
        if segment.requests is None or not is_told(segment):
            continue
        own, theirs = segment.requests.found, is_gathered[segment.number]
        if segment.guests or segment.homes:
            answer.append((segment, own.of(~theirs[own.calls.trace], ~theirs[own.queries.trace])))
            answer += [
                (home, own.of(own.calls.trace == guest, own.queries.trace == guest).moved_to(trace))
                for guest, (home, trace) in segment.homes.items()
                if not theirs[guest]
            ]
        else:
            answer.append((segment, own))
    if split:
        across = requests_of(gathered(split))
        homes, traces = np.array([home.number for home, _ in split]), np.array([trace for _, trace in split])
        for segment in {home.number: home for home, _ in split}.values():
            mine = across.of(homes[across.calls.trace] == segment.number, homes[across.queries.trace] == segment.number)
            answer.append((segment, mine.moved_to(traces)))
    return answer


def requests_of(kin: Kin) -> Requests:
    return Requests(_calls(kin), _queries(kin))


@dataclass(frozen=True, slots=True)
class Works:
    """Pieces of work, one at each place: ``rows`` are where they begin, ``name`` counts ``names``, ``key`` counts ``keys``."""

    rows: Indexes
    name: Indexes
    names: Names
    key: Indexes
    keys: list[OperationKey]
    has_failed: Column


def works_of(kin: Kin, max_keys: int = MAX_KEYS) -> Works:
    """Requests, jobs and other roots among the rows. One has failed if it did, or the request inside that it stands for.

    Of more than ``max_keys`` keys those that come most often are told apart; the others by kind and service, as many of these.
    """
    kinds = kin.column("kind")
    is_root = kin.column("parent_id") == 0
    works = np.flatnonzero(kin.is_work & ((kinds == KIND_SERVER) | (kinds == KIND_CONSUMER) | is_root))
    name, names = kin.names_of(works)
    kind = np.select([kinds[works] == KIND_SERVER, kinds[works] == KIND_CONSUMER], [0, 1], 2)
    owners, service = kin.owners[works], kin.column("service")[works]

    def key_of(at: int, operation: str) -> OperationKey:
        return OperationKey(KINDS[int(kind[at])], operation, kin.text(int(owners[at]), int(service[at])))

    firsts, which = distinct_tuples([kind, name, owners, service])
    kept, key = most_frequent(which, len(firsts), max_keys)
    keys = [key_of(at, names[int(name[at])]) for at in firsts[kept].tolist()]
    rest = np.flatnonzero(key == len(kept))
    if len(rest):
        firsts, which = distinct_tuples([kind[rest], owners[rest], service[rest]])
        kept, which = most_frequent(which, len(firsts), max_keys)
        key[rest] = len(keys) + which
        keys += [*(key_of(at, OTHERS) for at in rest[firsts[kept]].tolist()), OperationKey("other", OTHERS, "")]
    is_failed = np.zeros(kin.count, bool)
    failed = kin.column("status_code") == STATUS_ERROR
    telling = np.flatnonzero(failed & (kin.is_work | (kinds == KIND_SERVER)))
    is_failed[kin.work[telling]] = True
    return Works(works, name, names, key, keys, is_failed[works])


def _calls(kin: Kin) -> Calls:
    works = works_of(kin)
    return Calls(
        _narrow(kin.traces[works.rows]),
        kin.column("start_ns")[works.rows],
        _narrow(kin.column("duration_ns")[works.rows]),
        _narrow(works.key),
        works.has_failed,
        _callers(kin, works.rows, works.name, works.names),
        tuple(works.keys),
    )


def _callers(kin: Kin, works: Indexes, name: Indexes, names: Names) -> Column:
    """A hash of user and lesson for each request that names a user and leaves no doubt what it asked for."""
    texts = list(map(names.__getitem__, range(len(names))))
    is_certain = np.array([PARAMETERS.isdisjoint(text) for text in texts], bool)[name] if texts else np.zeros(0, bool)
    tells = np.array([REPORT_ROUTE in text for text in texts], bool)[name] if texts else np.zeros(0, bool)
    parts, said = [], []
    for column in ("user", "lesson"):
        codes = kin.column(column)
        rows = np.flatnonzero(codes > 0)[::-1]  # of several the first stays
        row_of = np.full(kin.count, -1, np.int64)
        row_of[kin.work[rows]] = rows
        rows_of_works = row_of[works]
        has = rows_of_works >= 0
        at = np.maximum(rows_of_works, 0)
        parts += [np.where(has, kin.owners[at], 0), np.where(has, codes[at], 0)] if kin.count else [at, at]
        said.append(has)
    is_known = said[0] & (said[1] | is_certain) & ~tells & (kin.column("kind")[works] == KIND_SERVER)
    firsts, which = distinct_tuples(parts)
    hashes = [
        hash(tuple(kin.text(int(parts[2 * at][first]), int(parts[2 * at + 1][first])) for at in (0, 1)))
        for first in firsts.tolist()
    ]
    found = np.array(hashes, np.int64)[which] if hashes else np.zeros(0, np.int64)
    return np.where(is_known, found, 0)


def _queries(kin: Kin) -> Queries:
    count = kin.count
    number, texts = _statements(kin)
    same = np.append(number, 0)
    above = kin.forest[:count]
    has_same_above = (number > 0) & (same[above] == number)
    chain = np.append(np.where(has_same_above, above, count), count)
    outermost = nearest(chain, (number > 0) & ~has_same_above)[:count]
    has_same_below = np.zeros(count + 1, bool)
    has_same_below[above[has_same_above]] = True
    innermost = np.flatnonzero((number > 0) & ~has_same_below[:count])
    lasted_ns = kin.column("duration_ns")
    own_ns = np.zeros(count, np.int64)
    np.maximum.at(own_ns, outermost[innermost], lasted_ns[innermost])
    queries = np.flatnonzero((number > 0) & ~has_same_above)
    repeats = np.zeros(count, np.int64)
    _mark_repeats(kin, queries, number, texts, repeats)
    kept, key = most_frequent(number[queries] - 1, len(texts) - 1, MAX_KEYS)
    keys = [texts[1 + at] for at in kept.tolist()]
    if len(kept) < len(texts) - 1:
        keys.append(f"\n{OTHERS}")
    return Queries(
        _narrow(kin.traces[queries]),
        kin.column("start_ns")[queries],
        _narrow(own_ns[queries]),
        _narrow(key),
        _narrow(repeats[queries]),
        tuple(keys),
    )


def _statements(kin: Kin) -> tuple[Indexes, list[str]]:
    """For each row the number of its statement, 0 for none and for commands that wait on purpose; and what the numbers mean."""
    numbers: dict[str, int] = {"": 0}
    found = np.zeros(kin.count, np.int64)
    codes = kin.column("statement")
    for at, segment in enumerate(kin.segments):
        mine = np.flatnonzero((kin.owners == at) & (codes > 0))
        distinct, which = np.unique(codes[mine], return_inverse=True)
        meaning = np.zeros(len(distinct), np.int64)
        for place, code in enumerate(distinct.tolist()):
            text = segment.dictionary.texts[code]
            if not waits_on_purpose(text.partition("\n")[2]):
                meaning[place] = numbers.setdefault(text, len(numbers))
        found[mine] = meaning[which]
    return found, list(numbers)


def _mark_repeats(kin: Kin, queries: Indexes, number: Indexes, texts: Sequence[str], repeats: Indexes) -> None:
    """Set, on the first query of each caller that ran the same statement again and again, how often it did."""
    counts = np.array([_can_repeat(text) for text in texts], bool)
    queries = queries[counts[number[queries]]]
    if not len(queries):
        return
    is_plumbing = (kin.column("traits") & DATABASE) > 0
    names = kin.column("name")
    for at, segment in enumerate(kin.segments):
        mine = kin.owners == at
        codes = [code for code in np.unique(names[mine]).tolist() if segment.dictionary.texts[code].startswith(PRISMA)]
        is_plumbing |= mine & np.isin(names, codes)
    callers = nearest(kin.forest, ~is_plumbing)[queries]
    firsts, which = distinct_tuples([kin.traces[queries], callers, number[queries]])
    sizes = np.bincount(which)
    took_ns = np.bincount(which, weights=kin.column("duration_ns")[queries])
    is_repeated = ((sizes >= REPEATED_COUNT) & (took_ns >= REPEATED_NS)) | (sizes >= CERTAIN_COUNT)
    order = np.lexsort((queries, kin.column("start_ns")[queries], which))
    first = order[np.searchsorted(which[order], np.arange(len(firsts)))]
    repeats[queries[first[is_repeated]]] = sizes[is_repeated]


def _can_repeat(text: str) -> bool:
    system, _, statement = text.partition("\n")
    return bool(text) and system != "redis" and statement.casefold().replace("?", "1") not in BOOKKEEPING_STATEMENTS


def _narrow(values: Column) -> Column:
    """In the narrowest type that holds them: there is one for each request that is held."""
    return values.astype(np.min_scalar_type(int(values.max(initial=0))))
