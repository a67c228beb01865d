"""Cases 56 to 77 of ``docs/faults.md``: from the line that was written to the page of its trace, through the real store."""

import json
import re
from pathlib import Path

import pytest
import xxhash
from flask.testing import FlaskClient

from diamond_viewer.index.memory import SEGMENT_SPANS, MemoryStore
from diamond_viewer.query.query import Query
from diamond_viewer.telemetry.model import Flag
from diamond_viewer.telemetry.otlp import decode_line
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.web.html_outline import Outline
from tests.writing import A_TIME_NS, Wire, any_value, document, event, line, span, span_id, trace_id, written

MS = 1_000_000
HOUR_NS = 3_600_000_000_000
TABLE = Path(__file__).parents[2] / "docs" / "faults.md"
ROW = re.compile(r"^\| (\d+) \| [^|]+ \| `trace_faults::(\w+)` \| .+ \|$", re.MULTILINE)


class Seen:
    """A store that was written to, and its pages."""

    def __init__(self, *lines: bytes, segment_spans: int = SEGMENT_SPANS) -> None:
        self.store = MemoryStore(2**30, segment_spans)
        self.write(*lines)
        self.client: FlaskClient = create_app(self.store, clock=lambda: NOW_NS).test_client()

    def write(self, *lines: bytes) -> None:
        for one in lines:
            digest = xxhash.xxh3_128_digest(one)
            if not self.store.is_held(digest):
                self.store.add(decode_line(one), digest)
        self.store.commit()
        self.store.commit()

    def page(self, trace: int = 1, asked: str = "") -> Outline:
        response = self.client.get(f"/traces/{trace_id(trace)}{asked}")
        assert response.status_code == 200
        page = Outline(response.get_data(as_text=True))
        assert page.problems == []
        return page

    def names(self, trace: int = 1) -> list[str]:
        lines = self.page(trace).find(class_="span__line")
        return [element.attributes["title"].rpartition(" · ")[0] for element in lines]

    def words(self, asked: str = f"?span={span_id(1)}", trace: int = 1) -> str:
        return self.page(trace, asked).root.words()

    def spans(self, trace: int = 1) -> list[Wire]:
        answer = json.loads(self.client.get(f"/api/traces/{trace_id(trace)}").data)
        return [one for of in answer["resourceSpans"] for scope in of["scopeSpans"] for one in scope["spans"]]


def test_every_case_has_its_row_and_its_test() -> None:
    rows = ROW.findall(TABLE.read_text("utf-8"))
    assert [int(case) for case, _ in rows] == list(range(56, 78))
    assert {name for _, name in rows} <= globals().keys()


def test_a_batch_sent_again_is_shown_once() -> None:
    seen = Seen(line(span(1)), line(span(1)), line(span(1), span(2, 1)))
    assert seen.names() == ["work", "work"]
    assert len(seen.spans()) == 2


def test_two_spans_of_one_id_are_both_shown_and_say_so() -> None:
    seen = Seen(line(span(1, name="one"), span(1, name="other", lasts_ns=5)))
    assert sorted(seen.names()) == ["one", "other"]
    assert "It shares its span id with another span of this trace" in seen.words()
    first, second = (seen.client.get(f"/traces/{trace_id(1)}/spans/{span_id(1)}{end}").data for end in ("", "-2"))
    assert first != second


def test_a_span_that_came_again_with_other_content_is_flagged_on_both_and_counted_on_the_health_page() -> None:
    seen = Seen(
        line(span(1, name="one")), line(span(2, 1)), line(span(1, name="other")), line(span(1, name="one"), span(3))
    )
    assert sorted(seen.names()) == ["one", "other", "work", "work"]
    for element in (span_id(1), f"{span_id(1)}-2"):
        body = seen.client.get(f"/traces/{trace_id(1)}/spans/{element}").get_data(as_text=True)
        assert "It shares its span id with another span of this trace" in body
    assert "1 span id stands for more than one span" in seen.words("")
    health = seen.client.get("/api/health").json
    assert health is not None
    assert (health["counters"]["conflicting_spans"], health["duplicate_spans"]) == (1, 1)
    counters = Outline(seen.client.get("/health").get_data(as_text=True)).find(class_="counter")
    assert any(shown.words().startswith("Conflicting spans 1 ") for shown in counters)


def test_a_value_nested_300_deep_is_a_page() -> None:
    deep: Wire = {"stringValue": "bottom"}
    for _ in range(300):
        deep = {"arrayValue": {"values": [deep]}}
    seen = Seen(line(span(1) | {"attributes": [{"key": "deep", "value": deep}]}))
    assert "deep" in seen.words()
    assert "nested deeper than 64 levels: left out here" in json.dumps(seen.spans())


def test_a_key_that_stands_twice_is_said_at_its_span() -> None:
    twice = [{"key": "user.id", "value": {"stringValue": value}} for value in ("first", "last")]
    text = line(span(1) | {"attributes": twice}, span(2, 1)).replace(b'"kind"', b'"flags":0,"flags":1,"kind"', 1)
    seen = Seen(text)
    words = seen.words()
    for key in ("flags", "user.id"):
        assert f"Its line gives the key '{key}' more than once: the last one counts." in words
    assert "last" in words
    assert "more than once" not in seen.words(f"?span={span_id(2)}")


def test_a_client_and_a_server_of_one_id_are_one_call() -> None:
    seen = Seen(line(span(1, name="call", kind=3), span(1, name="answer", kind=2)))
    assert seen.names() == ["call", "answer"]


def test_one_span_id_in_two_traces_is_two_spans() -> None:
    seen = Seen(line(span(1, name="here"), span(1, trace=2, name="there")))
    assert (seen.names(1), seen.names(2)) == (["here"], ["there"])


def test_ids_in_capitals_are_the_same_and_unusable_ones_cost_their_span_only() -> None:
    upper = span(2) | {"traceId": trace_id(255).upper(), "spanId": span_id(171).upper()}
    bad = [
        span(9) | {"traceId": id_} for id_ in ("0" * 32, "", None, "ab", "a" * 31, "x" * 32, "a" * 33, "q" * 22 + "==")
    ]
    bad.append({key: value for key, value in span(9).items() if key != "traceId"})
    whole = line(span(1, trace=255, name="kept"), upper, *bad)
    assert decode_line(whole).invalid_spans == len(bad)
    seen = Seen(whole)
    assert len(seen.names(255)) == 2
    assert seen.client.get(f"/traces/{trace_id(255).upper()}").status_code == 200


@pytest.mark.parametrize("parent", ["", "0" * 16, None])
def test_no_parent_in_any_spelling_is_a_root(parent: str | None) -> None:
    seen = Seen(line(span(1, parentSpanId=parent)))
    assert "not in the files" not in seen.words()


def test_an_orphan_is_attached_when_its_parent_comes() -> None:
    seen = Seen(line(span(2, 1, name="child")))
    assert "dropped, sampled, rotated away or still to come" in seen.words(f"?span={span_id(2)}")
    seen.write(line(span(1, name="parent")))
    assert seen.names() == ["parent", "child"]
    assert "still to come" not in seen.words()


def test_an_orphan_is_attached_when_its_parent_comes_hours_later_into_another_segment() -> None:
    seen = Seen(line(span(2, 1, name="child")), segment_spans=2)
    seen.write(line(span(8, trace=8), span(9, trace=9)))
    seen.write(line(span(1, name="parent", start_ns=A_TIME_NS - 5 * HOUR_NS, lasts_ns=6 * HOUR_NS)))
    assert seen.names() == ["parent", "child"]


@pytest.mark.parametrize("size", [1, 2, 1_000])
def test_every_span_of_a_circle_is_shown_once(size: int) -> None:
    seen = Seen(line(*(span(n, n % size + 1, start_ns=A_TIME_NS + n) for n in range(1, size + 1))))
    assert "in a circle" in seen.words("")
    assert len(seen.spans()) == size
    assert seen.page().one(class_="trace__facts").words().count(f"{size:,} span")


def test_a_chain_50000_deep_is_a_page() -> None:
    seen = Seen(*(line(*(span(n, n - 1) for n in range(at, at + 5_000))) for at in range(1, 50_001, 5_000)))
    response = seen.client.get(f"/traces/{trace_id(1)}")
    assert len(response.data) < 500_000
    assert len(seen.page(1, f"?span={span_id(50_000)}").find(class_="span--current")) == 0
    assert "49,999" in seen.words(f"?span={span_id(50_000)}")


def test_several_roots_and_none_are_shown_from_the_first_start_to_the_last_end() -> None:
    two = Seen(line(span(1, lasts_ns=10**9), span(2, start_ns=A_TIME_NS + 2 * 10**9, lasts_ns=10**9)))
    assert "It has 2 roots" in two.words("")
    assert "· 3 s ·" in two.words("")
    assert "The root span is not here" in Seen(line(span(2, 1))).words("")


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        *(("0", "0", "It has no start"), (None, None, "It has no end"), (str(A_TIME_NS), "0", "It has no end")),
        (str(A_TIME_NS), str(A_TIME_NS - 10**9), "It ends 1 s before it starts"),
        (str(2**64 - 1), str(2**64 - 1), "Its start lies beyond the year 2262"),
        *(("18446744073709000000", str(A_TIME_NS), "Its start lies beyond"), ("-5", str(A_TIME_NS), "It has no start")),
        *(("1e9", "2e9", "It has no start"), ("soon", "later", "It has no end"), (1.5, A_TIME_NS, "before its parent")),
        (A_TIME_NS, A_TIME_NS + 5, ""),
    ],
)
def test_times_that_cannot_be_keep_the_span_and_no_bar_is_negative(start: object, end: object, said: str) -> None:
    odd = span(2, 1, name="odd") | {"startTimeUnixNano": start, "endTimeUnixNano": end}
    seen = Seen(line(span(1), odd))
    assert sorted(seen.names()) == ["odd", "work"]
    assert said in seen.words(f"?span={span_id(2)}")
    for bar in seen.page().find(class_="span__bar"):
        assert 0 <= float(bar.attributes["x"].rstrip("%")) <= 100
        assert 0 < float(bar.attributes["width"].rstrip("%")) <= 100


def test_times_that_cannot_be_are_no_figures() -> None:
    """Neither of the trace, which did not take 292 years, nor of the operation, whose other spans all took 1 ms."""
    unending = [span(n, 1, name="odd") | {"endTimeUnixNano": end} for n, end in ((3, "0"), (4, str(2**64 - 1)))]
    seen = Seen(line(span(1, lasts_ns=2 * MS), span(2, 1, name="odd"), *unending))
    row = next(row for row in seen.store.search(Query(), NOW_NS).traces)
    assert row.duration_ns == 2 * MS
    assert not row.flags & Flag.SLOW
    figures = seen.page(1, "?view=statistics").one(class_="figures").words()
    assert "odd web 3 " in figures
    assert "1 ms 1 ms 1 ms" in figures, "total, average and p95 of the one that is known"
    alone = Seen(line(span(1) | {"endTimeUnixNano": "0"})).page(1, "?view=statistics").one(class_="figures").words()
    assert "0 ns – –" in alone


def test_a_child_outside_its_parent_is_drawn_as_recorded_until_the_reader_asks() -> None:
    lines = [
        line(span(1, lasts_ns=10**8), service="web"),
        line(span(2, 1, start_ns=A_TIME_NS - 60 * 10**9, lasts_ns=10**6), service="db"),
    ]
    seen = Seen(*lines)
    assert "It starts 1 min before its parent" in seen.words(f"?span={span_id(2)}")
    adjusted = seen.page(1, f"?adjusted=1&span={span_id(2)}")
    assert "its clock was adjusted on request" in adjusted.root.words()
    assert str(A_TIME_NS - 60 * 10**9) in json.dumps(seen.spans())


def test_a_span_six_hours_late_stands_in_its_own_time() -> None:
    seen = Seen(line(span(1)))
    seen.write(line(span(2, 1, name="late", start_ns=A_TIME_NS + 6 * HOUR_NS)))
    assert seen.names() == ["work", "late"]
    assert "Nothing ran for 6 h" in seen.words("")


def test_integers_are_exact_whatever_their_size() -> None:
    numbers = [2**53 + 1, 2**63 - 1, -(2**63), 0]
    seen = Seen(line(span(attributes={f"n{at}": number for at, number in enumerate(numbers)})))
    for number in numbers:
        assert str(number) in seen.words()
    beyond = [str(2**64), "-" + str(2**63 + 1), "9" * 5_000]
    keys = [{"key": f"n{at}", "value": {"intValue": value}} for at, value in enumerate([*beyond, 2**53 + 1])]
    words = Seen(line(span(1) | {"attributes": keys})).words()
    for shown in (*beyond[:2], "9" * 4_000, str(2**53 + 1)):
        assert shown in words


def test_doubles_that_are_no_numbers_are_shown_and_the_json_stays_valid() -> None:
    keys = [{"key": f"d{at}", "value": {"doubleValue": v}} for at, v in enumerate(["NaN", "Infinity", 1e308, -0.0])]
    seen = Seen(line(span(1, attributes=None) | {"attributes": keys}))
    assert all(word in seen.words() for word in ("nan", "inf", "1e+308", "-0.0"))
    assert len(seen.spans()[0]["attributes"]) == 4


def test_every_type_of_value_is_shown() -> None:
    values = {
        "text": "x",
        "no": False,
        "zero": 0,
        "half": 0.5,
        "none": {},
        "list": ["a", 1, None],
        "empty": [],
        "map": {"k": {"l": True}},
        "nil": None,
    }
    keys = [{"key": key, "value": any_value(value)} for key, value in values.items()]
    keys += [{"key": "bytes", "value": {"bytesValue": "AAE="}}, {"key": "bad", "value": {"bytesValue": "%%"}}]
    keys += [{"key": "two", "value": {"stringValue": "first", "intValue": "7"}}, {"key": "new", "value": {"odd": 1}}]
    words = Seen(line(span(1) | {"attributes": keys})).words()
    for shown in ("false", "null", "AAE= (2 bytes)", "%%", '"k"', "empty []", "half 0.5", "none {}", "two", "new null"):
        assert shown in words, shown


def test_kinds_and_statuses_beyond_the_list_say_their_number() -> None:
    words = Seen(line(span(1, kind=99, status={"code": 99, "message": "odd"}))).words()
    assert words.count("unknown (99)") == 2


def test_kinds_and_statuses_by_their_old_names_are_mapped() -> None:
    named: Wire = {"kind": "SPAN_KIND_SERVER", "status": {"code": "STATUS_CODE_ERROR", "message": "odd"}}
    seen = Seen(line(span(1) | named))
    assert "kind server" in seen.words()
    assert [row.error_count for row in seen.store.search(Query(), NOW_NS).traces] == [1]


def test_field_names_in_snake_case_are_read() -> None:
    old = document(span(1, name="old"))
    text = written(old).replace(b"resourceSpans", b"resource_spans").replace(b"scopeSpans", b"scope_spans")
    for name, snake in (("traceId", "trace_id"), ("spanId", "span_id"), ("startTimeUnixNano", "start_time_unix_nano")):
        text = text.replace(name.encode(), snake.encode())
    assert Seen(text).names() == ["old"]


def test_old_field_names_are_read() -> None:
    old = document(span(1, name="old"))
    scopes = old["resourceSpans"][0].pop("scopeSpans")
    old["resourceSpans"][0]["instrumentationLibrarySpans"] = [
        {"instrumentationLibrary": {"name": "lib"}, "spans": scopes[0]["spans"]}
    ]
    assert Seen(written(old)).names() == ["old"]


def test_unknown_fields_are_passed_over() -> None:
    surprise: Wire = {"surprise": {"a": [1, {"b": None}]}}
    whole = document(span(1, name="kept", events=[event("tick", A_TIME_NS) | surprise], **surprise)) | surprise
    whole["resourceSpans"][0] |= surprise
    whole["resourceSpans"][0]["resource"] |= surprise
    whole["resourceSpans"][0]["scopeSpans"][0] |= surprise
    assert Seen(written(whole)).names() == ["kept"]


@pytest.mark.parametrize("service", [None, "", "s" * 10_000])
def test_a_service_without_a_usable_name_has_its_place(service: str | None) -> None:
    seen = Seen(line(span(1), service=service))
    assert ("unknown_service" if not service else "sss") in seen.words()
    assert len(seen.client.get("/trace-viewer.html").data) < 100_000, "cut off in lists"


@pytest.mark.parametrize("value", [{"intValue": "42"}, {"arrayValue": {"values": [{"stringValue": "a"}]}}, {}])
def test_a_service_name_that_is_no_text_keeps_the_span(value: Wire) -> None:
    whole = document(span(1, name="kept"))
    whole["resourceSpans"][0]["resource"] = {"attributes": [{"key": "service.name", "value": value}]}
    seen = Seen(written(whole))
    assert seen.names() == ["kept"]
    assert ("42" if "intValue" in value else "unknown_service" if not value else "a") in seen.words()


def test_odd_events_and_links_are_shown_and_say_what_is_odd() -> None:
    links = [{"traceId": "0" * 32, "spanId": "0" * 16}, {"traceId": trace_id(1), "spanId": span_id(1)}]
    links += [{"traceId": trace_id(1), "spanId": span_id(77)}, {"traceId": trace_id(2), "spanId": span_id(5)}]
    seen = Seen(line(span(1, events=[event("early", A_TIME_NS - 10**9), event("never", 0)], links=links)))
    words = seen.words()
    for said in ("It names no trace", "It links to itself", "That span is not in this trace", "another trace"):
        assert said in words, said
    assert "It happened 1 s before its span started" in words
    assert "It has no time: it is told at the start of its span" in words


def test_a_trace_of_100000_spans_is_a_small_page_and_its_json_streams() -> None:
    chunks = range(1, 100_001, 2_000)
    seen = Seen(*(line(*(span(n, (n + 8) // 10 if n > 1 else 0) for n in range(at, at + 2_000))) for at in chunks))
    response = seen.client.get(f"/traces/{trace_id(1)}")
    assert response.status_code == 200
    assert len(response.data) < 500_000
    with seen.client.get(f"/traces/{trace_id(1)}/download.json") as download:
        assert download.is_streamed
        assert b"".join(bytes(piece) for piece in download.iter_encoded()).count(b'"spanId"') == 100_000


def test_a_span_with_100000_events_and_values_of_megabytes_is_a_page() -> None:
    events = [event("tick", A_TIME_NS + n) for n in range(100_000)]
    attributes: Wire = {f"key {n}": n for n in range(2_000)} | {"a": "x" * 5_000_000}
    seen = Seen(line(span(1, events=events, attributes=attributes, droppedEventsCount=12)))
    response = seen.client.get(f"/traces/{trace_id(1)}?span={span_id(1)}")
    words = Outline(response.get_data(as_text=True)).root.words()
    assert len(response.data) < 700_000
    for said in (
        "1,801 more, in the JSON",
        "4,996,000 more characters",
        "99,900 events more of this span",
        "dropped 12 events",
    ):
        assert said in words, said
    assert "Events 1–100 of 100,000" in words
