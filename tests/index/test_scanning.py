"""Looking through originals: step by step, newest first, never a guess, never a secret."""

import threading
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.telemetry.model import Page
from tests.asking import NOW_NS, all_rows, asked
from tests.district import LINES, plain_district
from tests.index.filling import ROOMY_BYTES, add_lines, filled, one_by_one
from tests.plain_store import PlainStore
from tests.writing import A_TIME_NS, event, line, span, trace_id

PLAIN = plain_district()
SEARCHES = [
    "hasCookie=false",
    "-hasCookie:*",
    "Unauthorized OR lesson:*",
    "span:{kind:internal db.query.text:*}",
    "-progress",
]


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time at all: each question looks at a line or two."""
    for name in ("SEARCH_NS", "STATS_NS"):
        monkeypatch.setattr(f"diamond_viewer.index.held.{name}", 0)


def found(memory: MemoryStore, search: str) -> Page:
    return memory.search(asked(q=search, limit=1000), NOW_NS)


def ids(page: Page) -> set[str]:
    return {row.trace_id for row in page.traces}


def asked_until_complete(memory: MemoryStore, search: str) -> list[Page]:
    pages = [found(memory, search)]
    while not pages[-1].is_complete:
        assert len(pages) < 1_000
        pages.append(found(memory, search))
    return pages


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("segment_spans", [400, 131_072])
@pytest.mark.parametrize("search", SEARCHES)
def test_asking_again_goes_on_and_nothing_shown_is_taken_back(search: str, segment_spans: int) -> None:
    memory = filled(one_by_one(LINES), segment_spans)
    expected = {row.trace_id: row.start_ns for row in all_rows(PLAIN, asked(q=search))}
    pages = asked_until_complete(memory, search)
    assert len(pages) > 2
    for before, after in pairwise(pages):
        assert ids(before) <= ids(after)
        assert before.scanned_to_ns >= after.scanned_to_ns
    for page in pages:
        assert ids(page) <= expected.keys()
        assert {number for number, start_ns in expected.items() if start_ns > page.scanned_to_ns} <= ids(page)
        assert page.total == len(page.traces)
    assert ids(pages[-1]) == expected.keys()


@pytest.mark.usefixtures("hurried")
def test_figures_say_when_they_are_not_whole_yet() -> None:
    memory, query = filled([LINES]), asked(q="hasCookie=false")
    assert not memory.stats(query, NOW_NS).is_complete
    asked_until_complete(memory, "hasCookie=false")
    stats = memory.stats(query, NOW_NS)
    assert (stats.is_complete, stats.traces) == (True, len(all_rows(PLAIN, query)))


@pytest.mark.usefixtures("hurried")
def test_what_columns_can_decide_is_not_looked_for() -> None:
    memory = filled([LINES])
    assert found(memory, "user:nobody hasCookie=false").is_complete
    assert found(memory, "lesson:* OR -lesson:* OR hasCookie=false").is_complete
    assert not found(memory, "hasCookie=false").is_complete


def test_new_lines_are_looked_through_when_they_come() -> None:
    memory, plain = MemoryStore(ROOMY_BYTES, segment_spans=500), PlainStore()
    for some in one_by_one(LINES):
        add_lines(memory, some)
        memory.commit()
        plain.add_lines(some)
        for search in SEARCHES[:3]:
            assert ids(found(memory, search)) == {row.trace_id for row in all_rows(plain, asked(q=search))}


def test_a_trace_is_found_by_a_span_that_came_in_a_later_segment() -> None:
    lines = [line(span(n, 0 if n == 1 else 1, attributes={"step": n}, lasts_ns=n)) for n in range(1, 6)]
    memory = filled(one_by_one(lines), segment_spans=1)
    for search in ("step=5", "step=1 step=4", "span:{step=3 duration:3ns}", "span.duration:5ns", "-step=9"):
        assert found(memory, search).total == 1, search
    for search in ("step=6", "span:{step=3 duration:4ns}", "-step=5", "span:{step=1 step=2}"):
        assert found(memory, search).total == 0, search


@pytest.mark.parametrize(
    ("search", "total"),
    [
        ("hunter2", 0),
        ("password:hunter2", 0),
        ("password:h*", 0),
        ("password:*", 1),
        ("password:REDACTED", 1),
        ("s3cr3t", 0),
        ("url.full~s3cr3t", 0),
        ('"token=REDACTED"', 1),
        ("note:plain", 1),
        ("redacted", 1),
        ("-hunter2", 1),
    ],
)
def test_a_secret_is_never_found(search: str, total: int) -> None:
    attributes = {"password": "hunter2", "url.full": "https://x.example/a?token=s3cr3t-and-long", "note": "plain"}
    assert found(filled([[line(span(attributes=attributes))]]), search).total == total


ODD: list[tuple[str, list[str]]] = [
    (r'"\u0061bc d\u00e9f"', ["abc", "x=abc*", '"abc déf"', "déf"]),
    (r'"a\/b \"q\" \\ \n \ud83c\udfac"', ["a/b", r'"\"q\""', "🎬", r'"q\" \\"']),
    ('"\u212aelvin \u0130stanbul \u03a3\u03c2"', ["elvin", "x:*elvin*", "stanbul", "σς"]),
]


@pytest.mark.parametrize(("value", "searches"), ODD)
@pytest.mark.parametrize("key", ["x", r"\u0078"])
def test_a_text_is_found_however_it_was_escaped(value: str, searches: list[str], key: str) -> None:
    wire = line(span(attributes={"KEY": "VALUE"})).replace(b'"VALUE"', value.encode()).replace(b"KEY", key.encode())
    memory = filled([[wire]])
    for search in [*searches, "x:*"]:
        assert found(memory, search).total == 1, search


VALUES: list[tuple[Any, list[str], list[str]]] = [
    (3, ["x=3", "x=3.0", "x>2.9", "x<=3", "x:*", "x~3"], ["x=30", "x>3", "x=three", 'x=""']),
    (2.5, ["x=2.5", "x>2", "x=2.50", "x=25e-1"], ["x=2", "x=25"]),
    (1e21, ["x=1e21", "x>1e20", "x=1000000000000000000000"], ["x<1e20"]),
    (9007199254740993, ["x=9007199254740993", "x>9007199254740992"], ["x=9007199254740992"]),
    ("3", ["x=3", "x>=3", "x<3.5"], ["x=3.0", "x>3"]),
    (True, ["x=true", "x:t*", "x~RUE"], ["x=1", "x=True", "x>0"]),
    ("", ["x:*", 'x=""'], ["-x:*", "x:?"]),
    (None, ["x:*"], ["x=null", 'x=""', "x:a*"]),
    ([1, ["two", {"k": 3.5}]], ["x=1", "x=two", "x>3", "x~TWO"], ["x=k", "x>4"]),
    ([], ["x:*"], ['x=""']),
    ("a*b", ['x="a*b"', "x:a*b", "x=a**b"], ['x="a*"']),
    ("a b", ['x="a b"', "x:a*", '"a b"'], ["x=a"]),
    ("Ünïcode", ["x=Ünïcode", "x~ÜNÏ", "x:Ü*e", "ünï"], ["x=ünïcode"]),
]


@pytest.mark.parametrize(("value", "matching", "others"), VALUES, ids=[repr(value) for value, _, _ in VALUES])
def test_a_value_is_compared_as_what_it_is(value: Any, matching: list[str], others: list[str]) -> None:
    memory = filled([[line(span(attributes={"x": value, "y": "other"}))]])
    assert [search for search in matching if not found(memory, search).total] == []
    assert [search for search in others if found(memory, search).total] == []


def test_attributes_of_each_place_are_told_apart() -> None:
    wire = line(
        span(attributes={"k": "s"}, events=[{"name": "e", "attributes": [{"key": "k", "value": {"stringValue": "e"}}]}])
    )
    wire = wire.replace(b'{"key":"service.name"', b'{"key":"k","value":{"stringValue":"r"}},{"key":"service.name"')
    wire = wire.replace(
        b'{"name":"tests"}', b'{"name":"tests","version":"7","attributes":[{"key":"k","value":{"stringValue":"c"}}]}'
    )
    memory = filled([[wire]])
    places = {"span.k": "s", "event.k": "e", "resource.k": "r", "scope.k": "c"}
    for place, value in places.items():
        assert found(memory, f"k={value}").total == 1
        assert {other for other in "serc" if found(memory, f"{place}={other}").total} == {value}
    assert found(memory, "scope.version:7 scope.name:tests").total == 1


def test_evicted_traces_are_found_no_more() -> None:
    memory = MemoryStore(66_000, segment_spans=50)
    for n in range(1, 60):
        wires = [span(m, trace=n, attributes={"batch": n}) for m in range(1, 20)]
        add_lines(memory, [line(*wires)])
        memory.commit()
        assert found(memory, f"batch={n}").total == 1
    health = memory.health()
    assert health.counters["evicted_traces"] > 0
    assert found(memory, "batch:*").total == health.traces
    assert found(memory, "batch=1").total == 0


def test_readers_search_while_a_writer_writes() -> None:
    memory, failures, is_done = MemoryStore(ROOMY_BYTES, segment_spans=300), list[BaseException](), threading.Event()

    def read() -> None:
        seen: dict[str, set[str]] = {}
        while not is_done.is_set():
            for search in SEARCHES[0], SEARCHES[3]:
                try:
                    now = ids(found(memory, search))
                    assert seen.get(search, set()) <= now
                    seen[search] = now
                except BaseException as failure:  # noqa: BLE001 - shown by the test below
                    failures.append(failure)
                    return

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for some in one_by_one(LINES):
        add_lines(memory, some)
        memory.commit()
    is_done.set()
    for reader in readers:
        reader.join(30)
    assert failures == []
    for search in SEARCHES:
        assert ids(asked_until_complete(memory, search)[-1]) == {
            row.trace_id for row in all_rows(PLAIN, asked(q=search))
        }


def test_a_page_of_the_list_is_a_page_of_what_was_found() -> None:
    memory = filled([[line(span(trace=n, start_ns=A_TIME_NS + n, attributes={"k": n % 2})) for n in range(1, 41)]])
    query = asked(q="k=1", limit=5)
    pages = [memory.search(replace(query, page=page), NOW_NS) for page in (1, 4, 5)]
    assert [[row.trace_id for row in page.traces] for page in pages] == [
        [trace_id(n) for n in range(39, 29, -2)],
        [trace_id(n) for n in range(9, 0, -2)],
        [],
    ]
    assert {page.total for page in pages} == {20}


def test_a_number_is_found_however_it_was_written() -> None:
    memory = filled([[line(span(attributes={"x": 7.25})).replace(b"7.25", b"4.55e1")]])
    for search in ("x:45*", "x~45.5", "x=45.5", "x>45", "45.5"):
        assert found(memory, search).total == 1, search


def test_letters_that_only_become_ascii_in_lower_case_are_left_alone_everywhere() -> None:
    memory = filled([[line(span(name="\u212aelvin", attributes={"x": "\u212aelvin"}))]])
    for key in ("name", "x"):
        assert (found(memory, f"{key}~kelvin").total, found(memory, f"{key}~\u212aELVIN").total) == (0, 1)


def test_users_of_events_that_come_later_are_found_on_their_span() -> None:
    memory = MemoryStore(ROOMY_BYTES, segment_spans=3)
    for n in range(1, 9):
        add_lines(memory, [line(span(1, trace=n, name=f"n{n}", events=[event("seen", user_id=f"usr_{n}")]))])
        memory.commit()
        for m in range(1, n + 1):
            assert ids(found(memory, f"span:{{user:usr_{m} name:n{m}}}")) == {trace_id(m)}
            assert not ids(found(memory, f"span:{{user:usr_{m} -name:n{m}}}"))
