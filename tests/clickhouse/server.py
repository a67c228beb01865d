"""A real ClickHouse: one node, or a cluster of two shards, each a process of its own on free ports of this machine."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ENGINE = Path(__file__).parent / "engine"
INSTALLED = ENGINE / "node_modules/.engine-installed"
DATABASE = "otel"
CLUSTER = "two"
START_BOUND_S = 30
ANSWER_BOUND_S = 60
MAX_STARTS = 3  # another process may take a port between our look and the server's


class ServerError(Exception):
    """What the server said instead of an answer; it begins with ``Code: ``."""


@dataclass(slots=True)
class Node:
    """One server. It can be killed and started again: folder and ports stay, and so do the tables."""

    folder: Path
    http_port: int
    tcp_port: int
    config_file: Path | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    answer_bound_s: float = ANSWER_BOUND_S

    @property
    def address(self) -> str:
        """What ``--store`` is told."""
        return f"clickhouse://127.0.0.1:{self.http_port}/{DATABASE}"

    def start(self) -> None:
        """Returns when it answers. Raises ``ServerError`` when it does not."""
        assert INSTALLED.exists(), "ClickHouse is not installed for the tests: run 'make setup-cluster'."
        command = [sys.executable, str(ENGINE / "node.py"), str(self.folder), str(self.http_port), str(self.tcp_port)]
        command += [str(self.config_file)] if self.config_file else []
        log = (self.folder / "said.log").open("ab")
        with log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        give_up_at = time.monotonic() + START_BOUND_S
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > give_up_at:
                self.kill()
                raise ServerError((self.folder / "said.log").read_text(errors="replace")[-2_000:] or "It said nothing.")
            time.sleep(0.02)  # between two looks

    def answers(self) -> bool:
        return pongs(http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=2))

    def kill(self) -> None:
        """As ``kill -9`` does; nothing happens when it does not run."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(ANSWER_BOUND_S)
            self.process = None

    def pause(self) -> None:
        """It keeps its connections and answers nothing, as a machine that swaps does."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def execute(self, sql: str, body: bytes = b"", database: str = DATABASE, **settings: Any) -> bytes:
        """What the server answers to one statement; ``body`` is what an INSERT reads. Raises ``ServerError``."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=self.answer_bound_s)
        query = {"database": database, "wait_end_of_query": 1, **settings}
        if body:
            query["query"] = sql
        try:
            connection.request("POST", f"/?{urlencode(query)}", body=body or sql.encode())
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise ServerError(answer.decode(errors="replace").strip())
        return answer

    def rows(self, sql: str, **settings: Any) -> list[dict[str, Any]]:
        answer = self.execute(f"{sql} FORMAT JSONEachRow", output_format_json_quote_64bit_integers=0, **settings)
        return [json.loads(line) for line in answer.splitlines()]

    def value(self, sql: str, **settings: Any) -> Any:
        """Of a statement that answers with one row of one column."""
        ((value,),) = [row.values() for row in self.rows(sql, **settings)]
        return value


@contextmanager
def server(folder: Path, config_file: Path | None = None) -> Iterator[Node]:
    """One node with an empty database ``otel``. In its configuration ``users_config`` names a file of users and profiles."""
    with _nodes([folder], config_file=config_file) as (node,):
        node.execute(f"CREATE DATABASE {DATABASE}", database="default")
        yield node


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[Node, Node]]:
    """Two shards of the cluster ``two``, both with an empty database ``otel``.

    A distributed query that is cancelled or times out ends the other node (a flaw of this engine, not of ClickHouse).
    """
    with _nodes([folder / "shard-1", folder / "shard-2"], CLUSTER) as (first, second):
        for node in (first, second):
            node.execute(f"CREATE DATABASE {DATABASE}", database="default")
        yield first, second


@contextmanager
def _nodes(folders: list[Path], cluster_name: str = "", config_file: Path | None = None) -> Iterator[list[Node]]:
    for attempt in range(MAX_STARTS):
        ports = free_ports(2 * len(folders))
        nodes = [Node(folder, ports.pop(), ports.pop(), config_file) for folder in folders]
        with ExitStack() as stack:
            try:
                for node in nodes:
                    node.folder.mkdir(parents=True, exist_ok=True)
                    if cluster_name:
                        node.config_file = node.folder / "config.xml"
                        node.config_file.write_text(_config(cluster_name, [node.tcp_port for node in nodes]))
                    stack.callback(node.kill)
                    node.start()
            except ServerError:
                if attempt + 1 == MAX_STARTS:
                    raise
                continue
            yield nodes
            return


def free_ports(count: int) -> list[int]:
    """All different, because they are held together until all are known."""
    with ExitStack() as stack:
        return [stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(count)]


def _config(cluster_name: str, tcp_ports: list[int]) -> str:
    shards = "".join(
        f"<shard><internal_replication>true</internal_replication><replica><host>127.0.0.1</host><port>{port}</port>"
        "</replica></shard>"
        for port in tcp_ports
    )
    return (
        f"<clickhouse><remote_servers><{cluster_name}>{shards}</{cluster_name}></remote_servers>"
        "<profiles><default/></profiles><quotas><default/></quotas>"
        "<users><default><password></password><networks><ip>::/0</ip></networks><profile>default</profile>"
        "<quota>default</quota></default></users></clickhouse>\n"
    )


def pongs(connection: http.client.HTTPConnection) -> bool:
    """Whether ClickHouse answers there. Closes the connection."""
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().read() == b"Ok.\n"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
