"""Pages as they were accepted."""

import re
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from diamond_viewer.telemetry.model import FeedState, SourceState
from diamond_viewer.telemetry.redactions import COUNTS
from tests import accepting
from tests.plain_store import PlainStore
from tests.web.conftest import LIVE, MakeClient
from tests.web.html_outline import Outline

MISMATCH_TRACE = "3e2337288c0cde97c1f5cae76038ca5b"
WAITING = FeedState(
    ready=True,
    sources=(SourceState("/data/traces.json", "waiting"),),
    notice="Waiting: nothing matches '/data/traces.json' yet.",
)
INDEXING = replace(LIVE, ready=False, bytes_read=43, bytes_total=100)

PAGES = {
    "traces": "/trace-viewer.html?limit=4",
    "filtered": "/trace-viewer.html?user=usr_0007&status=error&flag=slow&flag=slow-db&since=2026-11-22T14:00:00Z&limit=3",
    "second-page": "/trace-viewer.html?limit=3&page=2",
    "opened": f"/trace-viewer.html?event=video.resume_position_mismatch&limit=2&trace={MISMATCH_TRACE}",
    "notices": "/trace-viewer.html?limit=0&colour=red&trace=nonsense&user=nobody",
    "missing": f"/trace-viewer.html?limit=1&trace={'0' * 31}1",
    "trace": f"/traces/{MISMATCH_TRACE}",
    "not-found": "/traces/nonsense",
    "health": "/health",
    "errors": "/errors?limit=3",
    "errors-opened": "/errors?limit=2&by=last&group=b832a573b926",
    "operations": "/operations?lesson=lesson-011",
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_as_it_was_accepted(client: FlaskClient, name: str) -> None:
    COUNTS.forget()  # of the process, and so of the tests before this one
    compare(name, client.get(PAGES[name]).get_data(as_text=True))


@pytest.mark.parametrize(("name", "feed"), [("waiting", WAITING), ("indexing", INDEXING)])
def test_the_page_before_the_first_trace_is_as_it_was_accepted(
    client_of: MakeClient, name: str, feed: FeedState
) -> None:
    store = PlainStore()
    store.report(feed)
    compare(name, client_of(store).get("/trace-viewer.html").get_data(as_text=True))


def compare(name: str, html: str) -> None:
    """What differs from machine to machine or with every change of a style sheet is left out."""
    html = re.sub(r"\?v=[0-9a-f]{12}", "?v=…", html)
    html = re.sub(r'(<span class="version">)\S+ <b>[^<]*</b></span> ?', "", html)
    assert Outline(html).problems == []
    accepting.compare(f"{name}.html", html, beside="" if name == "traces" else "traces.html")
