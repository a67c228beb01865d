"""Connection: SQL over HTTP to whichever host of the cluster answers, bounded in time, rows and memory.

Values are bound by the server (``{p0:String}``), never pasted. A query whose reader has gone away is killed. What goes wrong
becomes one sentence (``faults``); what the client library would write to the log about it stays unwritten.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

import clickhouse_connect
import numpy as np
import numpy.typing as npt
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3 import PoolManager

from diamond_viewer.clickhouse.address import Address, AddressError
from diamond_viewer.clickhouse.faults import (
    DOUBTFUL,
    ELSEWHERE,
    LEFT,
    PASSWORD,
    TIMEOUT,
    ClusterError,
    broken_off,
    busy,
    fault_of,
    is_of_the_way,
    left_fault,
    took_too_long,
    unreachable,
)
from diamond_viewer.clickhouse.whole_answers import LINES_FORMAT, close_pool, open_pool
from diamond_viewer.store import reader_has_left

T = TypeVar("T")

CONNECT_S = 3
GRACE_S = 3  # beyond what the server may take: it answers that it has stopped
LOOK_S = 0.1  # between two looks whether the reader is still there
THREADS = 8  # queries at once, of all readers
MAX_RESULT_ROWS = 5_000_000
UNSIGNED = ("first", "second")  # halves of ids
READ_ONLY_WITH_SETTINGS = 2  # of ClickHouse: nothing may be written, limits may be set
NO_SETTINGS = "1"  # of a user who may not even set limits: those of its profile hold

logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL + 1)  # it logs addresses and traces of its own errors
# of each connection that breaks: a log that nobody reads is full one day, and then whoever writes to it stands still
logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)


@dataclass(slots=True)
class _Host:
    name: str
    port: int
    pool: PoolManager
    client: Client | None = None
    takes_settings: bool = True


class Connection:
    """May be used from any thread."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._hosts = [_Host(name, port, open_pool(address, name, port)) for name, port in address.hosts]
        self._lock = threading.Lock()
        self.doubts = 0  # how often an answer said that the tables are not what they were taken for
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="clickhouse")
        # not behind those that are to be killed
        self._killer = ThreadPoolExecutor(1, thread_name_prefix="clickhouse-kill")

    @property
    def is_limited(self) -> bool:
        """False when the user may not set limits, so that those of the user's own profile hold."""
        return all(host.takes_settings for host in self._hosts)

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
        """Raises ``ClusterError``, as all of these do."""
        return self._ask(lambda client, options: client.query(sql, dict(parameters or {}), **options).result_rows)

    def columns(self, sql: str, parameters: Mapping[str, Any], *names: str) -> dict[str, npt.NDArray[Any]]:
        """Columns of whole numbers, called so, in the order of the SQL, which makes each of them an Int64, or an UInt64 if its
        name is in ``UNSIGNED``."""
        row = np.dtype([(name, "<u8" if name in UNSIGNED else "<i8") for name in names])
        answer = self.binary(sql, parameters)
        if len(answer) % row.itemsize:
            raise broken_off(self.address)
        table = np.frombuffer(answer, row)
        return {name: np.ascontiguousarray(table[name]) for name in names}

    def lines(self, sql: str, parameters: Mapping[str, Any] | None = None) -> bytes:
        """A JSON array a row, a row a line."""
        return self._ask(
            lambda client, options: client.raw_query(sql, dict(parameters or {}), fmt=LINES_FORMAT, **options)
        )

    def binary(self, sql: str, parameters: Mapping[str, Any] | None = None) -> bytes:
        """As ClickHouse's RowBinary."""
        return self._ask(
            lambda client, options: client.raw_query(sql, dict(parameters or {}), fmt="RowBinary", **options)
        )

    def command(self, sql: str, body: str | bytes | None = None) -> None:
        """A statement that changes something. It is not bounded, and needs a user who may."""
        self._threads.submit(self._on_a_host, lambda host: self._client(host).command(sql, data=body)).result()

    def together(self, *questions: Callable[[], Any]) -> list[Any]:
        """The answers to several questions that are asked at the same time."""
        has_left = reader_has_left.get()

        def asked(question: Callable[[], Any]) -> Any:
            reader_has_left.set(has_left)
            return question()

        with ThreadPoolExecutor(len(questions)) as threads:
            return [future.result() for future in [threads.submit(asked, question) for question in questions]]

    def close(self) -> None:
        for threads in (self._threads, self._killer):
            threads.shutdown(wait=False, cancel_futures=True)
        for host in self._hosts:
            close_pool(host.pool)

    def _ask(self, ask: Callable[[Client, dict[str, Any]], T]) -> T:
        query_ids: list[str] = []  # of each attempt another: the first may still be running

        def attempt(host: _Host) -> T:
            client = self._client(host)
            query_ids.append(str(uuid4()))
            return ask(client, self._options(host, query_ids[-1]))

        try:
            return self._unless_left(self._threads.submit(self._on_a_host, attempt), query_ids)
        except ClusterError as error:
            if error.kind in (TIMEOUT, LEFT):  # nobody waits for it any more
                self._killer.submit(self._kill, query_ids)
            raise

    def _unless_left(self, future: "Future[T]", query_ids: list[str]) -> T:
        has_left = reader_has_left.get()
        give_up_s = time.monotonic() + self.address.timeout_s + CONNECT_S + 2 * GRACE_S
        while True:
            try:
                return future.result(LOOK_S)
            except NotYet:
                if future.done():  # just now, or the question itself timed out
                    return future.result()
                if time.monotonic() > give_up_s:  # others are before it that take their whole time
                    future.cancel()
                    raise busy(self.address) from None
                if has_left():
                    future.cancel()
                    raise left_fault() from None

    def _kill(self, query_ids: list[str]) -> None:
        for host in self._hosts:
            try:
                client = self._client(host)
                try:
                    client.command("KILL QUERY WHERE query_id IN {p0:Array(String)} ASYNC", {"p0": query_ids})
                except ClickHouseError as error:
                    if is_of_the_way(error) or not host.takes_settings:
                        continue  # others wait to have theirs killed at hosts that answer
                    # who may not look at what runs may yet put a question in the place of one's own
                    for query_id in query_ids:
                        client.command("SELECT 1", settings={"query_id": query_id, "replace_running_query": 1})
            except (ClickHouseError, ClusterError, OSError):
                continue  # it has ended, or its time will

    def _on_a_host(self, ask: Callable[[_Host], T]) -> T:
        """Of the first host that can be reached; the one that answered last is asked first."""
        hosts = self._hosts
        fault: ClusterError | None = None
        for host in (*hosts, hosts[0]):  # once more: a connection that was kept may have been closed meanwhile
            if fault is not None and fault.kind in ELSEWHERE and host is hosts[0]:
                break
            try:
                answer = ask(host)
            except ClickHouseError as error:
                if is_of_the_way(error):
                    fault = unreachable(error, self.address)
                    host.client = None
                    if took_too_long(error):  # another would take as long; but it is asked first next time
                        self._reorder([*(other for other in hosts if other is not host), host])
                        break
                    continue
                fault = fault_of(error, self.address)
                self.doubts += fault.kind in DOUBTFUL
                if fault.kind == PASSWORD:  # it may be another by now
                    host.client = None
                if fault.kind not in ELSEWHERE:
                    break
                continue
            except OSError as error:  # of certificates that cannot be read
                raise unreachable(error, self.address) from None
            if host is not hosts[0]:
                self._reorder([host, *(other for other in hosts if other is not host)])
            return answer
        assert fault is not None
        raise fault

    def _reorder(self, hosts: list[_Host]) -> None:
        with self._lock:
            self._hosts = hosts

    def _client(self, host: _Host) -> Client:
        if host.client is not None:
            return host.client
        address = self.address
        client = clickhouse_connect.get_client(
            interface="https" if address.is_secure else "http",
            host=host.name,
            port=host.port,
            username=address.user,
            password=self._password(),
            database=address.database,
            connect_timeout=CONNECT_S,
            send_receive_timeout=address.timeout_s + GRACE_S,
            query_retries=0,
            query_limit=0,
            autogenerate_session_id=False,  # a session answers one question at a time
            form_encode_query_params=True,  # ids by the thousand do not fit an address
            client_name="diamond-viewer",
            pool_mgr=host.pool,
        )
        readonly = client.command("SELECT value FROM system.settings WHERE name = 'readonly'")
        host.takes_settings = str(readonly) != NO_SETTINGS
        host.client = client
        return client

    def _password(self) -> str:
        try:
            return self.address.current_password()
        except AddressError:  # whose words name the file: for whoever starts the viewer, not for its readers
            raise ClusterError(
                PASSWORD,
                f"The file with the password for {self.address} cannot be read: check ?password-file= in --store.",
            ) from None

    def _options(self, host: _Host, query_id: str) -> dict[str, Any]:
        settings: dict[str, Any] = {"query_id": query_id}
        if host.takes_settings:
            settings |= {
                "readonly": READ_ONLY_WITH_SETTINGS,
                "max_execution_time": self.address.timeout_s,
                "max_memory_usage": self.address.memory_bytes,
                "max_rows_to_read": self.address.rows,
                "max_result_rows": MAX_RESULT_ROWS,
                "result_overflow_mode": "throw",
                "output_format_json_quote_64bit_integers": 0,
                "output_format_json_escape_forward_slashes": 0,
            }
        return {"settings": settings}


__all__ = ["ClusterError", "Connection"]
