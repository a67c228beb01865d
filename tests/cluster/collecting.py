"""A collector that is not ours, with a clickhouse exporter: rotel takes OTLP and fills the tables."""

import base64
import http.client
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import json_format
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from rotel.agent import Agent

from tests.clickhouse.server import DATABASE, Node, free_ports
from tests.receive.receiving import BOUND_S
from tests.receive.test_rotel import is_listening
from tests.receive.viewing import wait_until

_REQUESTS: dict[str, type[Message]] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}


@dataclass(frozen=True, slots=True)
class Collector:
    port: int

    def send(self, signal: str, line: bytes) -> None:
        """A line of a collector's file as a request of OTLP in protobuf; ``signal`` is traces | metrics | logs.

        Not as JSON: rotel's reader of that loses the last bits of doubles.
        """
        document = json.loads(line)
        _name_ids_in_base64(document)
        message = json_format.ParseDict(document, _REQUESTS[signal]()).SerializeToString()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=BOUND_S)
        try:
            connection.request(
                "POST", f"/v1/{signal}", body=message, headers={"Content-Type": "application/x-protobuf"}
            )
            response = connection.getresponse()
            answer = response.read()
            assert response.status == http.client.OK, answer
        finally:
            connection.close()


def _name_ids_in_base64(wire: object) -> None:
    """Bytes in protobuf's own JSON; OTLP/JSON has hex there."""
    if isinstance(wire, dict):
        for key, value in wire.items():
            if key in ("traceId", "spanId", "parentSpanId"):
                wire[key] = base64.b64encode(bytes.fromhex(value)).decode()
            else:
                _name_ids_in_base64(value)
    elif isinstance(wire, list):
        for item in wire:
            _name_ids_in_base64(item)


@contextmanager
def collecting(node: Node, folder: Path, *, has_json: bool = False) -> Iterator[Collector]:
    """rotel as a process of its own. Leaving the block ends it, which sends what it still holds."""
    grpc_port, http_port = free_ports(2)
    settings = {
        "otlp-grpc-endpoint": f"127.0.0.1:{grpc_port}",
        "otlp-http-endpoint": f"127.0.0.1:{http_port}",
        "exporter": "clickhouse",
        "clickhouse-exporter-endpoint": f"http://127.0.0.1:{node.http_port}",
        "clickhouse-exporter-database": DATABASE,
        "clickhouse-exporter-async-insert": "false",
        "pid-file": str(folder / "rotel.pid"),
        "log-file": str(folder / "rotel.log"),
    }
    flags = [part for name, value in settings.items() for part in (f"--{name}", value)]
    flags += ["--clickhouse-exporter-enable-json"] * has_json
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROTEL_")}
    with subprocess.Popen(
        [Agent.agent_path, "start", *flags], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            wait_until(lambda: is_listening(http_port))
            yield Collector(http_port)
        finally:
            process.terminate()
            process.wait(BOUND_S)
