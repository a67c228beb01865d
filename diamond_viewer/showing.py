"""From a store to its pages; and the store of a cluster: no files are read then, and nothing is indexed."""

from collections.abc import Sequence
from contextlib import ExitStack
from socket import socket
from typing import TYPE_CHECKING

from diamond_viewer.clickhouse.address import Address
from diamond_viewer.diagnosis.diagnose import DEFAULTS
from diamond_viewer.diagnosis.finding import Thresholds
from diamond_viewer.index.memory import MemoryStore
from diamond_viewer.serving import Limits, Stop, serve, stop_signals
from diamond_viewer.settings.settings import Settings
from diamond_viewer.store import TraceStore
from diamond_viewer.terminal import greet, in_one_line

if TYPE_CHECKING:
    from diamond_viewer.clickhouse.store import ClickHouseStore

BENCH_BYTES = 1024**3  # of one bench; what is laid on it is bounded in spans, and far less


def cluster_store(address: Address, thresholds: Thresholds) -> "ClickHouseStore":
    """What whole traces tell is told by a small store of the same sort as that of files."""
    from diamond_viewer.clickhouse.store import (
        ClickHouseStore,  # only now: it takes a while, and files need nothing of it
    )

    return ClickHouseStore(address, lambda: new_bench(thresholds))


def new_bench(thresholds: Thresholds = DEFAULTS) -> MemoryStore:
    """For some of people's traces: what is missing on it is nobody's fault."""
    bench = MemoryStore(BENCH_BYTES, thresholds=thresholds)
    bench.follows_people = False
    return bench


def show(
    store: TraceStore,
    settings: Settings,
    listening: Sequence[socket],
    stop: Stop,
    *,
    notices_who_leaves: bool = False,
) -> None:
    """Serve the pages of a store, and files that readers bring, until told to stop."""
    from diamond_viewer.imports import Imports  # only now: workers may read already meanwhile
    from diamond_viewer.web.app import app_for
    from diamond_viewer.web.channel import poll_channels, tend

    limits = Limits(connection_class=poll_channels(store), notices_who_leaves=notices_who_leaves)
    thresholds = settings.configuration.thresholds
    with Imports(settings.memory_bytes, settings.max_line_bytes, thresholds) as imports:
        serve(app_for(store, settings, imports), listening, stop, limits, tend)


def show_cluster(settings: Settings, listening: Sequence[socket]) -> int:
    """Serve until told to stop. A cluster that cannot be reached is no reason not to start: pages say so until it can."""
    assert settings.store is not None
    with in_one_line(), ExitStack() as house:
        stop = house.enter_context(stop_signals())
        store = cluster_store(settings.store, settings.configuration.thresholds)
        house.callback(store.close)
        greet(settings, listening, (), (), f"Showing {settings.store}")
        show(store, settings, listening, stop, notices_who_leaves=True)
    return 0
