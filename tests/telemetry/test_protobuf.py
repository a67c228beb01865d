"""OTLP in protobuf becomes the line that the collector would have written."""

import json
from pathlib import Path

import pytest

from diamond_viewer.telemetry.otlp import LineError, decode_line
from diamond_viewer.telemetry.protobuf import line_from_message

VARIANTS = Path(__file__).parent.parent / "data" / "variants"


def test_a_request_becomes_the_line_that_the_collector_wrote_of_it() -> None:
    message = (VARIANTS / "js-special-values" / "body-js-proto.bin").read_bytes()
    line = (VARIANTS / "js-special-values" / "traces.from-proto.json").read_bytes()
    assert json.loads(line_from_message(message)) == json.loads(line)


@pytest.mark.parametrize("path", sorted(VARIANTS.rglob("*.bin")), ids=lambda path: path.name)
def test_the_signal_is_told_from_the_content(path: Path) -> None:
    batch = decode_line(line_from_message(path.read_bytes()))
    signal = next(signal for signal in ("metrics", "logs", "traces") if signal in f"{path.name} traces")
    assert batch.signal == signal
    assert (batch.span_count > 0) is (signal == "traces")


def test_an_empty_message_is_an_empty_request() -> None:
    assert line_from_message(b"") == b"{}"


@pytest.mark.parametrize("message", [b"\xff\xff\xff", b"\x0a\x03abc\x12\xff", b'{"resourceSpans":[]}'])
def test_what_is_no_message_is_refused(message: bytes) -> None:
    with pytest.raises(LineError):
        line_from_message(message)
