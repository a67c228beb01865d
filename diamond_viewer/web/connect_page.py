"""ConnectPage: what to paste so that traces come: into the collector, into an application's environment."""

import shlex
from dataclasses import dataclass

from diamond_viewer.settings.flags import DEFAULT_PATTERN
from diamond_viewer.telemetry.model import FeedState

ROTATION = "{max_megabytes: 100, max_backups: 10}"
COMPRESSED = (".gz", ".zst")


@dataclass(frozen=True, slots=True)
class ConnectPage:
    """``collector`` and ``application`` are texts to paste, ``start`` is the command that shows what they bring."""

    path: str
    collector: str
    start: str
    receive: str
    application: str


def connect_page(feed: FeedState) -> ConnectPage:
    path = live_path(feed)
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
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    # a line break of any script would be folded to a blank
    quoted = "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in escaped)
    return "\n".join(
        (
            "receivers:",
            "  otlp:",
            "    protocols: {http: {}, grpc: {}}",
            "exporters:",
            "  file:",
            f'    path: "{quoted}"',
            f"    rotation: {ROTATION}",
            "service:",
            "  pipelines:",
            "    traces:",
            "      receivers: [otlp]",
            "      exporters: [file]",
        )
    )
