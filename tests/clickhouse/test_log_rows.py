"""What a search for log records asks of the cluster: it narrows by all that the table can tell."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from diamond_viewer.clickhouse.layout import NEEDED, Layout
from diamond_viewer.clickhouse.logs import search_logs
from diamond_viewer.clickhouse.selection import Asked
from diamond_viewer.query.log_query import LogQuery
from diamond_viewer.showing import new_bench
from tests.asking import NOW_NS

LAYOUT = Layout("t", dict.fromkeys(NEEDED, "String"), logs="l", log_columns={"SeverityNumber": "UInt8"})


def asked_of_the_cluster(query: LogQuery) -> tuple[str, dict[str, Any]]:
    asked: list[tuple[str, dict[str, Any]]] = []

    def lines(sql: str, parameters: dict[str, Any]) -> bytes:
        asked.append((sql, parameters))
        return b""

    store = SimpleNamespace(layout=LAYOUT, cluster=SimpleNamespace(lines=lines))
    search_logs(cast(Asked, store), new_bench, query, NOW_NS, 1)
    return asked[0]


@pytest.mark.parametrize(("severity", "number"), [("trace", 1), ("warn", 13), ("error", 17)])
def test_the_newest_records_are_the_newest_of_the_severity(severity: str, number: int) -> None:
    sql, parameters = asked_of_the_cluster(LogQuery(severity=severity))
    (name,) = [name for name, value in parameters.items() if value == number]
    assert f"(SeverityNumber >= {{{name}:Int64}} OR (SeverityNumber <= 0 AND SeverityText != ''))" in sql


def test_no_severity_narrows_nothing() -> None:
    assert "SeverityNumber >=" not in asked_of_the_cluster(LogQuery())[0]
