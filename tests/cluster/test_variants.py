"""What other SDKs, collectors and accidents write, and every scenario of the rules: imported into a cluster, it is shown as
from the same lines in memory."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from diamond_viewer.clickhouse.address import Address
from diamond_viewer.clickhouse.store import ClickHouseStore
from diamond_viewer.query.log_query import LogQuery
from diamond_viewer.query.query import Query
from diamond_viewer.showing import new_bench
from diamond_viewer.telemetry.model import TraceSummary
from diamond_viewer.telemetry.otlp import LineError, decode_line
from tests.asking import NOW_NS, all_rows, asked, figures_of, row_of
from tests.clickhouse.schema import Layout, Schema
from tests.clickhouse.server import Node
from tests.cluster.importing import NodeSession, load
from tests.cluster.questions import Ask, answered, calls, differences, logs_of, page_of, spans_of
from tests.cluster.test_parity import NOT_KEPT
from tests.index.filling import filled

DATA = Path(__file__).parents[1] / "data"
FOLDERS = [*sorted(path.name for path in (DATA / "variants").iterdir() if path.is_dir()), "scenarios"]
NOT_LINES = {"jaeger", "zipkin", "js-proto-bodies"}  # are opened by /import or received; no collector's file holds them
BEYOND_2262 = re.compile(rb'"(9[3-9]\d{17}|\d{20})"')  # see clickhouse/differences.py
TRACE_ID = re.compile(rb'("traceId":\s*"[0-9a-f]{16})[0-9a-f]{4}')


def lines_of(folder: str) -> list[bytes]:
    """Those that can be read, as a table keeps them."""
    paths = sorted((DATA / folder if folder == "scenarios" else DATA / "variants" / folder).rglob("*.json*"))
    lines = []
    for number, path in enumerate(paths):
        own = path.read_bytes().splitlines()  # each scenario tells another tale of the same trace
        lines += [TRACE_ID.sub(rb"\g<1>%04x" % number, line) for line in own] if folder == "scenarios" else own
    kept = [BEYOND_2262.sub(b'"0"', NOT_KEPT.sub(b"", line).replace(b",}", b"}")) for line in lines]
    return [line for line in kept if is_readable(line)]


def is_readable(line: bytes) -> bool:
    try:
        decode_line(line)
    except LineError:
        return False
    return True


def few_questions(rows: list[TraceSummary]) -> Iterator[tuple[str, Ask]]:
    queries = [{}, {"status": "error"}, {"q": "finding:*"}, {"q": "kind:server OR kind:client"}, {"flag": "incomplete"}]
    for filters in queries:
        query = replace(asked(**filters), limit=1000)
        yield f"search {filters}", calls("search", query, NOW_NS, shape=page_of)
        yield f"stats {filters}", calls("stats", query, NOW_NS, shape=figures_of)
    yield "facets", calls("facets", Query(), NOW_NS, 10)
    yield "errors", calls("errors", Query(), NOW_NS, 50)
    yield "operations", calls("operations", Query(), NOW_NS, 50)
    yield "map", calls("service_map", Query(), NOW_NS)
    yield "histogram", calls("histogram", Query(), NOW_NS, 20)
    yield "findings", calls("findings", Query(), NOW_NS, shape=lambda found: replace(found, version=0))
    yield "users", calls("troubles", "user", "", 0, NOW_NS, 50)
    yield "lessons", calls("troubles", "lesson", "", 0, NOW_NS, 50)
    yield "watching", calls("watching", 0, NOW_NS)
    yield "logs", calls("logs", LogQuery(), NOW_NS, 20, shape=lambda found: (found.total, found.levels, found.services))
    for row in rows[:: max(1, len(rows) // 8)]:
        yield f"summary {row.trace_id}", calls("summary", row.trace_id, shape=row_of)
        yield f"trace {row.trace_id}", calls("trace", row.trace_id, shape=lambda trace: [*map(in_go, spans_of(trace))])
        yield f"logs of {row.trace_id}", calls("trace", row.trace_id, shape=logs_of)


def in_go(text: str) -> str:
    """Two numbers as the exporter writes them."""
    return text.replace("'1e-09'", "'1e-9'").replace("'[1.5,2,NaN]'", "'[1.5,2,\"NaN\"]'")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("folder", [name for name in FOLDERS if name not in NOT_LINES])
def test_what_others_write_is_shown_as_from_files(node: Node, tmp_path: Path, folder: str) -> None:
    lines = lines_of(folder)
    assert lines, "There is no line that can be read."
    in_memory = filled([lines], follows_people=False)
    path = tmp_path / "lines.json"
    path.write_bytes(b"\n".join([*lines, b""]))
    Schema(Layout.TEXT if len(folder) % 2 else Layout.MAP).create(node)
    load(NodeSession(node), path, batch_bytes=2**20)
    store = ClickHouseStore(Address.parse(node.address), new_bench)
    try:
        answered(lambda store: store.findings(Query(), NOW_NS), store)
        found = []
        for name, ask in few_questions(all_rows(in_memory)):
            found += [f"{name}{line}" for line in differences(answered(ask, in_memory), answered(ask, store))]
    finally:
        store.close()
    assert found == []
