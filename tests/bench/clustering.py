"""How long a cluster's pages take, beside their goals; four minutes on two cores. Writes ``docs/benchmarks-cluster.md``.

python -m tests.bench.clustering [--spans 1000000] [--growth 10] [--out docs/benchmarks-cluster.md]

A tenth of the spans is imported from files; the server makes the rest of these by itself, later in time and with other ids;
the table is then asked again when it has ten times as many, beside a copy that stayed as it was in the same server.
``--growth 1`` leaves growth out.
No question is asked twice: nothing is remembered but what the server remembers, and of the list, measured beside it, rows that
were shown before. Of a large table a first answer covers the newest spans; the same question is then asked on until it covers
everything, and both are measured. Beside the clock stands what does not depend on what else the machine does: processor time
of server and viewer, and rows that were read.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from diamond_viewer.clickhouse.address import Address
from diamond_viewer.clickhouse.connection import Connection
from diamond_viewer.clickhouse.materialised import missing_statements
from diamond_viewer.clickhouse.store import ClickHouseStore
from diamond_viewer.diagnosis.diagnose import DEFAULTS
from diamond_viewer.query.query import Query
from diamond_viewer.showing import cluster_store
from diamond_viewer.telemetry.model import Page, Stats
from diamond_viewer.telemetry.units import format_rfc3339
from tests.bench.corpus import write_corpus
from tests.bench.goals import Goal
from tests.bench.measure import Latency, nearest_rank, seconds_of, this_machine
from tests.clickhouse.schema import LOGS, LOOKUP, TRACES, Layout, Schema
from tests.clickhouse.server import DATABASE, Node, server
from tests.cluster.importing import NodeSession, load

ROOT = Path(__file__).parents[2]
MILLION = 1_000_000
SHARE = 10  # of the spans, one in so many is imported
ROUNDS = 8
LOAD_BOUND_S = 900  # of one statement that writes
SETTLE_BOUND_S, REST_S, IDLE_CORES = 180, 5, 0.05  # it rests for so many seconds, in each of which it takes less
SECOND_NS = 1_000_000_000
WINDOW_NS = 30 * 60 * SECOND_NS
LIST, KNOWN_LIST, TRACE, STATS = "list of 50", "list of 50 that were shown before", "one trace", "stats"
APART_NS = 120 * SECOND_NS  # lists that end so far apart have no trace in common
WHOLE_LIST, WHOLE_STATS = "list, until everything is counted", "stats, until everything is counted"
USERS, LESSONS, FACETS = "users", "lessons", "facets"
ASIDE = "aside"  # the database of the tables before they grew
WINDOWED, WHOLE = "a window of 30 minutes", "everything"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What an import took. ``core_s`` is processor time of the importing process, ``server_core_s`` of the server."""

    spans: int
    seconds: float
    core_s: float
    server_core_s: float


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, several times. Processor time and rows that the server read are of one time, on average."""

    latency: Latency
    server_core_s: float
    viewer_core_s: float
    read_rows: int


@dataclass(frozen=True, slots=True)
class Answered:
    """By window and question, over so many spans. ``first_share`` is what a first answer over everything covers, of 1."""

    spans: int
    disk_bytes: int
    first_share: float
    asked: dict[str, dict[str, Asked]]


@dataclass(frozen=True, slots=True)
class Clustering:
    """``growth`` is what was asked of the table before it grew, which stands aside in the same server, and of the grown one."""

    version: str
    loaded: Loaded
    plain: Answered
    materialised: Answered
    numbered: Answered
    growth: tuple[Answered, Answered] | None


def measure(folder: Path, span_count: int, growth: int) -> Clustering:
    paths, _ = write_corpus(folder / "corpus", span_count // SHARE)
    with server(folder / "server") as node:
        node.answer_bound_s = LOAD_BOUND_S
        Schema(Layout.TEXT).create(node)
        loaded = import_all(node, paths)
        begins_ns, ends_ns = bounds_ns(node)
        length_ns = ends_ns - begins_ns + 1
        for number in range(1, SHARE):
            multiply(node, begins_ns, ends_ns, number * length_ns, salt=number)
        settle(node)
        plain = ask_all(node)
        materialise(node)
        settle(node)
        materialised = ask_all(node)
        materialise(node, with_ids=True)
        settle(node)
        numbered = ask_all(node)
        grown = None
        if growth > 1:
            set_aside(node)
            begins_ns, ends_ns = bounds_ns(node)
            for number in range(1, growth):  # earlier: what the newest window holds stays the same
                multiply(node, begins_ns, ends_ns, -number * SHARE * length_ns, salt=1_000 + number)
            settle(node)
            grown = ask_all(node, ASIDE), ask_all(node)
        version = str(node.value("SELECT version()"))
    return Clustering(version, loaded, plain, materialised, numbered, grown)


def import_all(node: Node, paths: Sequence[Path]) -> Loaded:
    before, server_before_s = time.process_time(), server_core_s(node)
    seconds = seconds_of(lambda: load(NodeSession(node), *paths, batch_bytes=32 * 1024**2))
    return Loaded(
        int(node.value("SELECT count() FROM otel_traces")),
        seconds,
        time.process_time() - before,
        server_core_s(node) - server_before_s,
    )


def server_core_s(node: Node) -> float:
    assert node.process is not None
    fields = Path(f"/proc/{node.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def bounds_ns(node: Node) -> tuple[int, int]:
    (row,) = node.rows(
        "SELECT min(toUnixTimestamp64Nano(Timestamp)) AS first, max(toUnixTimestamp64Nano(Timestamp)) AS last FROM otel_traces"
    )
    return int(row["first"]), int(row["last"])


def multiply(node: Node, begins_ns: int, ends_ns: int, shift_ns: int, salt: int) -> None:
    """The spans that begin in the window once more, so much later, as spans of other traces."""
    node.execute(
        "INSERT INTO otel_traces SELECT * REPLACE ("
        f"fromUnixTimestamp64Nano(toUnixTimestamp64Nano(Timestamp) + toInt64({shift_ns})) AS Timestamp, "
        f"lower(hex(sipHash128(TraceId, {salt}))) AS TraceId, "
        f"lower(hex(sipHash64(SpanId, {salt}))) AS SpanId, "
        f"if(ParentSpanId = '', '', lower(hex(sipHash64(ParentSpanId, {salt})))) AS ParentSpanId) FROM "
        f"(SELECT * FROM otel_traces WHERE toUnixTimestamp64Nano(Timestamp) BETWEEN {begins_ns} AND {ends_ns})",
        max_partitions_per_insert_block=0,
    )


def settle(node: Node) -> None:
    """Until the server has nothing left to do for what was written: it merges and clears up for a while beside any question."""
    node.execute("OPTIMIZE TABLE otel_traces FINAL")
    give_up_s = time.monotonic() + SETTLE_BOUND_S
    rested = 0
    while rested < REST_S and time.monotonic() < give_up_s:
        before_s = server_core_s(node)
        time.sleep(1)
        rested = rested + 1 if server_core_s(node) - before_s < IDLE_CORES else 0


def materialise(node: Node, *, with_ids: bool = False) -> None:
    connection = Connection(Address.parse(node.address))
    try:
        statements = missing_statements(connection, with_ids=with_ids)
    finally:
        connection.close()
    for statement in statements:
        node.execute(statement, mutations_sync=2)


def set_aside(node: Node) -> None:
    """The tables as they are, in a database of their own: a server that has just taken millions answers otherwise."""
    node.execute(f"CREATE DATABASE {ASIDE}", database="default")
    for table in (TRACES, LOOKUP, LOGS):
        node.execute(f"CREATE TABLE {ASIDE}.{table} AS {DATABASE}.{table}")
        node.execute(f"INSERT INTO {ASIDE}.{table} SELECT * FROM {DATABASE}.{table}", max_partitions_per_insert_block=0)
    node.execute(f"OPTIMIZE TABLE {ASIDE}.{TRACES} FINAL")


def ask_all(node: Node, database: str = DATABASE) -> Answered:
    _, last_ns = bounds_ns(node)
    spans = int(node.value("SELECT count() FROM otel_traces", database=database))
    address = f"{node.address.rpartition('/')[0]}/{database}"
    with closing(cluster_store(Address.parse(address), DEFAULTS)) as store:
        asked = {name: dict(ask_window(store, node, name, last_ns)) for name in (WINDOWED, WHOLE)}
        query = Query.from_args((("until", format_rfc3339(last_ns + 3600 * SECOND_NS)),), last_ns, strict=True)[0]
        first = store.stats(query, last_ns)
    disk = node.value(
        f"SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = '{TRACES}' AND database = '{database}'"
    )
    return Answered(spans, int(disk), first.spans / spans, asked)


def ask_window(store: ClickHouseStore, node: Node, window: str, last_ns: int) -> Iterator[tuple[str, Asked]]:
    """Each time a question that was never asked before: the window ends a second later, which nothing began in."""
    since_ns = last_ns - WINDOW_NS if window == WINDOWED else 0
    database = store.cluster.address.database
    others = f"SELECT DISTINCT TraceId FROM {database}.{TRACES} ORDER BY cityHash64(TraceId, '{window}') LIMIT {ROUNDS}"
    trace_ids = [str(row["TraceId"]) for row in node.rows(others)]
    moments = count(last_ns + SECOND_NS, SECOND_NS)

    def query(now_ns: int) -> Query:
        since = (("since", format_rfc3339(since_ns)),) if since_ns else ()
        return Query.from_args((*since, ("until", format_rfc3339(now_ns))), now_ns, strict=True)[0]

    def until_complete(ask: Callable[[Query, int], Page | Stats], now_ns: int) -> None:
        asked = query(now_ns)
        while not ask(asked, now_ns).is_complete:
            pass

    questions: dict[str, Callable[[int, int], object]] = {
        LIST: lambda _, number: store.search(query(last_ns - number * APART_NS), last_ns),
        KNOWN_LIST: lambda now_ns, _: store.search(query(now_ns), now_ns),
        WHOLE_LIST: lambda now_ns, _: until_complete(store.search, now_ns),
        TRACE: lambda _, number: store.trace(trace_ids[number]),
        STATS: lambda now_ns, _: store.stats(query(now_ns), now_ns),
        WHOLE_STATS: lambda now_ns, _: until_complete(store.stats, now_ns),
        FACETS: lambda now_ns, _: store.facets(query(now_ns), now_ns, 7),
        USERS: lambda now_ns, _: store.troubles("user", "", since_ns, now_ns, 50),
        LESSONS: lambda now_ns, _: store.troubles("lesson", "", since_ns, now_ns, 50),
    }
    for name, ask in questions.items():
        server_s, viewer_s, rows = server_core_s(node), time.process_time(), read_rows(node)
        taken = sorted(seconds_of(lambda n=n, ask=ask: ask(next(moments), n)) for n in range(ROUNDS))  # type: ignore[misc]
        yield (
            name,
            Asked(
                Latency(nearest_rank(taken, 50), nearest_rank(taken, 95)),
                (server_core_s(node) - server_s) / ROUNDS,
                (time.process_time() - viewer_s) / ROUNDS,
                (read_rows(node) - rows) // ROUNDS,
            ),
        )


def read_rows(node: Node) -> int:
    """By the server since it started."""
    return int(node.value("SELECT sum(value) FROM system.events WHERE event = 'SelectedRows'"))


def goals(found: Clustering) -> Iterator[Goal]:
    """Medians, over everything that is held: the harder case."""
    plain, materialised, numbered = (
        answered.asked[WHOLE] for answered in (found.plain, found.materialised, found.numbered)
    )
    for what, asked, limit_ms in (
        (f"{LIST}, the first answer", plain[LIST], 150),
        (f"{KNOWN_LIST}, the first answer", plain[KNOWN_LIST], 150),
        (WHOLE_LIST, plain[WHOLE_LIST], 150),
        (TRACE, plain[TRACE], 100),
        (f"{STATS}, the first answer", plain[STATS], 150),
        (WHOLE_STATS, plain[WHOLE_STATS], 150),
        (f"{USERS} of everything, with columns of their own", materialised[USERS], 150),
        (f"{LESSONS} of everything, with columns of their own", materialised[LESSONS], 150),
        (f"{WHOLE_LIST}, with ids as numbers", numbered[WHOLE_LIST], 150),
        (f"{STATS}, the first answer, with ids as numbers", numbered[STATS], 150),
        (f"{WHOLE_STATS}, with ids as numbers", numbered[WHOLE_STATS], 150),
    ):
        yield Goal(f"{what}: p50", limit_ms, 1e3 * asked.latency.p50_s, "ms")
    if found.growth is not None:
        before, after = (answered.asked[WINDOWED] for answered in found.growth)
        factor = found.growth[1].spans / found.growth[0].spans
        for what in before:
            grown = f"{what} of {WINDOWED}, {factor:.0f} times the spans, beside a table that stayed as it was"
            yield Goal(grown, 1.5, after[what].latency.p50_s / before[what].latency.p50_s, "x")
            cores = [asked.server_core_s + asked.viewer_core_s for asked in (before[what], after[what])]
            yield Goal(f"the same, processor time: {what}", 1.5, cores[1] / max(1e-3, cores[0]), "x")


def report(found: Clustering, load_average: float, now: datetime) -> str:
    machine = this_machine(("clickhouse-connect", "numpy"))
    loaded = found.loaded
    answered = [
        ("as the exporter makes them", found.plain),
        ("with columns of their own", found.materialised),
        ("with ids as numbers too", found.numbered),
    ]
    if found.growth is not None:
        answered += [("the same, after another table has grown", found.growth[0]), ("the grown one", found.growth[1])]
    rows = [
        f"| {window}: {what} | "
        + " | ".join(
            f"{1e3 * asked.latency.p50_s:.0f} / {1e3 * asked.latency.p95_s:.0f} | "
            f"{1e3 * asked.server_core_s:.0f} + {1e3 * asked.viewer_core_s:.0f} | {asked.read_rows / 1e3:,.0f}"
            for asked in (a.asked[window][what] for _, a in answered)
        )
        + " |"
        for window in (WINDOWED, WHOLE)
        for what in found.plain.asked[window]
    ]
    heads = " | ".join(f"{a.spans:,} spans, {name}: ms | core ms | 1,000 rows" for name, a in answered)
    return "\n".join(
        [
            "# Benchmarks of a cluster",
            "",
            f"Written by `make bench-cluster` on {now:%Y-%m-%d}: one server (ClickHouse {found.version}) and the viewer on "
            f"one machine, {machine.processor}, {machine.cores} cores, Python {machine.python}, "
            f"{', '.join(' '.join(pair) for pair in machine.packages)}; load average before the run {load_average:.1f}. "
            "Tables with text indexes. No question is asked twice, so that the viewer remembers nothing but rows of the list "
            "where that is said.",
            "",
            "| what | goal | measured | | on |",
            "|---|---:|---:|---|---|",
            *(goal.row(now) for goal in goals(found)),
            "",
            f"p50 / p95 in ms of {ROUNDS} times each; processor time of the server + of the viewer; rows that the server read. "
            "The clock is as good as the machine was quiet, the rest is not moved by what else ran:",
            "",
            f"| question | {heads} |",
            "|---|" + "---:|" * 3 * len(answered),
            *rows,
            "",
            "A first answer over everything covers "
            + ", ".join(f"{100 * a.first_share:.0f} % of {a.spans:,} spans" for _, a in answered)
            + "; the page says how far back that is, and the next polls have the rest.",
            "",
            f"On disk, a span: {', '.join(f'{a.disk_bytes / a.spans:.0f} bytes {name}' for name, a in answered)}.",
            "",
            f"`import` of {loaded.spans:,} spans took {loaded.seconds:.1f} s, {loaded.spans / loaded.seconds:,.0f} a second: "
            f"{loaded.core_s:.1f} s of processor time for reading and decoding, {loaded.server_core_s:.1f} s of the server.",
            "",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.clustering")
    parser.add_argument("--spans", type=int, default=MILLION)
    parser.add_argument("--growth", type=int, default=10)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "benchmarks-cluster.md")
    chosen = parser.parse_args(arguments)
    load_average = float(Path("/proc/loadavg").read_text(encoding="ascii").split()[0])
    with TemporaryDirectory(prefix="diamond-viewer-bench-") as folder:
        began_s = time.perf_counter()
        found = measure(Path(folder), chosen.spans, chosen.growth)
    chosen.out.write_text(report(found, load_average, datetime.now(UTC)), encoding="utf-8")
    print(chosen.out.read_text(encoding="utf-8"), f"{time.perf_counter() - began_s:.0f} s", sep="\n")


if __name__ == "__main__":
    main()
