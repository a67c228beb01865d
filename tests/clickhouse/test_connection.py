"""How an answer of a cluster is waited for."""

from concurrent.futures import Future
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, OperationalError

from diamond_viewer.clickhouse.address import Address
from diamond_viewer.clickhouse.connection import Connection


class ComesJustNow(Future[int]):
    """Not there at the first look, and there at the second."""

    looks = 0

    def result(self, timeout: float | None = None) -> int:
        self.looks += 1
        if self.looks == 1:
            self.set_result(5)
            raise TimeoutError
        return super().result(timeout)


def test_an_answer_that_comes_between_two_looks_is_an_answer() -> None:
    connection = Connection(Address.parse("clickhouse://127.0.0.1:1/otel"))
    try:
        assert connection._unless_left(ComesJustNow(), []) == 5
    finally:
        connection.close()


class Refusing:
    """A client whose server answers everything with this error."""

    def __init__(self, error: ClickHouseError) -> None:
        self.error = error
        self.asked: list[str] = []

    def command(self, sql: str, *bound: Any, **more: Any) -> None:
        self.asked.append(sql.split(" WHERE ")[0])
        raise self.error


@pytest.mark.parametrize(
    ("error", "takes_settings", "tried"),
    [
        pytest.param(OperationalError("Read timed out."), True, ["KILL QUERY"], id="a host that hangs"),
        pytest.param(DatabaseError("no rights"), True, ["KILL QUERY", "SELECT 1"], id="a user who may only select"),
        pytest.param(DatabaseError("no rights"), False, ["KILL QUERY"], id="a user who may set nothing"),
    ],
)
def test_who_has_left_keeps_others_waiting_for_one_host_once(
    error: ClickHouseError, takes_settings: bool, tried: list[str]
) -> None:
    connection = Connection(Address.parse("clickhouse://127.0.0.1:1/otel"))
    client: Any = Refusing(error)
    connection._hosts[0].client, connection._hosts[0].takes_settings = client, takes_settings
    try:
        connection._kill(["first", "second"])
    finally:
        connection.close()
    assert client.asked == tried
