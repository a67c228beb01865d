"""What the console says of spans, logs and metrics: readable, without secrets, harmless to a terminal."""

import json
from pathlib import Path

from diamond_viewer.telemetry.otlp_request import lines_from_request
from diamond_viewer.telemetry.otlp_sentences import sentences
from tests import writing

VARIANTS = Path(__file__).parents[1] / "data" / "variants"
BODIES = VARIANTS / "python-json-bodies"


def said_of(body: bytes, signal: str) -> list[str]:
    (line,) = lines_from_request(body, signal, is_protobuf=False).lines
    return list(sentences(line))


def test_every_signal_of_an_sdk_is_said_in_a_line_each() -> None:
    spans = said_of((BODIES / "00001-traces.json").read_bytes(), "traces")
    assert len(spans) == 2
    assert "progress-worker  job.progress" in spans[1]
    assert "user usr_0007 lesson lesson-012" in spans[1]
    assert "error: no such lesson" in spans[0]
    (log,) = said_of((BODIES / "00003-logs.json").read_bytes(), "logs")
    assert log.endswith("progress-worker  log  warn  {'job': 'progress', 'attempt': 2}  user usr_0007")
    metrics = said_of((BODIES / "00002-metrics.json").read_bytes(), "metrics")
    assert any("metric  job.wait_ms  1 point  ms" in metric for metric in metrics)


def test_secrets_and_control_characters_do_not_reach_the_terminal() -> None:
    name = "GET https://ada:geheim@shop/?token=abcdef\x1b]0;owned\x07\nforged"
    (said,) = said_of(writing.line(writing.span(1, name=name), service="web\x1b[2J"), "traces")
    assert "geheim" not in said
    assert "abcdef" not in said
    assert [character for character in said if not character.isprintable() and character != "\ufffd"] == []
    body = {"kvlistValue": {"values": [{"key": "password", "value": {"stringValue": "geheim"}}]}}
    document = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": body}]}]}]}
    (said,) = said_of(json.dumps(document).encode(), "logs")
    assert said.endswith("{'password': 'REDACTED'}")
