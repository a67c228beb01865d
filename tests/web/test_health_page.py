"""The health page: every counter says what it counts, and where each source stands."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from diamond_viewer.clickhouse import cluster_health
from diamond_viewer.feed import ingest
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.telemetry.model import SourceState
from diamond_viewer.telemetry.units import NS_PER_SECOND
from diamond_viewer.web.health_page import COUNTERS
from tests.asking import NOW_NS
from tests.plain_store import PlainStore
from tests.web.conftest import LIVE, MakeClient
from tests.web.html_outline import Outline

DOCS = (Path(__file__).parents[2] / "docs" / "faults.md").read_text("utf-8")
DOCUMENTED = re.findall(r"^\| `(\w+)` \| \w", DOCS, re.MULTILINE)
COUNTED = {*ingest.COUNTERS, *MemoryStore(2**20).health().counters, *cluster_health.COUNTERS}


def counters_of(client: FlaskClient) -> dict[str, tuple[str, str]]:
    """Title -> value and meaning, as the page shows them."""
    page = Outline(client.get("/health").get_data(as_text=True))
    titles, values, meanings = (
        [element.words() for element in page.find(class_=f"counter__{part}")] for part in ("title", "value", "meaning")
    )
    return dict(zip(titles, zip(values, meanings, strict=True), strict=True))


def test_the_page_knows_the_counters_of_feed_and_index_and_no_others() -> None:
    assert set(COUNTERS) == COUNTED


def test_of_a_cluster_the_table_and_its_rows_are_shown_and_nothing_of_files(client_of: MakeClient) -> None:
    store = PlainStore()
    table = SourceState("clickhouse://a.test:8123/otel.otel_traces", "live", lines=3_252)
    store.report(replace(LIVE, sources=(table,), last_line_ns=NOW_NS, counters={"cluster_bytes": 174_886}))
    health = replace(store.health(), differences=("What it does not keep.",))
    store.health = lambda: health  # type: ignore[method-assign]
    client = client_of(store)
    page = Outline(client.get("/health").get_data(as_text=True))
    (sources,) = page.find(class_="sources")
    words = "Table State Rows clickhouse://a.test:8123/otel.otel_traces live 3,252"
    assert " ".join(sources.words().split()) == words
    counters = counters_of(client)
    assert (counters["Newest span"][0], counters["Bytes on disk"][0]) == ("now", "175 kB")
    assert not {"Read", "Lines", "Bad lines", "Memory"} & counters.keys()


def test_every_counter_explains_itself_on_the_page_on_hover_in_the_api_and_in_the_docs(client_of: MakeClient) -> None:
    store = PlainStore()
    store.report(replace(LIVE, counters=dict.fromkeys(sorted(COUNTED), 1)))
    client = client_of(store)
    page, answer = Outline(client.get("/health").get_data(as_text=True)), client.get("/api/health").json
    assert answer is not None
    names = []
    for counter in page.find(class_="counter"):
        name, _, explained = counter.attributes["title"].partition(" in /api/health: ")
        names.append(name)
        assert explained, f"{name}: nothing on hover"
        assert explained in counter.words()
        assert name in answer or name in answer["counters"]
    assert len(names) > len(COUNTED)
    assert sorted(names) == sorted(DOCUMENTED)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "now"), (4, "4 s ago"), (599, "9 min 59 s ago"), (659, "No new data for 10 min"), (-5, "now")],
)
def test_the_age_of_the_newest_line_is_shown_in_the_words_of_the_pill(
    client_of: MakeClient, seconds: int, words: str
) -> None:
    store = PlainStore()
    store.report(replace(LIVE, last_line_ns=NOW_NS - seconds * NS_PER_SECOND))
    client = client_of(store)
    assert counters_of(client)["Newest line"][0] == words
    page = Outline(client.get("/health").get_data(as_text=True))
    is_stale = words.startswith("No new data")
    assert (page.find(class_="pill__state")[0].words() == words) is is_stale
    answer = client.get("/api/health").json
    assert answer is not None
    assert answer["newest_line_age_seconds"] == max(0, seconds)
    assert answer["newest_line_unix_nano"] == str(NOW_NS - seconds * NS_PER_SECOND)


def test_before_the_first_line_there_is_no_age(client_of: MakeClient) -> None:
    client = client_of(PlainStore())
    assert counters_of(client)["Newest line"] == ("–", "nothing has been read yet")
    answer = client.get("/api/health").json
    assert answer is not None
    assert answer["newest_line_age_seconds"] is answer["newest_line_unix_nano"] is None


def test_each_source_says_how_far_behind_it_is(client_of: MakeClient) -> None:
    behind = SourceState("/data/a.json", "reading", 3_000_000, 1_000_000, 5, (), 2_000_000, 800_000_000)
    just_seen = SourceState("/data/b.json", "reading", 3_000_000, 0, 0, (), 3_000_000)
    store = PlainStore()
    store.report(replace(LIVE, sources=(behind, just_seen, SourceState("/data/c.json", "done", 10, 10, 1))))
    client = client_of(store)
    cells = Outline(client.get("/health").get_data(as_text=True)).find(class_="sources__number", data_label="Behind")
    assert [cell.words() for cell in cells] == ["2 MB, 0.8 s", "3 MB", "nothing"]
    answer = client.get("/api/health").json
    assert answer is not None
    shown = [(source["size_bytes"], source["behind_bytes"], source["lag_seconds"]) for source in answer["sources"]]
    assert shown == [(3_000_000, 2_000_000, 0.8), (3_000_000, 3_000_000, 0), (10, 0, 0)]


def test_no_lag_is_no_time_in_seconds(client_of: MakeClient) -> None:
    store = PlainStore()
    store.report(replace(LIVE, lag_ns=0))
    assert counters_of(client_of(store))["Lag"][0] == "0 s"
