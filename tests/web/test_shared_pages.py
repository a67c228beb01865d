"""Shared pages: many readers, one page, when it is dear; and whoever has had it gets a new one."""

import gzip
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest
from flask import Flask, Response, abort

from diamond_viewer.web import shared_pages
from diamond_viewer.web.app import create_app
from diamond_viewer.web.compression import MIN_BYTES
from diamond_viewer.web.shared_pages import MAX_AGE_S, SHARED, SharedPages
from tests.plain_store import PlainStore
from tests.web.test_crowd import wait_for

BOUND_S = 20.0
LONG = " " * MIN_BYTES


class Hours:
    """A clock, and what a page costs: both move by hand."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.spent_s = 0.0
        self.looks = 0

    def clock(self) -> float:
        self.looks += 1
        return self.now_s

    def shared(self) -> SharedPages:
        return SharedPages(self.clock, lambda: self.spent_s)

    def making(self, cost_s: float, takes_s: float = 0.0) -> Callable[[], Response]:
        """Pages that say which of them they are."""
        numbers = count(1)

        def make() -> Response:
            self.spent_s += cost_s
            self.now_s += takes_s
            return Response(f"page {next(numbers)}{LONG}", mimetype="text/html")

        return make


@pytest.fixture(autouse=True)
def request_context() -> Iterator[None]:
    with Flask("pages").test_request_context():
        yield


def said(response: Response) -> str:
    return response.get_data(as_text=True).strip()


def test_a_dear_page_is_made_once_for_all_who_open_it_within_a_second() -> None:
    hours = Hours()
    shared, make = hours.shared(), hours.making(cost_s=0.3)
    assert [said(shared.of("question", reader, make)) for reader in "abc"] == ["page 1"] * 3
    hours.now_s += MAX_AGE_S
    assert said(shared.of("question", "d", make)) == "page 2"
    assert said(shared.of("another question", "e", make)) == "page 3"


def test_who_has_had_a_page_gets_a_new_one() -> None:
    hours = Hours()
    shared, make = hours.shared(), hours.making(cost_s=0.3)
    assert [said(shared.of("question", reader, make)) for reader in "aabba"] == [
        *("page 1", "page 2", "page 2", "page 3", "page 3"),
    ]


def test_a_page_that_costs_little_is_made_for_everybody() -> None:
    hours = Hours()
    shared, make = hours.shared(), hours.making(cost_s=0.01)
    assert [said(shared.of("question", reader, make)) for reader in "abc"] == ["page 1", "page 2", "page 3"]


def test_many_cheap_pages_are_dear_together_until_that_is_some_time_ago() -> None:
    hours = Hours()
    shared, make = hours.shared(), hours.making(cost_s=0.01)
    pages = {said(shared.of("question", str(reader), make)) for reader in range(1_000)}
    assert 20 < len(pages) < 40
    hours.now_s += 4 * shared_pages.REMEMBERED_S
    assert len({said(shared.of("question", reader, make)) for reader in "ab"}) == 2


def test_who_asks_while_a_dear_page_is_made_gets_that_one_however_long_it_takes() -> None:
    hours = Hours()
    shared, make = hours.shared(), hours.making(cost_s=0.3, takes_s=3 * MAX_AGE_S)
    shared.of("question", "first", make)
    began, go_on = threading.Event(), threading.Event()

    def slow() -> Response:
        began.set()
        assert go_on.wait(BOUND_S)
        return make()

    def ask(reader: str, made: Callable[[], Response]) -> str:
        with Flask("pages").test_request_context():
            return said(shared.of("question", reader, made))

    with ThreadPoolExecutor(3) as readers:
        maker = readers.submit(ask, "a", slow)
        assert began.wait(BOUND_S)
        looked = hours.looks
        others = [readers.submit(ask, reader, make) for reader in "bc"]
        wait_for(lambda: hours.looks == looked + len(others))  # each looks at the clock, and waits
        go_on.set()
        assert [one.result(BOUND_S) for one in [maker, *others]] == ["page 2"] * 3


def test_what_is_no_page_is_not_shared() -> None:
    hours = Hours()
    shared, numbers = hours.shared(), count(1)

    def make() -> Response:
        hours.spent_s += 0.3
        return Response(f"missing {next(numbers)}{LONG}", status=404, mimetype="text/html")

    assert [said(shared.of("question", reader, make)) for reader in "ab"] == ["missing 1", "missing 2"]


def test_a_maker_that_fails_holds_nobody_up() -> None:
    hours = Hours()
    shared = hours.shared()
    shared.of("question", "a", hours.making(cost_s=1.0))  # dear enough to be so still when that page is old
    hours.now_s += 1.5 * MAX_AGE_S
    for reader in "bc":
        with pytest.raises(Exception, match="404"):
            shared.of("question", reader, lambda: abort(404))
    assert said(shared.of("question", "d", hours.making(cost_s=0.3))) == "page 1"


def test_who_waited_for_a_maker_that_failed_does_not_wait_for_the_next_as_well() -> None:
    hours = Hours()
    shared = hours.shared()
    shared.of("question", "first", hours.making(cost_s=1.0))
    hours.now_s += 1.5 * MAX_AGE_S
    began, go_on, together = threading.Event(), threading.Event(), threading.Barrier(2)

    def fail() -> Response:
        began.set()
        assert go_on.wait(BOUND_S)
        abort(404)

    def fail_beside_another() -> Response:
        together.wait(BOUND_S)
        abort(404)

    def ask(reader: str, made: Callable[[], Response]) -> None:
        with Flask("pages").test_request_context(), pytest.raises(Exception, match="404"):
            shared.of("question", reader, made)

    with ThreadPoolExecutor(3) as readers:
        maker = readers.submit(ask, "a", fail)
        assert began.wait(BOUND_S)
        looked = hours.looks
        others = [readers.submit(ask, reader, fail_beside_another) for reader in "bc"]
        wait_for(lambda: hours.looks == looked + len(others))
        go_on.set()
        for one in [maker, *others]:
            one.result(BOUND_S)


def test_no_more_is_kept_than_a_few_megabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_pages, "MAX_KEPT_BYTES", 150)
    hours = Hours()
    shared, make = hours.shared(), hours.making(cost_s=0.3)
    for question in ("one", "two", "three"):
        shared.of(question, "a", make)
    kept = [len(one.page.packed) for one in shared._questions.values() if one.page is not None]
    assert 0 < sum(kept) <= 150
    assert said(shared.of("three", "b", make)) == "page 3"
    for number in range(2 * shared_pages.MAX_QUESTIONS):
        shared.of(str(number), "a", make)
    assert len(shared._questions) == shared_pages.MAX_QUESTIONS


def test_every_route_that_is_shared_answers_the_same_to_two_readers_and_to_one_who_takes_no_gzip(
    real_store: PlainStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_pages, "MAX_LOAD", 0.0)
    monkeypatch.setattr(shared_pages, "MAX_AGE_S", float("inf"))
    makes = 0

    class Counting(SharedPages):
        def _make(self, *arguments: Any) -> Response:
            nonlocal makes
            makes += 1
            return super()._make(*arguments)

    monkeypatch.setattr("diamond_viewer.web.app.SharedPages", Counting)
    app = create_app(real_store, clock=lambda: 1_795_358_400_000_000_000)
    assert set(SHARED) <= app.view_functions.keys()
    client = app.test_client()
    trace_id = client.get("/api/traces?limit=1").json["traces"][0]["trace_id"]  # type: ignore[index]
    for number, path in enumerate(
        ("/trace-viewer.html", "/errors", "/operations", "/journeys", "/map", f"/traces/{trace_id}"), start=1
    ):
        alone = client.get(path)
        first = client.get(path, headers={"Accept-Encoding": "gzip"}, environ_base={"REMOTE_PORT": "1"})
        second = client.get(path, headers={"Accept-Encoding": "gzip"}, environ_base={"REMOTE_PORT": "2"})
        plain = client.get(path, environ_base={"REMOTE_PORT": "3"})
        assert alone.status_code == 200, path
        assert gzip.decompress(second.data) == gzip.decompress(first.data) == plain.data == alone.data, path
        assert makes == number, path
        assert (plain.headers.get("Content-Encoding"), plain.headers.get("Diamond-Seen")) == (
            None,
            alone.headers.get("Diamond-Seen"),
        )
        assert "Accept-Encoding" in plain.vary
        for name in ("Content-Security-Policy", "Cache-Control", "Content-Type"):
            assert second.headers[name] == alone.headers[name], (path, name)


def test_a_page_is_not_shared_between_zones_names_and_fragments(
    real_store: PlainStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_pages, "MAX_LOAD", 0.0)
    monkeypatch.setattr(shared_pages, "MAX_AGE_S", float("inf"))
    client = create_app(real_store).test_client()
    ports = count(1)

    def ask(zone: str, **headers: str) -> str:
        client.set_cookie("zone", zone)
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return client.get("/errors", headers=named, environ_base={"REMOTE_PORT": str(next(ports))}).text

    utc, kolkata = ask("UTC"), ask("Asia/Kolkata")
    assert (utc == kolkata, ask("UTC") == utc, ask("Asia/Kolkata") == kolkata) == (False, True, True)
    fragment = ask("UTC", HX_Request="true", HX_Target="div#page")
    assert "<html" in utc
    assert "<html" not in fragment
