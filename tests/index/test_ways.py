"""Ways and troubles of MemoryStore equal what plain loops say: of the real telemetry, laid down in any portions."""

import json
from pathlib import Path

import pytest

from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.telemetry.ways import Troubles, Way
from tests.district import LINES, plain_district
from tests.index.filling import filled, one_by_one
from tests.plain_store import PlainStore
from tests.writing import A_TIME_NS, event, line, span

DISTRICT = Path(__file__).parents[1] / "data" / "diamond-district"
SCENARIOS = Path(__file__).parents[1] / "data" / "scenarios"
PLAIN = plain_district()
ALWAYS = (0, 2**62)
STARTS_NS = sorted(row.start_ns for row in PLAIN.summaries())
WINDOWS = (ALWAYS, (STARTS_NS[60], STARTS_NS[200]), (STARTS_NS[-1] + 10**12, 2**62))
VALUES = [(field, value) for field in ("user", "lesson") for value, _ in PLAIN.values(field, "", 1000)]


@pytest.fixture(scope="module", params=["one segment", "many segments"])
def store(request: pytest.FixtureRequest) -> MemoryStore:
    if request.param == "one segment":
        return filled([LINES])
    return filled(one_by_one(LINES[::-1]), segment_spans=500)  # later spans of a trace come first, in other segments


@pytest.mark.parametrize("window", WINDOWS, ids=["always", "a while", "later"])
def test_every_way_is_as_counted(store: MemoryStore, window: tuple[int, int]) -> None:
    for field, value in [*VALUES, ("user", "usr_0000"), ("lesson", "")]:
        assert store.way(field, value, *window) == PLAIN.way(field, value, *window)


@pytest.mark.parametrize("window", WINDOWS, ids=["always", "a while", "later"])
def test_troubles_and_watching_are_as_counted(store: MemoryStore, window: tuple[int, int]) -> None:
    for field, text, limit in (
        ("user", "", 100),
        ("user", "USR_01", 3),
        ("lesson", "0 LESS 1", 100),
        ("lesson", "no", 9),
    ):
        assert store.troubles(field, text, *window, limit) == PLAIN.troubles(field, text, *window, limit)
    assert store.watching(*window) == PLAIN.watching(*window)


@pytest.mark.parametrize("path", sorted(SCENARIOS.glob("journey-*.json")), ids=lambda path: path.stem)
def test_ways_of_scenarios_are_as_counted(path: Path) -> None:
    lines = [line for line in path.read_bytes().splitlines() if line]
    store, plain = filled([lines]), PlainStore.from_lines(lines)
    for field in ("user", "lesson"):
        for value, _ in plain.values(field, "", 100):
            assert store.way(field, value, *ALWAYS) == plain.way(field, value, *ALWAYS)


def test_figures_are_those_of_the_raw_lines() -> None:
    """Against counting that knows neither store."""
    told: dict[str, list[float]] = {"video.loaded": [], "progress.data_received": []}
    for document in map(json.loads, LINES):
        for block in document["resourceSpans"]:
            for one in (held for scope in block["scopeSpans"] for held in scope["spans"]):
                for said in one.get("events", []):
                    figures = {pair["key"]: pair["value"] for pair in said.get("attributes", [])}
                    for name, key in (("video.loaded", "loadTimeMs"), ("progress.data_received", "watchTime")):
                        if said["name"] == name:
                            told[name].append(float(figures[key].get("intValue", figures[key].get("doubleValue"))))
    ways = [filled([LINES]).way("lesson", value, *ALWAYS) for field, value in VALUES if field == "lesson"]
    for name, amounts in told.items():
        found = sorted(one.amount or 0 for way in ways for one in way.events if one.name == name)
        assert found == sorted(amounts) != []


def test_an_event_of_somebody_else_on_the_same_trace_is_not_on_the_way() -> None:
    lines = [
        line(
            span(1, attributes={"user.id": "ada", "lesson.id": "l1"}, events=[event("video.loaded", loadTimeMs=7)]),
            span(2, 1, attributes={"user.id": "bob"}, events=[event("video.buffering", stalledMs="x")]),
            span(3, 1, events=[event("auth.failed", A_TIME_NS + 5, hasCookie=False)]),
        )
    ]
    store = filled([lines])
    assert [(one.name, one.amount) for one in store.way("user", "ada", *ALWAYS).events] == [
        ("video.loaded", 7.0),
        ("auth.failed", None),
    ]
    assert [one.name for one in store.way("user", "bob", *ALWAYS).events] == ["video.buffering", "auth.failed"]


def test_an_empty_store_knows_nobody() -> None:
    store = MemoryStore(2**24)
    assert store.way("user", "ada", *ALWAYS) == Way()
    assert store.troubles("lesson", "", *ALWAYS, 10) == Troubles()
    assert store.watching(*ALWAYS).lessons == 0
