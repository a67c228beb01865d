// An application in JavaScript: spans, metrics and log records to the receiver at argv[2], as argv[3] (http: JSON, proto:
// protobuf), compressed as argv[4] says, argv[5] spans. The SDK's complaints go to standard error, what it sent to standard output.

const [endpoint, protocol, compression, count] = process.argv.slice(2);
const { DiagConsoleLogger, DiagLogLevel, SpanKind, SpanStatusCode, context, diag, trace } = require("@opentelemetry/api");
const { SeverityNumber } = require("@opentelemetry/api-logs");
const { resourceFromAttributes } = require("@opentelemetry/resources");
const { BatchLogRecordProcessor, LoggerProvider } = require("@opentelemetry/sdk-logs");
const { MeterProvider, PeriodicExportingMetricReader } = require("@opentelemetry/sdk-metrics");
const { BatchSpanProcessor, TracerProvider } = require("@opentelemetry/sdk-trace");

const { OTLPTraceExporter } = require(`@opentelemetry/exporter-trace-otlp-${protocol}`);
const { OTLPMetricExporter } = require(`@opentelemetry/exporter-metrics-otlp-${protocol}`);
const { OTLPLogExporter } = require(`@opentelemetry/exporter-logs-otlp-${protocol}`);

diag.setLogger(new DiagConsoleLogger(), DiagLogLevel.WARN);
const resource = resourceFromAttributes({ "service.name": "javascript-web" });
const to = (signal) => ({ url: `${endpoint}/v1/${signal}`, compression });

async function main() {
  const exporter = new OTLPTraceExporter(to("traces"));
  const spans = new BatchSpanProcessor({ exporter, maxQueueSize: 10000, maxExportBatchSize: 200 });
  const tracers = new TracerProvider({ resource, spanProcessors: [spans] });
  const tracer = tracers.getTracer("player", "1.2.0");
  const root = tracer.startSpan("GET /api/me", { kind: SpanKind.SERVER });
  const spanIds = [root.spanContext().spanId];
  const within = trace.setSpan(context.active(), root);
  for (let number = 1; number < Number(count); number++) {
    const attributes = { "user.id": `usr_${number}`, position: 0.5, big: 1e21, nan: NaN, tags: ["a", "b"], done: false };
    const span = tracer.startSpan("video.load", { attributes, links: [{ context: root.spanContext() }] }, within);
    span.addEvent("video.buffering", { position_s: number });
    if (number === 1) {
      span.recordException(new TypeError("no such lesson"));
      span.setStatus({ code: SpanStatusCode.ERROR, message: "no such lesson" });
    }
    span.end();
    spanIds.push(span.spanContext().spanId);
  }
  root.end();

  const reader = new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter(to("metrics")), exportIntervalMillis: 3.6e6 });
  const meters = new MeterProvider({ resource, readers: [reader] });
  const meter = meters.getMeter("player");
  meter.createCounter("progress.updates_total").add(3, { completed: true });
  meter.createHistogram("video.load_time_ms").record(412.5);

  const records = new BatchLogRecordProcessor({ exporter: new OTLPLogExporter(to("logs")) });
  const loggers = new LoggerProvider({ resource, processors: [records] });
  loggers.getLogger("player").emit({ severityNumber: SeverityNumber.WARN, body: { stalled: true }, context: within });

  await Promise.all([tracers.shutdown(), meters.shutdown(), loggers.shutdown()]);
  console.log(JSON.stringify(spanIds));
}

main();
