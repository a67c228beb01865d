"""Arize Phoenix: its server in a temporary folder, 10,000 spans sent to it over OTLP/HTTP until it has stored them."""

import base64
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

SPANS = 10_000
BATCH_SPANS = 500
BOUND_S = 300.0
QUERY = '{"query": "{ projects { edges { node { traceCount recordCount } } } }"}'


def main(paths: list[str]) -> None:
    with (
        TemporaryDirectory() as folder,
        socket.create_server(("127.0.0.1", 0)) as web,
        socket.create_server(("127.0.0.1", 0)) as grpc,
    ):
        port, grpc_port = web.getsockname()[1], grpc.getsockname()[1]
        web.close()
        grpc.close()
        environment = os.environ | {
            "PHOENIX_WORKING_DIR": folder,
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(port),
            "PHOENIX_GRPC_PORT": str(grpc_port),
            "PHOENIX_TELEMETRY_ENABLED": "false",
        }
        requests = [ParseDict(batch, ExportTraceServiceRequest()).SerializeToString() for batch in batches(paths)]
        command = [sys.executable, "-m", "phoenix.server.main", "serve"]
        server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: reply(f"{url}/healthz") is not None)
            began_s = time.perf_counter()
            for body in requests:
                wait_until(lambda body=body: reply(f"{url}/v1/traces", body, "application/x-protobuf") is not None)
            wait_until(lambda: stored(url) >= SPANS)
            load_s = time.perf_counter() - began_s
            status = Path(f"/proc/{server.pid}/status").read_text(encoding="ascii")
        finally:
            server.terminate()
            server.wait(30)
    memory_bytes = int(status.split("VmHWM:")[1].split()[0]) * 1024
    document = {"version": version("arize-phoenix"), "load_s": load_s, "questions": {}, "memory_bytes": memory_bytes}
    sys.stdout.write(json.dumps(document | {"spans": SPANS}) + "\n")


def batches(paths: list[str]) -> Iterator[dict[str, Any]]:
    """Requests of at most ``BATCH_SPANS``, ids as protobuf's JSON wants them."""
    left = SPANS
    for path in paths:
        with Path(path).open(encoding="utf-8") as file:
            for line in file:
                for resource_spans in json.loads(line)["resourceSpans"]:
                    spans = [span for scope in resource_spans["scopeSpans"] for span in scope["spans"]]
                    while spans and left:
                        some, spans = spans[: min(BATCH_SPANS, left)], spans[min(BATCH_SPANS, left) :]
                        left -= len(some)
                        for span in some:
                            for identified in (span, *span.get("links", ())):
                                for key in ("traceId", "spanId", "parentSpanId"):
                                    if key in identified:
                                        identified[key] = base64.b64encode(bytes.fromhex(identified[key])).decode()
                        scopes = [{"spans": some}]
                        yield {"resourceSpans": [{"resource": resource_spans["resource"], "scopeSpans": scopes}]}
                    if not left:
                        return


def stored(url: str) -> int:
    answer = reply(f"{url}/graphql", QUERY.encode(), "application/json")
    projects = json.loads(answer)["data"]["projects"]["edges"] if answer else []
    return max((project["node"]["recordCount"] for project in projects), default=0)


def reply(url: str, body: bytes | None = None, kind: str = "text/plain") -> bytes | None:
    request = urllib.request.Request(url, body, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=BOUND_S) as response:
            answer: bytes = response.read()
            return answer
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def wait_until(is_so: Any) -> None:
    deadline_s = time.monotonic() + BOUND_S
    while not is_so():
        if time.monotonic() > deadline_s:
            raise TimeoutError("Phoenix did not get that far.")
        time.sleep(0.1)


if __name__ == "__main__":
    main(sys.argv[1:])
