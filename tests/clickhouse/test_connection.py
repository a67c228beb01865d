"""How an answer of a cluster is waited for."""

from concurrent.futures import Future

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
