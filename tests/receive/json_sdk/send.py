"""Spans, a metric and a log record in OTLP/JSON, as OpenTelemetry's Python SDK sends them.

    python send.py PORT COMPRESSION SPANS

Runs in an environment of its own, which knows nothing of the viewer.
"""

import sys
from typing import Any

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.common.http import Compression
from opentelemetry.exporter.otlp.json.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.json.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

RESOURCE = Resource({"service.name": "progress-worker"})


def main(port: str, compression: str, span_count: int) -> None:
    address, packed = f"http://127.0.0.1:{port}/v1", Compression(compression)
    spans = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{address}/traces", compression=packed)))
    tracer = spans.get_tracer("worker", "1.2.0")
    for number in range(span_count):
        said: dict[str, Any] = {
            "user.id": f"usr_{number % 7}",
            "big": 2**53 + 1,
            "share": 0.5,
            "tags": ["a", "b"],
            "done": False,
        }
        with tracer.start_as_current_span("job", kind=trace.SpanKind.CONSUMER, attributes=said) as span:
            span.add_event("video.buffering", {"position_s": 12.5})
    spans.shutdown()
    exporter = OTLPMetricExporter(f"{address}/metrics", compression=packed)
    meters = MeterProvider(
        [PeriodicExportingMetricReader(exporter, export_interval_millis=3.6e6)], RESOURCE, shutdown_on_exit=False
    )
    meters.get_meter("worker").create_counter("progress.updates_total").add(3, {"completed": True})
    meters.shutdown()
    loggers = LoggerProvider(RESOURCE, shutdown_on_exit=False)
    loggers.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(f"{address}/logs", compression=packed)))
    loggers.get_logger("worker").emit(
        LogRecord(timestamp=5, severity_number=SeverityNumber.WARN, body={"job": "progress"})
    )
    loggers.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
