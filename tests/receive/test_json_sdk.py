"""OpenTelemetry's Python SDK sends OTLP/JSON to a viewer that runs: every span is in the file and on the page, once."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.receive.receiving import BOUND_S, JOB_ATTRIBUTES, spans_of
from tests.receive.viewing import viewing

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / ".venv-json-sdk" / "bin" / "python"  # make setup brings it
SPANS = 1_200  # more than two batches


@pytest.mark.parametrize("compression", ["none", "gzip", "deflate"])
def test_what_the_python_sdk_sends_as_json_arrives_once(tmp_path: Path, compression: str) -> None:
    with viewing(tmp_path / "traces.json") as viewer:
        command = [str(PYTHON), str(HERE / "json_sdk" / "send.py"), str(viewer.receiver.port), compression, str(SPANS)]
        sent = subprocess.run(command, capture_output=True, text=True, timeout=BOUND_S, check=False)
        assert (sent.returncode, sent.stdout, sent.stderr) == (0, "", "")
        viewer.wait_for_spans(SPANS)
        shown = viewer.json("/api/stats")
        page = viewer.get("/trace-viewer.html?user=usr_3&limit=1").decode()
        logs = viewer.json("/api/logs")
        documents = viewer.receiver.documents()
    spans = spans_of(documents)
    assert len(spans) == len({span["spanId"] for span in spans}) == shown["spans"] == SPANS
    job = next(span for span in spans if span["name"] == "job")
    assert job["kind"] == 5
    assert job["attributes"][1:] == JOB_ATTRIBUTES
    assert "usr_3" in page
    assert logs["total"] == 1
    written = json.dumps(documents)
    assert '"name": "progress.updates_total"' in written
    assert '"asInt": "3"' in written
