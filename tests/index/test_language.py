"""Every search means the same in the index and in a plain scan of the decoded spans."""

from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.telemetry.model import TraceSummary
from tests.asking import NOW_NS, all_rows, asked
from tests.district import LINES, plain_district
from tests.index.filling import filled, one_by_one
from tests.index.test_properties import (
    group_sizes,
    grouped,
    lines_of,
    written_spans,
)
from tests.plain_store import PlainStore
from tests.query.searches import MEANINGS
from tests.writing import Wire

DATA = Path(__file__).parents[1] / "data"
PLAIN = plain_district()

MORE_SEARCHES = [
    *("hasCookie=true OR hasCookie=false", "hasCookie=false -event:auth.failed", "-hasCookie:*", "hasCookie!=false"),
    *("span:{name:video.load video.load_time_ms>1000}", "span:{lesson:* db.query.text:*}", "db.statement~INSERT"),
    *(
        "span:{user:usr_0007 -progress}",
        "span:{-progress -auth kind:client}",
        "-span:{kind:internal}",
        "cache.hit=true",
    ),
    *("video.percent>=0.87", "video.percent<0.1", "actual=0", "deltaSeconds<=-240", "deltaSeconds=-240.0", "i>=130"),
    *(
        "process.command_args:./otel.cjs",
        "process.command_args~OTEL",
        "models:User",
        "lesson.ids:lesson-0*5",
        "SETINFO",
    ),
    *(
        "next.segment:*",
        'next.segment=""',
        "next.segment:__*__",
        "bullmq.job.result:*",
        "bullmq.job.result~a",
        "1795358300476",
    ),
    *(
        "scope.version:16.4.6",
        "scope.name~prisma",
        "service.version:0.9.0",
        "deployment.environment:production",
        "macOS",
    ),
    *(
        "server.port=3000",
        "net.peer.port=3000",
        'server.port="3000"',
        "network.peer.port>=3000",
        "http.url~facet",
        "true",
    ),
    *(
        "%C3%BCmlaut",
        '"Unique constraint failed on the"',
        "Ümlaut",
        "exception.stacktrace~_RedisParser",
        "P2002 OR P2003",
    ),
    *(
        "flag:slow http.status>=500",
        "trace.spans>40 -status:error",
        "trace.duration<5ms trace.spans:1",
        "event:* -event:tick",
    ),
    *("route:/api/video/*", "route:* -route:/api*", "span:{route:/api/progress http.status=200}", "kind:producer"),
    *(
        "statement:*",
        "-statement:*",
        "statement~update",
        "span:{statement~select duration>1ms service:diamond-district-web}",
    ),
    *(
        "trace.name:GET*",
        "trace.name~lessonid",
        "REDACTED",
        "red",
        "false",
        "e",
        "nan",
        "inf",
        "-e",
        "span:{-e}",
        "span:{e OR kind:client}",
    ),
    *(
        "event.http.route:/api/video/lesson-00*",
        "span.http.route:*",
        "event.user.id:usr_0007",
        "resource.process.pid=28094",
    ),
    *(
        "(user:usr_0007 OR user:usr_0028) (hasCookie=false OR video.quality:1080p)",
        "-(hasCookie:* OR cache.hit:*) lesson:*",
    ),
]

CONDITIONS = [
    *(
        "user:usr_1",
        "user:usr_*",
        "user~R_2",
        "user:*",
        "user:7",
        "lesson:true",
        "lesson:*",
        "service:web",
        "service:w*",
        "service:*",
    ),
    *(
        "name:work",
        "name:auth.*",
        "name~übung",
        "event:auth.failed",
        "event:video.*",
        "event:*",
        "kind:server",
        "kind:client",
    ),
    *(
        "status:error",
        "status:ok",
        "duration>0ms",
        "duration>=1s",
        "duration:1ns",
        "http.status>=401",
        "http.status:404",
    ),
    *(
        "route:/a/*",
        "route:/b",
        "route~x",
        "flag:slow",
        "flag:slow-db",
        "flag:auth-failure",
        "flag:exception",
        "db.slow",
    ),
    *(
        "hasCookie=true",
        "hasCookie:*",
        "hasCookie!=true",
        "deltaSeconds>0",
        "deltaSeconds<=2.5",
        "deltaSeconds=3",
        "enduser.id:7",
    ),
    *(
        "http.route:/b",
        "url.full~example",
        "db.system.name:postgresql",
        "event.hasCookie=false",
        "span.hasCookie=false",
    ),
    *(
        "resource.service.name:web",
        "scope.name:tests",
        "work",
        "auth",
        "ü",
        "🎬",
        "postgres",
        "usr_1",
        '"<script>"',
        "401",
        "tests",
    ),
    *('"a\nb"', "event.user_id:*", "span.user.id=7", "n", "example", "true", "EXAMPLE", '"/a/"'),
]
ON_TRACES = [
    *("trace.spans>2", "trace.spans=1", "trace.errors>0", "trace.events>=2", "trace.duration>=1s", "flag:incomplete"),
    *(
        "flag:buffering",
        "trace.name:work",
        "trace.name~GET",
        f"trace:{1:032x}",
        f"{2:032x}",
        "span.duration>0ms",
        "span.status:ok",
    ),
]


def combined(single: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def more(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return (
            st.tuples(inner, inner).map(" ".join)
            | st.tuples(inner, inner).map(" OR ".join)
            | inner.map(lambda text: f"-({text})")
        )

    return st.recursive(single, lambda inner: more(inner.map(lambda text: f"({text})")), max_leaves=5)


on_one_span = combined(st.sampled_from(CONDITIONS)).map(lambda text: f"span:{{{text}}}")
searches = combined(st.sampled_from(CONDITIONS + ON_TRACES) | on_one_span)


@cache
def plain_rows(search: str) -> list[TraceSummary]:
    return all_rows(PLAIN, asked(q=search))


@pytest.fixture(scope="module", params=["one commit", "a commit a line", "small segments"])
def memory(request: pytest.FixtureRequest) -> MemoryStore:
    if request.param == "one commit":
        return filled([LINES])
    return filled(one_by_one(LINES), segment_spans=400 if request.param == "small segments" else 131_072)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers here are whole, however slow the machine is."""
    for name in ("SEARCH_NS", "STATS_NS"):
        monkeypatch.setattr(f"diamond_viewer.index.held.{name}", 10**12)


@pytest.mark.parametrize("search", [text for text, _ in MEANINGS] + MORE_SEARCHES)
def test_a_search_over_real_telemetry_finds_what_a_plain_scan_finds(memory: MemoryStore, search: str) -> None:
    query, expected = asked(q=search), plain_rows(search)
    assert all_rows(memory, query) == expected
    page, stats, histogram = (
        memory.search(query, NOW_NS),
        memory.stats(query, NOW_NS),
        memory.histogram(query, NOW_NS, 9),
    )
    assert (page.total, page.is_complete, page.scanned_to_ns) == (len(expected), True, 0)
    assert (stats.traces, stats.spans) == (len(expected), sum(row.span_count for row in expected))
    assert stats.is_complete
    assert sum(histogram.ok + histogram.auth + histogram.error) == len(expected)


def test_most_searches_of_these_tests_find_some_traces_and_leave_some_out() -> None:
    totals = {search: len(plain_rows(search)) for search in MORE_SEARCHES}
    idle = [search for search, total in totals.items() if not 0 < total < len(PLAIN.summaries())]
    assert len(idle) < 0.25 * len(totals), idle


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(
    spans=written_spans(),
    sizes=group_sizes,
    segment_spans=st.sampled_from([1, 3, 131_072]),
    asked_for=st.lists(searches, min_size=1, max_size=8),
)
def test_any_search_over_any_spans_finds_what_a_plain_scan_finds(
    spans: list[tuple[Wire, str | None]], sizes: list[int], segment_spans: int, asked_for: list[str]
) -> None:
    lines = lines_of(spans)
    memory, plain = filled(grouped(lines, sizes), segment_spans), PlainStore.from_lines(lines)
    for search in asked_for:
        query = asked(q=search, limit=1000)
        assert all_rows(memory, query) == all_rows(plain, query), search


def test_a_search_keeps_to_the_other_filters(memory: MemoryStore) -> None:
    for filters in ({"user": "usr_0007"}, {"status": "error"}, {"flag": "slow"}, {"since": "2026-11-22T15:00:00Z"}):
        for search in ("hasCookie=false", "lesson:*", "progress OR status:ok"):
            query = asked(q=search, limit=1000, **filters)
            assert all_rows(memory, query) == all_rows(PLAIN, query)
