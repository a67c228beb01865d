"""OpenTelemetry's Python SDK sends to the receiver: everything arrives once, and the SDK sees no error."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from diamond_viewer.telemetry.otlp import decode_line
from tests.receive.receiving import JOB_ATTRIBUTES, receiving, spans_of

RESOURCE = Resource({"service.name": "progress-worker"})


@pytest.mark.parametrize("compression", list(Compression))
def test_spans_of_the_python_sdk_arrive_once(
    tmp_path: Path, compression: Compression, caplog: pytest.LogCaptureFixture
) -> None:
    with receiving(tmp_path) as running, caplog.at_level(logging.WARNING):
        exporter = OTLPSpanExporter(f"http://127.0.0.1:{running.port}/v1/traces", compression=compression)
        provider = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        tracer = provider.get_tracer("worker", "1.2.0")
        for number in range(700):  # more than one batch
            attributes: dict[str, Any] = {
                "user.id": f"usr_{number}",
                "big": 2**53 + 1,
                "share": 0.5,
                "tags": ["a", "b"],
                "done": False,
            }
            with tracer.start_as_current_span("job", kind=trace.SpanKind.CONSUMER, attributes=attributes) as span:
                span.add_event("video.buffering", {"position_s": 12.5})
        with pytest.raises(ValueError, match="no such"), tracer.start_as_current_span("failing"):
            raise ValueError("no such lesson")
        provider.shutdown()
        spans = spans_of(running.documents())
        lines = running.live_path.read_bytes().splitlines()
    assert len(spans) == len({span["spanId"] for span in spans}) == 701
    job = next(span for span in spans if span["name"] == "job")
    assert job["kind"] == 5
    assert job["attributes"][1:] == JOB_ATTRIBUTES
    failing = next(span for span in spans if span["name"] == "failing")
    assert failing["status"] == {"message": "ValueError: no such lesson", "code": 2}
    assert failing["events"][0]["name"] == "exception"
    assert sum(decode_line(line).span_count for line in lines) == 701
    assert caplog.records == []


def test_metrics_and_logs_of_the_python_sdk_arrive(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with receiving(tmp_path) as running, caplog.at_level(logging.WARNING):
        address = f"http://127.0.0.1:{running.port}/v1"
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{address}/metrics"), export_interval_millis=3.6e6)
        meters = MeterProvider([reader], RESOURCE, shutdown_on_exit=False)
        meters.get_meter("worker").create_counter("progress.updates_total").add(3, {"completed": True})
        meters.shutdown()
        loggers = LoggerProvider(RESOURCE, shutdown_on_exit=False)
        loggers.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(f"{address}/logs")))
        record = LogRecord(timestamp=5, severity_number=SeverityNumber.WARN, body={"job": "progress"})
        loggers.get_logger("worker").emit(record)
        loggers.shutdown()
        written = json.dumps(running.documents())
    assert '"name": "progress.updates_total", "sum": {"dataPoints": [{"attributes": ' in written
    assert '"asInt": "3"' in written
    assert '"body": {"kvlistValue": {"values": [{"key": "job", "value": {"stringValue": "progress"}}]}}' in written
    assert caplog.records == []
