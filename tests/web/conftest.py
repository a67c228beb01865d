"""The application over PlainStore and real telemetry, with a clock that stands still."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from diamond_viewer.telemetry.model import FeedState, Problem, SourceState
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.plain_store import PlainStore

TRACES = Path(__file__).parents[1] / "data" / "diamond-district" / "traces.json"

METRICS = TRACES.with_name("metrics.json")

LIVE = FeedState(
    ready=True,
    bytes_read=1_963_352,
    bytes_total=1_963_352,
    lines=23,
    bad_lines=2,
    lag_ns=300_000_000,
    last_line_ns=NOW_NS - 1_000_000_000,
    sources=(
        SourceState(
            "/data/traces.json",
            "live",
            1_963_352,
            1_963_352,
            23,
            (Problem("not JSON", "This line is no JSON.", 81_234, '{"resourceSpans":[<b>cut</b>', 2),),
        ),
        SourceState("/data/traces-2026-11-22T14-50-51.358-size.json", "done", 100_000_000, 100_000_000, 512),
    ),
    counters={"rotations": 1, "something_new": 7},
)

MakeClient = Callable[[PlainStore], FlaskClient]


@pytest.fixture(scope="session")
def real_store() -> PlainStore:
    """Read only: it is shared by all tests."""
    store = PlainStore.from_files([TRACES])
    store.report(LIVE)
    return store


@pytest.fixture(scope="session")
def client_of() -> MakeClient:
    return lambda store: create_app(store, clock=lambda: NOW_NS).test_client()


@pytest.fixture(scope="session")
def client(real_store: PlainStore, client_of: MakeClient) -> FlaskClient:
    return client_of(real_store)
