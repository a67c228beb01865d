"""Errors and operations by plain loops over whole traces: what the index's figures are held against.

Only the values, the words that stand for a message and the statement without its values are shared with the viewer.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from diamond_viewer.diagnosis.errors import template_of
from diamond_viewer.query.terms import Overlaps
from diamond_viewer.telemetry.model import KIND_CLIENT, KIND_CONSUMER, KIND_PRODUCER, KIND_SERVER, STATUS_ERROR, Span
from diamond_viewer.telemetry.statements import without_values
from diamond_viewer.telemetry.tallies import (
    SERIES_BUCKETS,
    ErrorGroup,
    ErrorGroups,
    ErrorKey,
    OperationKey,
    Operations,
    OperationTally,
    StatementTally,
)
from tests.plain_trace import (
    DATABASE_KEYS,
    HTTP_METHODS,
    LESSON_KEYS,
    PATH_KEYS,
    ROUTE_KEYS,
    USER_KEYS,
    began_ns,
    ids_under,
    lasted_ns,
    path_of,
    text_under,
)

WAITING = {"blpop", "brpop", "blmove", "brpoplpush", "bzpopmin", "bzpopmax", "xread", "xreadgroup", "subscribe"}
BOOKKEEPING = {"begin", "commit", "rollback", "connect", "select ?"}


class Family:
    """The spans of one trace, each with its parent; a parent that is absent, and a circle, count as none."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.spans = sorted(spans, key=lambda span: (began_ns(span), span.span_id))
        self.by_id = {span.span_id: span for span in self.spans}
        circling = {span.span_id for span in self.spans if self._circles(span)}
        self.parent = {
            span.span_id: None if span.span_id in circling else self.by_id.get(span.parent_id) for span in self.spans
        }

    def _circles(self, span: Span) -> bool:
        seen: set[str] = set()
        above = self.by_id.get(span.parent_id)
        while above is not None and above.span_id not in seen:
            if above.span_id == span.span_id:
                return True
            seen.add(above.span_id)
            above = self.by_id.get(above.parent_id)
        return False

    def above(self, span: Span) -> Iterable[Span]:
        step = self.parent[span.span_id]
        while step is not None:
            yield step
            step = self.parent[step.span_id]

    def is_work(self, span: Span) -> bool:
        if self.parent[span.span_id] is None or span.kind == KIND_CONSUMER:
            return True
        if span.kind != KIND_SERVER:
            return False
        calling = (KIND_SERVER, KIND_CLIENT, KIND_PRODUCER, KIND_CONSUMER)
        return next((one.kind for one in self.above(span) if one.kind in calling), None) != KIND_SERVER

    def work(self, span: Span) -> Span:
        return next(one for one in (span, *self.above(span)) if self.is_work(one))

    def name(self, work: Span) -> str:
        if work.name not in HTTP_METHODS:
            return work.name
        inner = [one for one in self.spans if one is not work and one.kind == KIND_SERVER and self.work(one) is work]
        bearers = [work, *inner]
        routes = [text_under(one, key) for one in bearers for key in ROUTE_KEYS]
        paths = [path_of(text_under(one, key)) for one in bearers for key in PATH_KEYS]
        found = next((text for text in routes + paths if text), "")
        return f"{work.name} {found}" if found else work.name

    def causes(self) -> list[tuple[Span, ErrorKey]]:
        failed = [span for span in self.spans if span.status_code == STATUS_ERROR]
        above_failed = {one.span_id for span in failed for one in self.above(span)}
        answer = []
        for cause in (span for span in failed if span.span_id not in above_failed):
            chain = [one for one in (cause, *self.above(cause)) if one.status_code == STATUS_ERROR]
            types = [kind for one in chain if (kind := _exception(one, "exception.type"))]
            said = [text for one in chain if (text := _message(one))]
            work = self.work(cause)
            what = next((text for text in (*types, *said)), "")
            answer.append((cause, ErrorKey(what, self.name(work), work.service, cause.name)))
        return answer


def _exception(span: Span, key: str) -> str:
    events = [event for event in span.events if event.name == "exception"]
    return next((value[:120] for event in events if isinstance(value := event.attributes.get(key), str) and value), "")


def _message(span: Span) -> str:
    untyped = [
        event for event in span.events if event.name == "exception" and not event.attributes.get("exception.type")
    ]
    texts = [span.status_message, *(str(event.attributes.get("exception.message", "")) for event in untyped)]
    return next((template_of(text) for text in texts if text), "")


def plain_errors(
    traces: Sequence[Sequence[Span]], window: Overlaps, now_ns: int, limit: int, fingerprint: str, examples: int
) -> ErrorGroups:
    causes: dict[ErrorKey, list[tuple[int, str]]] = defaultdict(list)
    people: dict[str, tuple[set[str], set[str]]] = {}
    for spans in traces:
        people[spans[0].trace_id] = (ids_under(spans, USER_KEYS) - {""}, ids_under(spans, LESSON_KEYS) - {""})
        for cause, key in Family(spans).causes():
            if fingerprint in ("", key.fingerprint):
                causes[key].append((began_ns(cause), cause.trace_id))
    start_ns, width_ns = _buckets([start for found in causes.values() for start, _ in found], window, now_ns)
    groups = []
    for key, found in causes.items():
        newest = sorted(found, key=lambda pair: (-pair[0], pair[1]))
        ids = {trace_id for _, trace_id in found}
        groups.append(
            ErrorGroup(
                key,
                len(found),
                len(ids),
                len(set[str]().union(*(people[trace_id][0] for trace_id in ids))),
                len(set[str]().union(*(people[trace_id][1] for trace_id in ids))),
                newest[-1][0],
                newest[0][0],
                _series([start for start, _ in found], start_ns, width_ns),
                tuple(dict.fromkeys(trace_id for _, trace_id in newest))[:examples],
            )
        )
    groups.sort(key=lambda group: (-group.count, group.key))
    count = sum(group.count for group in groups)
    return ErrorGroups(tuple(groups[:limit]), len(groups), count, start_ns, width_ns)


def plain_operations(traces: Sequence[Sequence[Span]], window: Overlaps, now_ns: int, limit: int) -> Operations:
    calls: dict[OperationKey, list[tuple[Span, bool]]] = defaultdict(list)
    callers: dict[tuple[OperationKey, str, str], list[int]] = defaultdict(list)
    queries: dict[tuple[str, str], list[tuple[Span, int, int]]] = defaultdict(list)
    for spans in traces:
        family = Family(spans)
        for span in family.spans:
            is_call = span.kind in (KIND_SERVER, KIND_CONSUMER) or not span.parent_id
            if not family.is_work(span) or not is_call:
                continue
            kind = {KIND_SERVER: "request", KIND_CONSUMER: "job"}.get(span.kind, "other")
            own = [one for one in family.spans if family.work(one) is span]
            telling = [one for one in own if one is span or one.kind == KIND_SERVER]
            key = OperationKey(kind, family.name(span), span.service)
            calls[key].append((span, any(one.status_code == STATUS_ERROR for one in telling)))
            user, lesson = (_first(spans, own, keys) for keys in (USER_KEYS, LESSON_KEYS))
            is_report = "/api/telemetry/" in key.operation
            if kind == "request" and user and not is_report and (lesson or not set("[{*:") & set(key.operation)):
                callers[key, user, lesson].append(began_ns(span))
        for query in _queries(family):
            queries[query[0]].append(query[1])
    starts = [began_ns(span) for found in calls.values() for span, _ in found]
    start_ns, width_ns = _buckets(starts, window, now_ns)
    again: Counter[OperationKey] = Counter()
    for (key, _, _), times in callers.items():
        times.sort()
        again[key] += sum(later - earlier <= 10**9 for earlier, later in pairwise(times))
    operations = [
        OperationTally(
            key,
            len(found),
            sum(failed for _, failed in found),
            sum(lasted_ns(span) for span, _ in found),
            _rank([lasted_ns(span) for span, _ in found], 50),
            _rank([lasted_ns(span) for span, _ in found], 95),
            _rank([lasted_ns(span) for span, _ in found], 99),
            _series([began_ns(span) for span, _ in found], start_ns, width_ns),
            again[key],
            _heat([span for span, _ in found], start_ns, width_ns),
        )
        for key, found in calls.items()
    ]
    operations.sort(key=lambda tally: (-tally.total_ns, tally.key))
    statements = [
        StatementTally(
            system,
            text,
            len(found),
            sum(own_ns > 100_000_000 for _, own_ns, _ in found),
            sum(own_ns for _, own_ns, _ in found),
            _rank([own_ns for _, own_ns, _ in found], 50),
            _rank([own_ns for _, own_ns, _ in found], 95),
            max(own_ns for _, own_ns, _ in found),
            _series([began_ns(span) for span, _, _ in found], start_ns, width_ns),
            len({span.trace_id for span, _, _ in found}),
            sum(repeats > 0 for _, _, repeats in found),
            max(repeats for _, _, repeats in found),
        )
        for (system, text), found in queries.items()
    ]
    statements.sort(key=lambda tally: (-tally.total_ns, f"{tally.system}\n{tally.statement}"))
    return Operations(
        tuple(operations[:limit]),
        tuple(statements[:limit]),
        len(operations),
        len(statements),
        start_ns,
        width_ns,
        heat=_heat([span for found in calls.values() for span, _ in found], start_ns, width_ns),
    )


def _heat(spans: Sequence[Span], start_ns: int, width_ns: int) -> tuple[int, ...]:
    """A series for each band of duration, one after the other."""
    edges_ms = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 10**12)
    series = [
        _series([began_ns(span) for span in spans if low * 10**6 <= lasted_ns(span) < high * 10**6], start_ns, width_ns)
        for low, high in pairwise(edges_ms)
    ]
    return tuple(count for one in series for count in one)


def _queries(family: Family) -> list[tuple[tuple[str, str], tuple[Span, int, int]]]:
    """What was asked, by which outermost span, for how long; and how often by the same caller, on the first of a run."""
    said = {span.span_id: text for span in family.spans if (text := statement_of(span)) and not _waits(text)}
    outermost: dict[str, list[Span]] = defaultdict(list)  # the ids of outermost spans -> all spans of the query
    for span in family.spans:
        if span.span_id in said:
            top = span
            while (up := family.parent[top.span_id]) is not None and said.get(up.span_id) == said[span.span_id]:
                top = up
            outermost[top.span_id].append(span)
    runs: dict[tuple[str, tuple[str, str]], list[Span]] = defaultdict(list)
    for span_id in outermost:
        if said[span_id][0] != "redis" and said[span_id][1].casefold() not in BOOKKEEPING:
            asking = [one for one in family.above(family.by_id[span_id]) if not _is_plumbing(one)]
            runs[asking[0].span_id if asking else "", said[span_id]].append(family.by_id[span_id])
    repeats = {}
    for run in runs.values():
        if len(run) >= 8 or (len(run) >= 5 and sum(map(lasted_ns, run)) >= 50_000_000):
            repeats[min(run, key=lambda span: (began_ns(span), span.span_id)).span_id] = len(run)
    answer = []
    for span_id, spans in outermost.items():
        inner = [
            span
            for span in spans
            if not any(family.parent[other.span_id] is span and other is not span for other in spans)
        ]
        took_ns = max(map(lasted_ns, inner))
        answer.append((said[span_id], (family.by_id[span_id], took_ns, repeats.get(span_id, 0))))
    return answer


def statement_of(span: Span) -> tuple[str, str] | None:
    if not span.attributes.keys() & DATABASE_KEYS:
        return None
    system = text_under(span, "db.system.name") or text_under(span, "db.system")
    text = text_under(span, "db.query.text") or text_under(span, "db.statement")
    return (system, without_values(text)) if text else None


def _waits(said: tuple[str, str]) -> bool:
    return said[1].split()[0].casefold() in WAITING


def _is_plumbing(span: Span) -> bool:
    return span.name.startswith("prisma:") or bool(span.attributes.keys() & DATABASE_KEYS)


def _first(spans: Sequence[Span], own: Sequence[Span], keys: Sequence[str]) -> str:
    """What the first of the request's spans, in the order in which they were read, says."""
    for span in spans:
        if any(span is one for one in own):
            for key in keys:
                if isinstance(value := span.attributes.get(key), str) and value:
                    return value
    return ""


def _buckets(starts: Sequence[int], window: Overlaps, now_ns: int) -> tuple[int, int]:
    known = [start for start in starts if start > 0]
    first = window.since_ns if window.since_ns is not None else min(known, default=2**63 - 1)
    last = window.until_ns if window.until_ns is not None else max(known, default=0)
    if window.since_ns is not None and window.until_ns is None:
        last = now_ns
    if window.since_ns is None and known:
        crowded = sorted(known)[len(known) * 2 // 100]
        first = crowded if (last - crowded) * 3 <= last - first else first
    return (min(first, max(last, 0)), 1) if last < first else (first, -(-(last - first + 1) // SERIES_BUCKETS))


def _series(starts: Iterable[int], start_ns: int, width_ns: int) -> tuple[int, ...]:
    counts = [0] * SERIES_BUCKETS
    for start in starts:
        if 0 <= (start - start_ns) // width_ns < SERIES_BUCKETS:
            counts[(start - start_ns) // width_ns] += 1
    return tuple(counts)


def _rank(values: Iterable[int], percent: int) -> int:
    ordered = sorted(values)
    return ordered[-(-percent * len(ordered) // 100) - 1]
