"""OpenTelemetry's JavaScript SDK from npm sends to a viewer: everything is in the file and on the page, once."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.receive.receiving import BOUND_S, spans_of
from tests.receive.viewing import viewing

FOLDER = Path(__file__).parent / "javascript"
SPANS = 701  # several batches


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("protocol", ["http", "proto"])
def test_what_the_javascript_sdk_sends_is_in_the_file_and_on_the_page_once(
    tmp_path: Path, protocol: str, compression: str
) -> None:
    assert (FOLDER / "node_modules").is_dir(), "The JavaScript SDK is not installed: run 'make setup'."
    with viewing(tmp_path / "traces.json") as viewer:
        endpoint = f"http://127.0.0.1:{viewer.receiver.port}"
        command = ["node", "sending.cjs", endpoint, protocol, compression, str(SPANS)]
        sent = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=BOUND_S, check=False)
        assert (sent.returncode, sent.stderr) == (0, "")
        span_ids = json.loads(sent.stdout)
        documents = viewer.receiver.documents()
        health = viewer.wait_for_spans(SPANS)
        page = viewer.json("/api/traces")
        html = viewer.get("/trace-viewer.html").decode()
        metrics = viewer.get("/video").decode()
    spans = spans_of(documents)
    assert sorted(span["spanId"] for span in spans) == sorted(span_ids)
    assert (health["spans"], health["duplicate_spans"], health["bad_lines"]) == (SPANS, 0, 0)
    (trace,) = page["traces"]
    assert (trace["span_count"], trace["error_count"], trace["name"]) == (SPANS, 1, "GET /api/me")
    assert html.count(f'id="t-{trace["trace_id"]}"') == 1
    assert "video.load_time_ms" in metrics
    load = next(span for span in spans if span["name"] == "video.load")
    values = {pair["key"]: pair["value"] for pair in load["attributes"]}
    assert values["position"] == {"doubleValue": 0.5}
    assert values["big"] == {"doubleValue": 1e21}  # as JSON it is sent as an integer of 70 bits
    assert values["nan"] in ({}, {"doubleValue": "NaN"})  # as JSON it is sent as null
    assert values["tags"] == {"arrayValue": {"values": [{"stringValue": "a"}, {"stringValue": "b"}]}}
    written = json.dumps(documents)
    assert written.count('"name": "progress.updates_total"') == 1
    assert written.count('"key": "stalled", "value": {"boolValue": true}') == 1
