"""The page of one trace, as a reader without JavaScript has it: everything is a link, and every link says what it does."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from diamond_viewer.telemetry.otlp_spans import decode_spans
from tests.plain_store import PlainStore
from tests.web.conftest import MakeClient
from tests.web.html_outline import Element, Outline
from tests.writing import event, line, span, span_id, trace_id

SESSION = "4785e271b3daa680fd09a81249c1380e"  # 101 spans of three services
FAILED = "64ca9bd24dffecb1bed85b2f6178dd24"


def outline(client: FlaskClient, url: str) -> Outline:
    response = client.get(url)
    assert response.status_code == 200, url
    page = Outline(response.get_data(as_text=True))
    assert page.problems == []
    return page


def names(page: Outline) -> list[str]:
    return [element.attributes["title"].partition(" · ")[0] for element in page.find(class_="span__line")]


def links(page: Outline, words: str) -> list[str]:
    return [e.attributes["href"] for e in page.root.all() if e.tag == "a" and e.words() == words]


def link(page: Outline, words: str) -> str:
    found = links(page, words)
    assert found, f"no link {words!r}"
    return found[0]


def row(page: Outline, number: int) -> Element:
    return page.one(id=f"s-{span_id(number)}")


@pytest.fixture
def family(client_of: MakeClient) -> FlaskClient:
    spans = [
        span(1, name="root"),
        span(2, 1, name="left"),
        span(3, 2, name="leaf", status_code=2),
        span(4, 1, name="right", start_ns=1_795_358_295_000_500_000),
    ]
    return client_of(PlainStore.from_lines([line(*spans)]))


URL = f"/traces/{trace_id(1)}"


def test_a_span_is_folded_and_opened_by_links(family: FlaskClient) -> None:
    page = outline(family, URL)
    assert names(page) == ["root", "left", "leaf", "right"]
    fold = page.find(aria_label="Fold 1 span below")[0]
    page = outline(family, fold.attributes["href"])
    assert names(page) == ["root", "left", "right"]
    assert "1 error inside" in row(page, 2).words()
    page = outline(family, page.find(aria_label="Show 1 span below")[0].attributes["href"])
    assert names(page) == ["root", "left", "leaf", "right"]


def test_all_levels_or_some_are_shown(family: FlaskClient) -> None:
    page = outline(family, URL)
    assert names(outline(family, link(page, "1"))) == ["root"]
    two = outline(family, link(page, "2"))
    assert names(two) == ["root", "left", "right"]
    assert names(outline(family, link(two, "all"))) == ["root", "left", "leaf", "right"]


def test_a_search_counts_its_matches_dims_the_rest_and_goes_from_one_to_the_next(client: FlaskClient) -> None:
    page = outline(client, f"/traces/{SESSION}?find=SELECT")
    count = page.one(class_="tools__count").words()
    number = int(count.removeprefix("1 of "))
    assert number == len(page.find(class_="span--found")) + 1
    assert len(page.find(class_="span--other")) == 101 - number
    current = page.one(class_="span--current").attributes["id"]
    after = outline(client, page.find(aria_label="Next match")[0].attributes["href"])
    assert after.one(class_="tools__count").words() == f"2 of {number}"
    assert after.one(class_="span--current").attributes["id"] != current
    back = outline(client, after.find(aria_label="Previous match")[0].attributes["href"])
    assert back.one(class_="span--current").attributes["id"] == current
    assert "nothing found" in outline(client, f"/traces/{SESSION}?find=zzz").root.words()


def test_a_match_in_a_folded_branch_opens_it(family: FlaskClient) -> None:
    assert names(outline(family, f"{URL}?level=1&find=leaf")) == ["root", "left", "leaf", "right"]


def test_framework_spans_go_in_one_click(client: FlaskClient) -> None:
    page = outline(client, f"/traces/{SESSION}")
    fewer = outline(client, link(page, "Hide 33 framework spans"))
    assert len(names(fewer)) == 101 - 33
    assert "load route module" in names(page)
    assert "load route module" not in names(fewer)
    assert len(names(outline(client, link(fewer, "33 framework spans hidden")))) == 101


def test_a_window_zooms_pans_and_goes_back(client: FlaskClient) -> None:
    page = outline(client, f"/traces/{SESSION}")
    near = outline(client, page.one(aria_label="Zoom in").attributes["href"])
    assert near.one(class_="minimap__words").words() == "+135 ms to +406 ms: 271 ms"
    assert [e.words() for e in near.find(class_="span__outside")].count("›") > 50
    later = outline(client, near.one(aria_label="Later").attributes["href"])
    assert later.one(class_="minimap__words").words() == "+271 ms to +542 ms: 271 ms"
    assert not later.find(aria_label="Later")
    assert (
        outline(client, later.one(aria_label="The whole trace").attributes["href"]).one(class_="minimap__words").words()
        == ""
    )


def test_the_cause_of_an_error_is_marked_and_said(client: FlaskClient) -> None:
    page = outline(client, f"/traces/{FAILED}")
    cause = page.one(class_="span__root")
    assert "video-transcode process" in " ".join(names(page))
    element = cause.parent
    while element and element.tag != "details":
        element = element.parent
    assert element
    opened = outline(client, f"/traces/{FAILED}?span={element.attributes['id'][2:]}")
    assert "The error began here" in opened.root.words()
    assert "ffmpeg exited with code 137" in opened.one(class_="span__status").words()


def test_a_link_to_a_span_and_an_event_shows_both(client: FlaskClient) -> None:
    page = outline(client, f"/traces/{FAILED}")
    href = page.find(class_="story__offset")[-1].attributes["href"]
    assert set(parse_qs(urlsplit(href).query)) == {"span", "moment"}
    there = outline(client, href)
    assert there.one(class_="span__happened--linked").words().startswith("exception")
    assert "open" in there.find(class_="span")[0].attributes


def test_a_value_filters_by_it_or_excludes_it_and_keeps_the_filters_of_the_list(client: FlaskClient) -> None:
    beside = outline(client, f"/trace-viewer.html?user=usr_0007&trace={FAILED}")
    element = beside.find(class_="span")[0].attributes["id"][2:]
    page = outline(client, f"/trace-viewer.html?user=usr_0007&trace={FAILED}&span={element}")
    line = next(e for e in page.find(class_="attributes__line") if e.words().startswith("messaging.destination.name"))
    only, without = (e.attributes["href"] for e in line.all() if e.tag == "a")
    assert parse_qs(urlsplit(only).query)["q"] == ['"messaging.destination.name":"video-transcode"']
    assert parse_qs(urlsplit(without).query)["q"] == ['-"messaging.destination.name":"video-transcode"']
    assert parse_qs(urlsplit(only).query)["user"] == ["usr_0007"]
    lesson = next(e for e in page.find(class_="attributes__line") if e.words().startswith("lesson.id"))
    assert "lesson=lesson-020" in next(e.attributes["href"] for e in lesson.all() if e.tag == "a")
    assert client.get(without).status_code == 200


def test_the_fetched_details_beside_the_list_keep_its_filters_too(client: FlaskClient) -> None:
    beside = outline(client, f"/trace-viewer.html?user=usr_0007&trace={FAILED}")
    body = client.get(beside.find(class_="span__body")[0].attributes["hx-get"]).get_data(as_text=True)
    assert "user=usr_0007" in body


def test_the_story_is_filtered_by_kind_and_paged(client_of: MakeClient) -> None:
    ticks = [event("tick" if n % 2 else "video.loaded", 1_795_358_295_000_000_000 + n) for n in range(250)]
    client = client_of(PlainStore.from_lines([line(span(events=ticks))]))
    page = outline(client, URL)
    assert len(page.find(class_="story__entry")) == 100
    video = outline(client, link(page, "video 125"))
    assert {e.words() for e in video.find(class_="story__name")} == {"video.loaded"}
    assert len(outline(client, link(video, "Later events ›")).find(class_="story__entry")) == 25
    assert "Events 201–250 of 250" in outline(client, f"{URL}?told=201").root.words()


@pytest.mark.parametrize("view", ["statistics", "flame", "json", "compare"])
def test_every_view_is_a_link_away_and_comes_back(client: FlaskClient, view: str) -> None:
    page = outline(client, f"/trace-viewer.html?user=usr_0015&trace={SESSION}")
    tabs = {e.attributes["href"] for e in page.find(class_="views__tab")}
    href = next(tab for tab in tabs if f"view={view}" in tab)
    assert "user=usr_0015" in href
    there = outline(client, href)
    assert [e.attributes["href"] for e in there.find(class_="views__tab") if "aria-current" in e.attributes] == [href]
    assert names(outline(client, link(there, "Waterfall")))


def test_statistics_add_up(client: FlaskClient) -> None:
    page = outline(client, f"/traces/{SESSION}?view=statistics")
    counts = [int(e.children[1].text) for e in page.root.all() if e.tag == "tr" and e.children[1].tag == "td"]
    assert sum(counts) == 101


def test_a_frame_of_the_flame_graph_fills_the_width_when_asked(client: FlaskClient) -> None:
    page = outline(client, f"/traces/{SESSION}?view=flame")
    frame = page.find(class_="flame__frame")[2]
    near = outline(client, frame.attributes["href"])
    assert near.find(class_="flame__frame")[0].children[0].attributes["width"] == "100.000%"
    assert len(near.find(class_="flame__frame")) <= len(page.find(class_="flame__frame"))


def test_two_traces_are_compared_by_how_they_were_called(client: FlaskClient) -> None:
    page = outline(client, "/traces/3e2337288c0cde97c1f5cae76038ca5b?view=compare")
    candidates = [e.children[0] for e in page.find(class_="candidates")[0].children]
    both = outline(client, candidates[0].attributes["href"])
    assert "video.resume diamond-district-web only here" in both.root.words()
    assert "No trace" in outline(client, f"/traces/{FAILED}?view=compare&with={'0' * 31}1").root.words()


def test_a_trace_can_be_taken_away_in_every_form(client: FlaskClient) -> None:
    text = client.get(f"/traces/{FAILED}/outline.txt").get_data(as_text=True)
    assert text.startswith("video-transcode process\n2026-11-22")
    assert "  ffmpeg.segment" in text
    assert client.get(f"/traces/{FAILED}/outline.md").get_data(as_text=True).startswith("### video-transcode process")
    download = client.get(f"/traces/{FAILED}/download.json")
    assert download.headers["Content-Disposition"] == f'attachment; filename="trace-{FAILED}.json"'
    assert len(list(decode_spans(download.data))) == 2
    assert json.loads(client.get(f"/traces/{SESSION}/download.json").data)["resourceSpans"]
    one = client.get(f"/traces/{FAILED}/spans/{next(decode_spans(download.data)).span_id}.json")
    assert json.loads(one.data)["traceId"] == FAILED


def test_the_offline_file_carries_everything_and_asks_nobody(client: FlaskClient) -> None:
    html = client.get(f"/traces/{FAILED}/offline.html").get_data(as_text=True)
    page = Outline(html)
    assert not [e for e in page.root.all() if {"src", "href", "hx-get"} & e.attributes.keys()]
    assert "default-src 'none'" in page.one(http_equiv="Content-Security-Policy").attributes["content"]
    assert "ffmpeg exited with code 137" in page.root.words()


@pytest.mark.parametrize(
    "path", ["", "/outline.txt", "/download.json", "/offline.html", "/rows?gap=1-2", f"/spans/{span_id(1)}"]
)
def test_what_is_not_there_is_said_with_404(client: FlaskClient, path: str) -> None:
    for trace in ("nonsense", "0" * 31 + "1"):
        response = client.get(f"/traces/{trace}{path}")
        assert response.status_code == 404
        assert ("is not a trace id" if trace == "nonsense" else "is held") in response.get_data(as_text=True)


@pytest.mark.parametrize(
    "nonsense",
    [
        "row=0",
        "row=99999999",
        "level=-1",
        "from=9&to=1",
        "from=x",
        "span=../..",
        "match=999",
        "frame=77777",
        "told=1e9",
        "view=nothing",
        "shut=.....",
        "with=zz&view=compare",
        "adjusted=1",
        "kind=none",
        "moment=99",
        "to=99999999999999999999",
    ],
)
def test_nonsense_in_the_url_is_as_if_it_were_not_there(family: FlaskClient, nonsense: str) -> None:
    assert names(outline(family, f"{URL}?{nonsense}")) or "view=compare" in nonsense


def test_rows_out_of_the_middle_fill_a_gap_in_part(client_of: MakeClient) -> None:
    spans = [span(n, parent=1 if n > 1 else 0, start_ns=10**18 + n, name=f"step {n}") for n in range(1, 2_001)]
    client = client_of(PlainStore.from_lines([line(*spans)]))
    page = outline(client, URL)
    gap = page.one(class_="rowgap")
    assert (gap.attributes["data-first"], gap.attributes["data-last"]) == ("201", "2000")
    assert gap.children[0].attributes["height"] == "45000"
    more = outline(client, f"{gap.attributes['data-rows']}&row=1010")
    assert [(e.attributes["data-first"], e.attributes["data-last"]) for e in more.find(class_="rowgap")] == [
        ("201", "1000"),
        ("1201", "2000"),
    ]
    assert names(more) == [f"step {n}" for n in range(1_001, 1_201)]
    deep = outline(client, f"{URL}?span={span_id(1_500)}")
    assert "open" in row(deep, 1_500).attributes


def test_values_are_laid_out_folded_and_cut(client_of: MakeClient) -> None:
    said = {
        "db.query.text": "SELECT a FROM b WHERE c = 1",
        "body": '{"a":1}',
        "url.full": "https://a.test/b?c=%2F&d=2",
        "long": "word " * 500,
        "huge": "x" * 5_000_000,
        "exception.stacktrace": "Error: no\n    at mine (/app/a.js:1)\n    at theirs (/app/node_modules/b.js:2)",
    }
    client = client_of(PlainStore.from_lines([line(span(attributes=said))]))
    response = client.get(f"{URL}?span={span_id(1)}")
    page = Outline(response.get_data(as_text=True))
    values = {e.children[0].text: e for e in page.find(class_="attributes__line")}
    assert "SELECT a\nFROM b\nWHERE c = 1" in values["db.query.text"].children[1].children[0].text
    assert '{\n  "a": 1\n}' in values["body"].children[1].children[0].text
    assert "c = /" in values["url.full"].words()
    assert any(e.tag == "details" for e in values["long"].all())
    assert "4,996,000 more characters" in values["huge"].words()
    foreign = [e.words() for e in page.find(class_="stack__line--foreign")]
    assert foreign == ["at theirs (/app/node_modules/b.js:2)"]
    assert len(response.data) < 500_000
