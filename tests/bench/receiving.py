"""Receiving: 20,000 spans/s of protobuf while the viewer reads them, and how soon each request is answered.

python -m tests.bench.receiving [--seconds 30]
"""

import argparse
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from tests.bench.measure import nearest_rank
from tests.bench.viewer import Viewer

BODY = Path(__file__).parents[1] / "data/variants/vercel-otel/00002-traces.bin"  # 512 spans, as an SDK sends them
SPANS_PER_S = 20_000
RECEIVING_S = 30.0
CATCH_UP_S = 60.0
ANSWER_S = 30.0
SENDERS = 4  # connections: while some wait for an answer, the next request goes out when it is due


@dataclass(frozen=True, slots=True)
class Received:
    """What was sent and answered with 200, found in the file and in the index; waits for answers; cores the viewer used."""

    sent: int
    in_file: int
    in_index: int
    spans_per_s: float
    answer_p50_s: float
    answer_p99_s: float
    cores: float


def receive_for(seconds: float, folder: Path) -> Received:
    path = folder / "traces.json"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    with Viewer([path], "--otlp", str(port)) as viewer:
        viewer.seconds_until(viewer.is_ready)
        cpu_s, began_s = viewer.cpu_s(), time.perf_counter()
        schedule = _Schedule(began_s, began_s + seconds)
        with ThreadPoolExecutor(SENDERS) as threads:
            sending = [threads.submit(_send_in_turn, port, schedule) for _ in range(SENDERS)]
            waits_s = [wait_s for sender in sending for wait_s in sender.result()]
        sent = schedule.sent
        elapsed_s, cores = time.perf_counter() - began_s, viewer.cpu_s() - cpu_s
        give_up_s = time.perf_counter() + CATCH_UP_S
        while viewer.json("/api/health")["spans"] < sent and time.perf_counter() < give_up_s:
            time.sleep(0.1)  # between two looks
        in_index = int(viewer.json("/api/health")["spans"])
    waits_s.sort()
    return Received(
        sent,
        sum(_span_count(line) for file in sorted(folder.iterdir()) for line in file.read_bytes().splitlines()),
        in_index,
        sent / elapsed_s,
        nearest_rank(waits_s, 50),
        nearest_rank(waits_s, 99),
        cores / elapsed_s,
    )


class _Schedule:
    """Which request goes out when, for all senders together."""

    def __init__(self, began_s: float, until_s: float) -> None:
        self._began_s, self._until_s = began_s, until_s
        self._bodies = _bodies()
        self._lock = threading.Lock()
        self.sent = 0

    def next(self) -> tuple[bytes, float]:
        """The next body and when it was due, as soon as that is; an empty one when the time is over."""
        with self._lock:
            body, span_count = next(self._bodies)
            due_s = self._began_s + self.sent / SPANS_PER_S
            time.sleep(max(0.0, due_s - time.perf_counter()))
            if time.perf_counter() >= self._until_s:
                return b"", due_s
            self.sent += span_count
            return body, due_s


def _send_in_turn(port: int, schedule: _Schedule) -> list[float]:
    """How long after each request was due it was answered, in seconds: who sends late must not make it look sooner."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    waits_s: list[float] = []
    while True:
        body, due_s = schedule.next()
        if not body:
            break
        connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
        response = connection.getresponse()
        if (response.status, response.read()) != (200, b""):
            raise RuntimeError(f"A request was answered with {response.status}.")
        waits_s.append(time.perf_counter() - due_s)
    connection.close()
    return waits_s


def _bodies() -> Iterator[tuple[bytes, int]]:
    """The same request again and again, with ids of its own each time."""
    message = TracesData.FromString(BODY.read_bytes())
    spans = [span for resource in message.resource_spans for scope in resource.scope_spans for span in scope.spans]
    number = 0
    while True:
        for span in spans:
            number += 1
            span.span_id, span.trace_id = number.to_bytes(8, "big"), (number // 20 + 1).to_bytes(16, "big")
        yield message.SerializeToString(), len(spans)


def _span_count(line: bytes) -> int:
    resources = json.loads(line)["resourceSpans"]
    return sum(len(scope["spans"]) for resource in resources for scope in resource["scopeSpans"])


def receiving_report(received: Received) -> list[str]:
    return [
        "## Receiving",
        "",
        f"{SPANS_PER_S:,} spans/s of protobuf for {RECEIVING_S:.0f} s from {SENDERS} connections, stored in the live file "
        "while the viewer reads it. Goals: nothing lost, p99 of the answers 200 ms.",
        "",
        "| what | figure |",
        "|---|---:|",
        f"| spans sent and answered with 200 | {received.sent:,} |",
        f"| of these in the file | {received.in_file:,} |",
        f"| of these in the index | {received.in_index:,} |",
        f"| spans a second | {received.spans_per_s:,.0f} |",
        f"| answer p50 / p99 | {1e3 * received.answer_p50_s:.0f} / {1e3 * received.answer_p99_s:.0f} ms |",
        f"| cores of the viewer | {received.cores:.2f} |",
        "",
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.receiving", description="Measure the receiver.")
    parser.add_argument("--seconds", type=float, default=RECEIVING_S)
    chosen = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="diamond-viewer-bench-") as folder:
        received = receive_for(chosen.seconds, Path(folder))
    print(
        f"{received.sent:,} spans sent, {received.in_file:,} in the file, {received.in_index:,} in the index; "
        f"{received.spans_per_s:,.0f} spans/s; answered after {1e3 * received.answer_p50_s:.0f} ms (p50), "
        f"{1e3 * received.answer_p99_s:.0f} ms (p99); {received.cores:.2f} cores"
    )


if __name__ == "__main__":
    main()
