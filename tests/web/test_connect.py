"""How traces come in: what is to be pasted names the reader's own file, on the page and where nothing has come yet."""

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from diamond_viewer.telemetry.model import FeedState, SourceState
from diamond_viewer.web.connect_page import collector_settings, connect_page, live_path
from tests.plain_store import PlainStore
from tests.web.conftest import LIVE, MakeClient
from tests.web.html_outline import Outline


def source(path: str, state: str) -> SourceState:
    return SourceState(path, state, 0, 0, 0)


@pytest.mark.parametrize(
    ("feed", "path"),
    [
        pytest.param(FeedState(), "/var/log/otel-collector/traces.json", id="nothing known: the default"),
        pytest.param(FeedState(sources=(source("/a/t.json", "waiting"),)), "/a/t.json", id="what is waited for"),
        pytest.param(
            FeedState(sources=(source("/a/old.json", "done"), source("/a/t.json", "live"))),
            "/a/t.json",
            id="live first",
        ),
        pytest.param(
            FeedState(sources=(source("/a/t.json.1.gz", "done"), source("/a/b.json", "done"))),
            "/a/b.json",
            id="no archive",
        ),
        pytest.param(
            FeedState(sources=(source("/tmp/demo/traces.json", "live"),), is_demo=True),
            "/var/log/otel-collector/traces.json",
            id="never the demo's folder",
        ),
    ],
)
def test_the_file_that_is_named(feed: FeedState, path: str) -> None:
    assert live_path(feed) == path


def test_a_path_cannot_leave_its_quotes() -> None:
    hostile = 'C:\\traces" }\nexporters: [x]'
    assert '"C:\\\\traces\\" }' in collector_settings(hostile)


def test_the_command_names_a_file_that_is_not_the_default() -> None:
    assert connect_page(FeedState()).start == "make run"
    assert connect_page(LIVE).start == "make run TRACES=/data/traces.json"
    with_space = replace(LIVE, sources=(source("/my data/t.json", "live"),))
    assert connect_page(with_space).start == "make run TRACES='/my data/t.json'"


def test_everything_to_paste_can_be_copied(client: FlaskClient) -> None:
    page = Outline(client.get("/connect").get_data(as_text=True))
    copied = [button.attributes["data-from"] for button in page.find() if "data-from" in button.attributes]
    assert copied == ["paste-collector", "paste-start", "paste-receive", "paste-application"]
    assert {element.attributes.get("id") for element in page.find()} >= set(copied)


def test_who_waits_for_a_file_reads_what_would_write_it(client_of: MakeClient) -> None:
    store = PlainStore()
    store.report(FeedState(ready=True, sources=(source("/data/none.json", "waiting"),)))
    page = client_of(store).get("/trace-viewer.html").get_data(as_text=True)
    assert "path: &#34;/data/none.json&#34;" in page
    assert 'href="/connect"' in page


@pytest.mark.parametrize("is_demo", [True, False])
def test_the_demo_says_how_to_see_ones_own(client_of: MakeClient, is_demo: bool) -> None:
    store = PlainStore()
    store.report(replace(LIVE, notice="This is demo traffic.", is_demo=is_demo))
    banner = (
        client_of(store)
        .get("/trace-viewer.html")
        .get_data(as_text=True)
        .partition('id="banner"')[2]
        .partition("</p>")[0]
    )
    assert ("Connect your own traces" in banner) == is_demo


def test_of_a_cluster_the_page_tells_what_writes_to_it(client_of: MakeClient) -> None:
    store = PlainStore()
    store.report(FeedState(ready=True, sources=(source("clickhouses://ch.test:8443/otel.spans", "live"),)))
    page = client_of(store).get("/connect").get_data(as_text=True)
    copied = [button.attributes["data-from"] for button in Outline(page).find() if "data-from" in button.attributes]
    assert copied == ["paste-collector", "paste-start"]
    assert "tcp://ch.test:9440?secure=true" in page
    assert "clickhouses://" not in page.partition("<main")[2]
    assert "rotat" not in page
