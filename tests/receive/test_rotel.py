"""A collector that is not ours: rotel takes what an application sends, and forwards it to a viewer."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from rotel.agent import Agent

from tests.receive.receiving import BOUND_S, spans_of
from tests.receive.viewing import viewing, wait_until

SPANS = 1_300


def is_listening(port: int) -> bool:
    with closing(socket.socket()) as knocking:
        return knocking.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def forwarding(to: str, folder: Path, compression: str) -> Iterator[int]:
    """rotel as a process of its own; gives its port. Leaving the block ends it, which sends what it still holds."""
    with socket.create_server(("127.0.0.1", 0)) as grpc, socket.create_server(("127.0.0.1", 0)) as http:
        grpc_port, http_port = grpc.getsockname()[1], http.getsockname()[1]
    settings = {
        "otlp-grpc-endpoint": f"127.0.0.1:{grpc_port}",
        "otlp-http-endpoint": f"127.0.0.1:{http_port}",
        "otlp-exporter-endpoint": to,
        "otlp-exporter-protocol": "http",
        "otlp-exporter-compression": compression,
        "pid-file": str(folder / "rotel.pid"),
        "log-file": str(folder / "rotel.log"),
    }
    flags = [part for name, value in settings.items() for part in (f"--{name}", value)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROTEL_")}
    with subprocess.Popen(
        [Agent.agent_path, "start", *flags],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            wait_until(lambda: is_listening(http_port))
            yield http_port
        finally:
            process.terminate()
            process.wait(BOUND_S)


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_what_rotel_forwards_is_in_the_file_and_on_the_page_once(tmp_path: Path, compression: str) -> None:
    with viewing(tmp_path / "traces.json") as viewer:
        receiver = f"http://127.0.0.1:{viewer.receiver.port}"
        with forwarding(receiver, tmp_path, compression) as port:
            provider = TracerProvider(resource=Resource({"service.name": "behind-rotel"}), shutdown_on_exit=False)
            exporter = OTLPSpanExporter(f"http://127.0.0.1:{port}/v1/traces")
            provider.add_span_processor(BatchSpanProcessor(exporter, max_export_batch_size=300))
            tracer = provider.get_tracer("worker")
            sent = []
            for number in range(SPANS):
                with tracer.start_as_current_span("job", attributes={"user.id": f"usr_{number % 7:04d}"}) as span:
                    sent.append(f"{span.get_span_context().span_id:016x}")
            provider.shutdown()
            wait_until(
                lambda: viewer.receiver.live_path.exists() and len(spans_of(viewer.receiver.documents())) >= SPANS
            )
        health = viewer.wait_for_spans(SPANS)
        (document, *_), spans = viewer.receiver.documents(), spans_of(viewer.receiver.documents())
        found = viewer.json("/api/traces?user=usr_0003&limit=1000")
    assert sorted(span["spanId"] for span in spans) == sorted(sent)
    assert (health["spans"], health["duplicate_spans"], health["bad_lines"]) == (SPANS, 0, 0)
    assert found["total"] == len(range(3, SPANS, 7))
    assert document["resourceSpans"][0]["resource"]["attributes"][0] == {
        "key": "service.name",
        "value": {"stringValue": "behind-rotel"},
    }
