"""Searching on the page: mistakes at their place, suggestions for keys and values, help, and how far one has looked."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from diamond_viewer.query.keys import known_keys
from diamond_viewer.query.language import parse
from diamond_viewer.web.app import create_app
from diamond_viewer.web.search_box import search_box, search_hints
from diamond_viewer.web.search_help import RULES
from tests.asking import NOW_NS
from tests.index.filling import filled, one_by_one
from tests.plain_store import PlainStore
from tests.web.html_outline import Outline
from tests.writing import line, span


def outline(client: FlaskClient, url: str, **params: str) -> Outline:
    response = client.get(url, query_string=params)
    assert response.status_code == 200
    return Outline(response.get_data(as_text=True))


def hints(store: PlainStore, text: str) -> list[tuple[str, str]]:
    """``|`` is the cursor; what is offered, and what choosing it makes of the text."""
    options = search_hints(store, text.replace("|", ""), text.index("|")).options
    return [
        (option.label, f"{option.text[: int(option.cursor)]}|{option.text[int(option.cursor) :]}") for option in options
    ]


@pytest.mark.parametrize(
    ("text", "before", "at", "after"),
    [
        ("status:error lesso:x", "status:error ", "lesso", ":x"),
        ("status:meh", "status:", "meh", ""),
        ("a AND", "a AND", " ", ""),
        (") x", "", ")", " x"),
        ("x " * 60 + "lesso:x", "…" + ("x " * 60)[-40:], "lesso", ":x"),
    ],
)
def test_a_mistake_is_shown_at_its_place(text: str, before: str, at: str, after: str) -> None:
    mistake = search_box(text).mistake
    assert mistake
    assert (mistake.before, mistake.at, mistake.after) == (before, at, after)


def test_the_page_keeps_the_wrong_search_says_what_is_wrong_and_shows_the_list_without_it(client: FlaskClient) -> None:
    page = outline(client, "/trace-viewer.html", q="status:error lesso:lesson-011", limit="5")
    box = page.one(id="filter-q")
    assert (box.attributes["value"], box.attributes["aria-invalid"]) == ("status:error lesso:lesson-011", "true")
    assert page.one(class_="search__mark").words() == "lesso"
    said = page.one(id="search-said").words()
    assert "Unknown key `lesso`, did you mean `lesson`?" in said
    assert "Character 14:" in said
    assert page.find(class_="notice") == []
    assert len(page.find(class_="row")) == 5


def test_a_wrong_search_stays_in_the_url_after_the_form_was_sent(client: FlaskClient) -> None:
    headers = {"HX-Request": "true", "HX-Target": "main#page", "HX-Source": "form#filters"}
    response = client.get("/trace-viewer.html?q=lesso:x&user=&status=error", headers=headers)
    url = response.headers["HX-Replace-Url"]
    assert dict(parse_qsl(urlsplit(url).query)) == {"status": "error", "q": "lesso:x"}


@pytest.mark.parametrize(
    ("text", "label", "result"),
    [
        ("sta|", "status:", "status:|"),
        ("dur|", "duration>", "duration>|"),
        ("status:e|", "error", "status:error |"),
        ("lesson:LESSON-011|", "lesson-011", "lesson:lesson-011 |"),
        ("-user:usr_000|x status:ok", "usr_0007", "-user:usr_0007| status:ok"),
        ("(usr_0007|", "user:usr_0007", "(user:usr_0007 |"),
        ('trace.spans>2 service:"diamond-district-w| status:ok', "diamond-district-web", None),
    ],
)
def test_suggestions_put_themselves_where_the_cursor_is(
    real_store: PlainStore, text: str, label: str, result: str | None
) -> None:
    offered = dict(hints(real_store, text))
    assert label in offered
    assert result is None or offered[label] == result


def test_what_is_suggested_can_be_searched_for(client: FlaskClient, real_store: PlainStore) -> None:
    for key in ("lesson:", "user:", "service:", "name:", "event:", "status:", "flag:", "kind:", "db.slow:"):
        offered = search_hints(real_store, key, len(key)).options
        assert offered
        for option in offered:
            parse(option.text)


@pytest.mark.parametrize("text", ["lesson:", "(status:error", 'name:"GET', "status:error OR ", "lesso:x"])
def test_what_is_only_unfinished_is_no_mistake_while_typing(real_store: PlainStore, text: str) -> None:
    assert search_box(text).mistake
    assert search_hints(real_store, text, len(text)).mistake is None


def test_a_mistake_behind_which_one_types_on_is_said(client: FlaskClient) -> None:
    text = "lesso:x status:e"
    page = outline(client, "/search-hints", q=text, cursor=str(len(text)))
    assert "did you mean `lesson`" in page.root.words()
    assert {e.attributes["role"] for e in page.find(class_="search__option")} == {"option"}


@given(text=st.text(max_size=60) | st.text('()":*-~<>= lesson{}\\', max_size=60), cursor=st.integers(-3, 70))
def test_no_text_breaks_the_box(text: str, cursor: int) -> None:
    store = PlainStore.from_lines([line(span(attributes={"user.id": 'a "b" (c)'}))])
    search_box(text)
    for option in search_hints(store, text, cursor).options:
        assert 0 <= int(option.cursor) <= len(option.text)


@pytest.mark.parametrize("cursor", ["", "x", "-1", "9" * 30, "٣"])
def test_a_cursor_that_is_none_is_the_end(client: FlaskClient, cursor: str) -> None:
    page = outline(client, "/search-hints", q="status:e", cursor=cursor)
    assert page.one(class_="search__label").words() == "error"


def test_the_help_page_explains_every_key_and_its_examples_work(client: FlaskClient) -> None:
    page = outline(client, "/search-help")
    words = page.root.words()
    for key in known_keys():
        assert key.name in words
        assert key.example in words
    for example, _ in RULES:
        assert example in words
        parse(example)
    assert outline(client, "/trace-viewer.html").one(class_="search__help").attributes["href"] == "/search-help"


def test_a_search_that_takes_long_says_how_far_it_looked_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for budget in ("SEARCH_NS", "STATS_NS"):
        monkeypatch.setattr(f"diamond_viewer.index.held.{budget}", 0)
    start_ns = 1_795_347_498_000_000_000
    lines = [
        line(span(n, trace=n, start_ns=start_ns + n * 10**9, attributes={"pet": f"cat {n}", "pad": "x" * 70_000}))
        for n in range(1, 60)
    ]
    client = create_app(filled(one_by_one(lines), 16), clock=lambda: NOW_NS).test_client()
    page = outline(client, "/trace-viewer.html", q="pet:*")
    assert page.one(class_="list__partial").words().startswith("Searched back to 2026-11-22 11:")
    assert 0 < len(page.find(class_="row")) < 50
    answers: list[dict[str, Any]] = []
    while not answers or not answers[-1]["is_complete"]:
        answers.append(client.get("/api/traces?q=pet:*").get_json())
        assert len(answers) < 200
    scanned = [int(answer["scanned_to_unix_nano"]) for answer in answers]
    assert scanned == [*sorted(scanned[:-1], reverse=True), 0]
    assert [answer["total"] for answer in answers] == sorted(answer["total"] for answer in answers)
    assert answers[-1]["total"] == 59
    assert outline(client, "/trace-viewer.html", q="pet:*").find(class_="list__partial") == []


def test_polling_goes_on_with_a_search_that_is_not_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    for budget in ("SEARCH_NS", "STATS_NS"):
        monkeypatch.setattr(f"diamond_viewer.index.held.{budget}", 0)
    monkeypatch.setattr("diamond_viewer.web.views.FURTHER_S", 0)
    lines = [line(span(n, trace=n, attributes={"pet": "cat", "pad": "x" * 70_000})) for n in range(1, 60)]
    client = create_app(filled(one_by_one(lines), 16), clock=lambda: NOW_NS).test_client()
    headers = {"HX-Request": "true", "HX-Target": "div#status"}
    seen, statuses = "", list[int]()
    while not statuses or statuses[-1] != 204:
        response = client.get(f"/trace-viewer.html?q=pet:cat&seen={seen}", headers=headers)
        seen = response.headers.get("Diamond-Seen", seen)
        statuses.append(response.status_code)
        assert len(statuses) < 200
    assert len(statuses) > 3
    assert client.get("/api/traces?q=pet:cat").get_json()["total"] == 59


def test_a_poll_takes_longer_over_an_unfinished_search_than_the_first_page(monkeypatch: pytest.MonkeyPatch) -> None:
    for budget in ("SEARCH_NS", "STATS_NS"):
        monkeypatch.setattr(f"diamond_viewer.index.held.{budget}", 0)
    monkeypatch.setattr("diamond_viewer.web.views.FURTHER_S", 60)
    lines = [line(span(n, trace=n, attributes={"pet": "cat", "pad": "x" * 70_000})) for n in range(1, 60)]
    client = create_app(filled(one_by_one(lines), 16), clock=lambda: NOW_NS).test_client()
    assert len(outline(client, "/trace-viewer.html", q="pet:cat").find(class_="row")) < 50
    polled = client.get("/trace-viewer.html?q=pet:cat", headers={"HX-Request": "true", "HX-Target": "div#status"})
    assert "50 of 59" in polled.text
    assert "list__partial" not in polled.text
