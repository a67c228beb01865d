"""The demo's past as the viewer shows it: its lines in a store, and a client that asks for pages."""

from pathlib import Path

from flask.testing import FlaskClient

from diamond_viewer.demo.traffic import DemoTraffic
from diamond_viewer.feed.ingest import Ingest, Ledger
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.telemetry.model import FeedState, SourceState
from diamond_viewer.web.app import create_app
from tests.asking import UNDECIDED

START_NS = 1_795_358_295_457_000_000


def demo_store(folder: Path) -> MemoryStore:
    """Everything that stands there when the viewer starts, examined by the rules."""
    traffic = DemoTraffic(folder, clock=lambda: START_NS)
    traffic.write_past()
    traffic.stop()
    store = MemoryStore(512 * 1024**2)
    ingest, ledger = Ingest(store), Ledger()
    for path in sorted(folder.iterdir()):
        for line in path.read_bytes().splitlines():
            ingest.take(ledger, 0, line)
    store.commit()
    store.report(FeedState(ready=True, lines=ledger.lines, sources=(SourceState(str(traffic.live_path), "live"),)))
    store.examine(query=UNDECIDED)
    return store


def demo_client(folder: Path) -> FlaskClient:
    return create_app(demo_store(folder), clock=lambda: START_NS).test_client()
