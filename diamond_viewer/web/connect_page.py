"""ConnectPage: what to paste so that traces come: into the collector, into an application's environment."""

import re
import shlex
from dataclasses import dataclass

from diamond_viewer.settings.flags import DEFAULT_PATTERN
from diamond_viewer.telemetry.model import FeedState
from diamond_viewer.web.status import is_elsewhere

NATIVE_PORTS = {"clickhouse": "9000", "clickhouses": "9440?secure=true"}  # of ClickHouse: exporters write there
DEFAULT_TABLE = "otel_traces"
ROTATION = "{max_megabytes: 100, max_backups: 10}"
COMPRESSED = (".gz", ".zst")
IMPORT = "python -m diamond_viewer import '/var/log/otel-collector/*.json' --store \"$DIAMOND_STORE\""


@dataclass(frozen=True, slots=True)
class ConnectPage:
    """``collector`` and ``application`` are texts to paste, ``start`` is the command that shows what they bring.
    ``is_cluster``: what is shown is a cluster, to which a collector writes by itself; ``start`` brings files into it then."""

    path: str
    collector: str
    start: str
    receive: str
    application: str
    is_cluster: bool = False


def connect_page(feed: FeedState) -> ConnectPage:
    path = live_path(feed)
    if is_elsewhere(feed):
        return ConnectPage(path, cluster_settings(path), IMPORT, "", "", is_cluster=True)
    named = "" if path == DEFAULT_PATTERN else f" TRACES={shlex.quote(path)}"
    return ConnectPage(
        path=path,
        collector=collector_settings(path),
        start=f"make run{named}",
        receive='make run TRACES=traces.json ARGS="--otlp 4318"',
        application="OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318\nOTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
    )


def live_path(feed: FeedState) -> str:
    """The file that the collector writes or is to write. While the demo is shown none of the files is the reader's own:
    the default is told.

    >>> live_path(FeedState())
    '/var/log/otel-collector/traces.json'
    """
    if feed.is_demo:
        return DEFAULT_PATTERN
    paths = [source.path for source in feed.sources if not source.path.endswith(COMPRESSED)]
    waiting = [source.path for source in feed.sources if source.state in ("waiting", "live")]
    return next(iter((*waiting, *paths)), DEFAULT_PATTERN)


def collector_settings(path: str) -> str:
    """The part of a collector's configuration that writes traces to a file, in YAML.

    >>> print(collector_settings("/data/traces.json"))
    receivers:
      otlp:
        protocols: {http: {}, grpc: {}}
    exporters:
      file:
        path: "/data/traces.json"
        rotation: {max_megabytes: 100, max_backups: 10}
    service:
      pipelines:
        traces:
          receivers: [otlp]
          exporters: [file]
    """
    return "\n".join(
        (
            "receivers:",
            "  otlp:",
            "    protocols: {http: {}, grpc: {}}",
            "exporters:",
            "  file:",
            f"    path: {_quoted(path)}",
            f"    rotation: {ROTATION}",
            "service:",
            "  pipelines:",
            "    traces:",
            "      receivers: [otlp]",
            "      exporters: [file]",
        )
    )


def cluster_settings(path: str) -> str:
    """The part of a collector's configuration that writes everything to a cluster, in YAML. ``path`` is that of its source.

    >>> print(cluster_settings("clickhouses://a.test:8443,[::1]:8443/otel.spans"))
    receivers:
      otlp:
        protocols: {http: {}, grpc: {}}
    exporters:
      clickhouse:
        endpoint: "tcp://a.test:9440,[::1]:9440?secure=true"
        database: "otel"
        traces_table_name: "spans"
        username: ${env:CLICKHOUSE_USER}
        password: ${env:CLICKHOUSE_PASSWORD}
        sending_queue:
          sizer: items
          queue_size: 500000
          batch: {min_size: 20000, flush_timeout: 2s}
    service:
      pipelines:
        traces: {receivers: [otlp], exporters: [clickhouse]}
        metrics: {receivers: [otlp], exporters: [clickhouse]}
        logs: {receivers: [otlp], exporters: [clickhouse]}
    """
    scheme, _, rest = path.partition("://")
    hosts, _, name = rest.partition("/")
    database, _, table = name.partition(".")
    port, question, words = NATIVE_PORTS.get(scheme, "9000").partition("?")
    endpoint = ",".join(re.sub(r":\d+$", f":{port}", host) for host in hosts.split(","))
    return "\n".join(
        (
            "receivers:",
            "  otlp:",
            "    protocols: {http: {}, grpc: {}}",
            "exporters:",
            "  clickhouse:",
            f"    endpoint: {_quoted(f'tcp://{endpoint}{question}{words}')}",
            f"    database: {_quoted(database)}",
            *([f"    traces_table_name: {_quoted(table)}"] if table != DEFAULT_TABLE else []),
            "    username: ${env:CLICKHOUSE_USER}",
            "    password: ${env:CLICKHOUSE_PASSWORD}",
            "    sending_queue:",
            "      sizer: items",
            "      queue_size: 500000",
            "      batch: {min_size: 20000, flush_timeout: 2s}",
            "service:",
            "  pipelines:",
            *(
                f"    {signal}: {{receivers: [otlp], exporters: [clickhouse]}}"
                for signal in ("traces", "metrics", "logs")
            ),
        )
    )


def _quoted(text: str) -> str:
    """In YAML. A line break of any script would be folded to a blank."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in escaped) + '"'
