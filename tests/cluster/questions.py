"""Every question of ``TraceStore`` with real arguments, and answers in a form in which two stores can be compared."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from typing import Any

from diamond_viewer.query.log_query import LogQuery
from diamond_viewer.query.query import Anchor, Query
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.found_logs import FoundLogs
from diamond_viewer.telemetry.model import (
    Event,
    Link,
    Log,
    Page,
    Resource,
    Scope,
    Span,
    Trace,
    TraceSummary,
    flag_names,
)
from diamond_viewer.telemetry.sketch import TraceSketch
from tests.asking import NOW_NS, asked, figures_of, row_of
from tests.clickhouse.plain_rows import text_of

FLAGS = tuple(flag_names(2**10 - 1))
SEARCHES = (
    "status:error duration>1s",
    "NOT status:error",
    "lesson:lesson-0*",
    "user~USR_000",
    "timeout",
    '"unique constraint"',
    "http.status>=400",
    "http.status=200 -status:error",
    "route:/api/video/*",
    "statement~progress",
    "kind:server trace.spans>10",
    "db.slow:true",
    "span.duration>=500ms",
    "span:{ kind:client duration>10ms }",
    "span:{ name:pg* -db.slow:true }",
    "trace.name:GET*",
    "trace.errors>=2",
    "trace.events>0",
    "finding:*",
    "-finding:*",
    "video.quality:720p",
    "event.reason:*",
    "resource.host.name:vm",
    "hasCookie:false",
    "progress.percent>=90",
    "user:usr_0007 OR lesson:lesson-011",
    "-event:tick",
    "trace:4785e271b3daa680fd09a81249c1380e",
    "scope.name:*prisma*",
    "lesson.id:*",
    "-user:*",
    "flag:buffering OR flag:incomplete",
)
FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"status": "error"},
    {"status": "ok"},
    {"lesson": "lesson-011"},
    {"user": "usr_0007"},
    {"user": "no'body"},
    {"service": "diamond-district-worker"},
    {"operation": "auth.session.check"},
    {"event": "auth.failed"},
    {"min_ms": "100"},
    {"min_ms": "5", "max_ms": "80", "status": "ok"},
    {"finding": "n-plus-one"},
    {"flag": ["error", "slow"]},
    {"since": "2026-11-22T10:00:00Z", "user": "usr_0007"},
    *({"flag": flag} for flag in FLAGS),
    *({"q": text} for text in SEARCHES),
)
IN_FULL = {  # asked everything; of the others who matches is enough, the rest is the same code
    str(filters)
    for filters in (
        {},
        {"status": "error"},
        {"user": "usr_0007"},
        {"service": "diamond-district-worker"},
        {"flag": "slow"},
    )
} | {str({"q": text}) for text in ("finding:*", "resource.host.name:vm", "-event:tick")}
Ask = Callable[[TraceStore], Any]


def questions(rows: Sequence[TraceSummary]) -> Iterator[tuple[str, Ask]]:
    """``rows`` are all that the reference store holds, newest first."""
    starts = sorted(row.start_ns for row in rows)
    first_ns, last_ns = starts[len(starts) // 3], starts[2 * len(starts) // 3]
    window = {"since": _iso(first_ns), "until": _iso(last_ns)}
    for filters in (
        *FILTERS,
        {"since": window["since"]},
        {"until": window["until"]},
        window,
        window | {"status": "error"},
    ):
        yield from _of_query(str(filters), asked(**filters))
    for sort in ("duration", "spans", "errors"):
        yield f"sort {sort}", calls("search", Query(limit=20, page=2, sort=sort), NOW_NS, shape=page_of)
    anchor = Anchor(rows[30].start_ns, rows[30].trace_id)
    yield "anchor", calls("search", Query(limit=20, anchor=anchor), NOW_NS, shape=page_of)
    for field in ("user", "lesson", "service", "operation", "event"):
        for text in ("", "SE", "0"):
            yield f"values {field} {text}", calls("values", field, text, 10)
    yield from _of_people(first_ns, last_ns)
    intervals = [(0, first_ns), (first_ns, last_ns), (last_ns, NOW_NS)]
    for name in ("video.buffering", "auth.failed", "nothing"):
        yield f"count {name}", calls("count_events", name, intervals)
    for row in rows[::17]:
        yield f"summary {row.trace_id}", calls("summary", row.trace_id, shape=row_of)
        yield f"trace {row.trace_id}", calls("trace", row.trace_id, shape=spans_of)
        yield f"logs of {row.trace_id}", calls("trace", row.trace_id, shape=logs_of)
        yield f"diagnosis {row.trace_id}", calls("diagnoses", [row.trace_id], 10**6)
        for digits in (row.trace_id[:8], row.trace_id[:16], row.trace_id[:31]):
            yield f"beginning {digits}", calls("beginning_with", digits, 5, shape=lambda found: [*map(row_of, found)])
    ids = [row.trace_id for row in rows[:40:4]]
    yield "sketches", calls("sketches", [*ids, "0" * 31 + "1", ids[0]], shape=_sketched)
    yield "none begins so", calls("beginning_with", "0" * 31, 5)
    yield "no such trace", calls("trace", "0" * 31 + "1")
    yield "no such row", calls("summary", "0" * 31 + "1")
    yield "metrics", calls("metrics", shape=lambda found: found.metrics)
    for query in (LogQuery(), LogQuery(severity="warn"), LogQuery(text="failed -health"), LogQuery(user="usr_0007")):
        yield f"logs {query.to_args()}", calls("logs", query, NOW_NS, 20, shape=_found_logs)
    yield "health", calls("health", shape=lambda health: (health.traces, health.spans))


def calls(question: str, *arguments: Any, shape: Callable[[Any], Any] = lambda answer: answer) -> Ask:
    """``shape`` is given complete answers."""

    def ask(store: TraceStore) -> Any:
        return answered(lambda store: getattr(store, question)(*arguments), store, shape)

    return ask


def _of_query(words: str, query: Query) -> Iterator[tuple[str, Ask]]:
    yield f"search {words}", calls("search", replace(query, limit=1000), NOW_NS, shape=page_of)
    yield f"stats {words}", calls("stats", query, NOW_NS, shape=figures_of)
    if words not in IN_FULL:
        return
    yield f"histogram {words}", calls("histogram", query, NOW_NS, 60)
    yield f"scatter {words}", calls("scatter", query, NOW_NS, 60, 20)
    yield f"facets {words}", calls("facets", query, NOW_NS, 10)
    yield f"errors {words}", calls("errors", query, NOW_NS, 50)
    yield f"operations {words}", calls("operations", query, NOW_NS, 50)
    yield f"map {words}", calls("service_map", query, NOW_NS)
    yield f"findings {words}", calls("findings", query, NOW_NS, shape=lambda found: replace(found, version=0))


def _of_people(first_ns: int, last_ns: int) -> Iterator[tuple[str, Ask]]:
    for ends in ((0, NOW_NS), (first_ns, last_ns)):
        for user in ("usr_0007", "usr_0029", "nobody"):
            yield f"way {user} {ends}", calls("way", "user", user, *ends)
            yield f"journey {user} {ends}", calls("journey", user, *ends)
        yield f"way lesson {ends}", calls("way", "lesson", "lesson-011", *ends)
        for field in ("user", "lesson"):
            for text in ("0", "00 s 1"):
                yield f"troubles {field} {text} {ends}", calls("troubles", field, text, *ends, 20)
        yield f"watching {ends}", calls("watching", *ends)


def answered(ask: Ask, store: TraceStore, shape: Callable[[Any], Any] = lambda answer: answer, times: int = 100) -> Any:
    """The answer when it is complete: the same question again goes on."""
    for _ in range(times):
        answer = ask(store)
        if getattr(answer, "is_complete", True):
            return shape(answer)
    raise AssertionError(f"The question is not through after {times} times.")


def page_of(page: Page) -> Page:
    return replace(page, version=0, traces=tuple(row_of(row) for row in page.traces))


def _found_logs(found: FoundLogs) -> Any:
    return found.total, found.levels, found.services, found.histogram, sorted(map(_log, found.logs))


def spans_of(trace: Trace | None) -> list[str]:
    return sorted(repr(_plain(span)) for span in trace.spans) if trace else []


def _sketched(found: dict[str, TraceSketch]) -> dict[str, list[tuple[Any, ...]]]:
    return {
        trace_id: sorted((span.span_id, span.parent_id, span.name, span.start_ns, span.end_ns) for span in sketch.spans)
        for trace_id, sketch in sorted(found.items())
    }


def logs_of(trace: Trace | None) -> list[str]:
    return sorted(_log(log) for log in trace.logs) if trace else []


def _log(log: Log) -> str:
    """Without what the table does not keep: two times, and the shape of a body."""
    return repr(_plain(replace(log, given_ns=0, observed_ns=0, body=text_of(log.body), flags=0)))


def _plain(value: Any) -> Any:
    """With attributes as texts, as maps keep them, and without flags and schema URLs, which no table keeps."""
    if isinstance(value, Span | Event | Link | Resource | Scope | Log):
        said = {field.name: getattr(value, field.name) for field in fields(value)}
        for name in ("flags", "schema_url"):
            said.pop(name, None)
        if isinstance(value, Scope):
            said["attributes"] = {}
        return {name: _plain(inner) for name, inner in said.items()}
    if isinstance(value, dict):
        return {key: text for key, inner in sorted(value.items()) if (text := text_of(inner))}  # none is kept as JSON
    return [_plain(inner) for inner in value] if isinstance(value, tuple) else value


def differences(expected: Any, found: Any, where: str = "") -> Iterator[str]:
    """Where two answers differ, a line each."""
    if is_dataclass(expected) and type(expected) is type(found):
        for field in fields(expected):
            yield from differences(getattr(expected, field.name), getattr(found, field.name), f"{where}.{field.name}")
    elif isinstance(expected, list | tuple) and isinstance(found, list | tuple) and len(expected) == len(found):
        for place, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from differences(one, other, f"{where}[{place}]")
    elif expected != found:
        yield f"{where}: {str(expected)[:300]} is not {str(found)[:300]}"


def _iso(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat().replace("+00:00", "Z")
