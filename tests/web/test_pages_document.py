"""The walk of ``docs/pages.md``: every page of the viewer is on it, and shows the words that it promises."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from diamond_viewer.imports import Imports
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.index.filling import filled
from tests.web.conftest import LIVE, TRACES
from tests.web.html_outline import Outline

DOCUMENT = (Path(__file__).parents[2] / "docs" / "pages.md").read_text("utf-8")
CHAPTERS = DOCUMENT.split("\n## ")[1:]
SAMPLE = {
    "trace_id": "3e2337288c0cde97c1f5cae76038ca5b",
    "user": "usr_0007",
    "lesson": "lesson-012",
}  # what stands for the variable parts of an address


@dataclass(frozen=True, slots=True)
class Stop:
    title: str
    address: str
    words: tuple[str, ...]


def stops() -> list[Stop]:
    found = []
    for chapter in CHAPTERS:
        title, _, text = chapter.partition("\n")
        if address := re.search(r"^`(/\S+)`$", text, re.MULTILINE):
            found.append(Stop(title, address[1], tuple(re.findall(r"\*\*(.+?)\*\*", text))))
    return found


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    names = ("traces.json", "metrics.json", "logs.json")
    store = filled([[line for name in names for line in TRACES.with_name(name).read_bytes().splitlines()]])
    store.report(LIVE)
    store.examine()
    return store


@pytest.fixture(scope="module")
def client(store: MemoryStore) -> Iterator[FlaskClient]:
    with Imports(1 << 28, 1 << 20) as imports:
        yield create_app(store, imports=imports, clock=lambda: NOW_NS).test_client()


def test_every_page_is_on_the_walk(client: FlaskClient) -> None:
    """A page is what answers with a whole document of its own; parts of one, links and programs' addresses are none."""
    assert {client.get(stop.address).status_code for stop in stops()} == {200}
    routes = client.application.url_map.bind("localhost")
    walked = {str(routes.match(stop.address.partition("?")[0], return_rule=True)[0]) for stop in stops()}
    rules = {str(rule) for rule in client.application.url_map.iter_rules() if "GET" in (rule.methods or ())}
    pages = set()
    for rule in rules:
        address = re.sub(r"<(\w+:)?(\w+)>", lambda part: SAMPLE.get(part[2], "x"), rule)
        answer = client.get(address)
        if answer.mimetype == "text/html" and answer.status_code == 200 and "<title>" in answer.text:
            pages.add(rule)
    # a file to take away, and where the form of /import sends to
    assert pages - {"/traces/<trace_id>/offline.html", "/api/import"} == walked


@pytest.mark.parametrize("stop", stops(), ids=lambda stop: stop.title)
def test_a_page_shows_what_the_walk_says(client: FlaskClient, stop: Stop) -> None:
    assert stop.words
    answer = client.get(stop.address)
    # not the header, which names all pages
    (main,) = [element for element in Outline(answer.text).root.all() if element.tag == "main"]
    said = main.words()
    assert [word for word in stop.words if word not in said] == []
