"""What SDKs sent, recorded, sent again to a viewer that runs: each span is in the file and on the page, once."""

import json
import subprocess
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from tests.receive.receiving import BOUND_S, JSON, PROTOBUF, VARIANTS, signal_of, spans_of
from tests.receive.viewing import viewing

SENT = {
    folder: sorted(path for path in (VARIANTS / folder).glob(pattern))
    for folder, pattern in (
        ("js-http-json-bodies", "0*"),
        ("js-proto-bodies", "0*"),
        ("js-special-values", "body-js-json.json"),
        ("python-json-bodies", "0*"),
        ("vercel-otel", "0*"),
    )
}
SPECIAL = VARIANTS / "js-special-values"
SENT["js-special-values, NaN as null"] = [SPECIAL / "body-js-json-with-NaN-null.json"]
SENT["js-special-values, protobuf"] = [SPECIAL / "body-js-proto.bin"]
HANDBOOK = ".resourceSpans[]?.scopeSpans[].spans[] | .spanId"


def span_ids_in(path: Path) -> list[str]:
    """As protobuf, or JSON, has them; not as we read them."""
    body = path.read_bytes()
    if path.suffix == ".json":
        return [span["spanId"] for span in spans_of([json.loads(body)])]
    message = TracesData.FromString(body)
    return [span.span_id.hex() for one in message.resource_spans for scope in one.scope_spans for span in scope.spans]


@pytest.mark.parametrize("name", SENT)
def test_every_span_of_recorded_bodies_is_in_the_file_and_on_the_page_once(tmp_path: Path, name: str) -> None:
    paths = SENT[name]
    signals = ["traces" if path.parent == SPECIAL else signal_of(path) for path in paths]
    expected = [
        one for path, signal in zip(paths, signals, strict=True) if signal == "traces" for one in span_ids_in(path)
    ]
    assert expected
    assert len(expected) == len(set(expected))
    with viewing(tmp_path / "traces.json") as viewer:
        for path, signal in zip(paths, signals, strict=True):
            media_type = JSON if path.suffix == ".json" else PROTOBUF
            answer = viewer.receiver.send(path.read_bytes(), f"/v1/{signal}", media_type)
            assert (answer.status, answer.body) == (200, b"{}" if media_type == JSON else b"")
        health = viewer.wait_for_spans(len(expected))
        rows = viewer.json("/api/traces?limit=1000")["traces"]
        live = viewer.receiver.live_path
        command = ["jq", "-r", HANDBOOK, str(live)]
        by_jq = subprocess.run(command, capture_output=True, text=True, timeout=BOUND_S, check=True).stdout.split()
    assert sorted(by_jq) == sorted(expected)
    assert (health["spans"], health["duplicate_spans"], health["bad_lines"]) == (len(expected), 0, 0)
    assert sum(row["span_count"] for row in rows) == len(expected)
