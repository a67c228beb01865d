"""What the traces page says when there is little or nothing to read: whom it waits for, and what cannot be read and why."""

from dataclasses import replace

import pytest

from diamond_viewer.telemetry.model import FeedState, Problem, SourceState
from tests.plain_store import PlainStore
from tests.web.conftest import LIVE, MakeClient
from tests.web.html_outline import Outline

MISSING = SourceState("/data/traces.json", "waiting")
FIFO_SENTENCE = "'/data/pipe' is a FIFO. Only files are read; name one, for example 'traces.json'."
FIFO = SourceState("/data/pipe", "failed", problems=(Problem("unreadable", FIFO_SENTENCE),))


def page_over(client_of: MakeClient, feed: FeedState) -> Outline:
    store = PlainStore()
    store.report(feed)
    return Outline(client_of(store).get("/trace-viewer.html").get_data(as_text=True))


def pill(page: Outline) -> str:
    return page.one(class_="pill__words").words()


@pytest.mark.parametrize(
    ("sources", "words", "said", "not_said"),
    [
        pytest.param((MISSING,), "Waiting for traces.json", ("/data/traces.json", "picked up"), (), id="not there yet"),
        pytest.param((), "Waiting for a file", ("Waiting for the first file.",), (), id="a pattern matches nothing"),
        pytest.param(
            (FIFO,),
            "Nothing can be read",
            (FIFO_SENTENCE, "1 source cannot be read"),
            ("Waiting", "picked up when it appears"),
            id="nothing can be read",
        ),
        pytest.param(
            (FIFO, MISSING),
            "Waiting for traces.json",
            ("/data/traces.json", FIFO_SENTENCE, "1 source cannot be read"),
            (),
            id="one to come, one that cannot be read",
        ),
    ],
)
def test_a_page_without_sources_says_what_is_missing(
    client_of: MakeClient,
    sources: tuple[SourceState, ...],
    words: str,
    said: tuple[str, ...],
    not_said: tuple[str, ...],
) -> None:
    page = page_over(client_of, FeedState(ready=True, sources=sources))
    assert pill(page) == words
    for sentence in said:
        assert sentence in page.root.words()
    for sentence in not_said:
        assert sentence not in page.root.words()


def test_a_source_that_cannot_be_read_is_told_beside_those_that_can(client_of: MakeClient) -> None:
    page = page_over(client_of, replace(LIVE, sources=(*LIVE.sources, FIFO)))
    assert pill(page).startswith("Live")
    assert [part.words() for part in page.find(class_="status__bad")] == ["2 bad lines", "1 source cannot be read"]
