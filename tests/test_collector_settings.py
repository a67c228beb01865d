"""What is to be pasted into a collector, in the README and on the page, is YAML that its file exporter takes.

Not tried with the real thing: neither PyPI, npm nor Debian had a collector with the file exporter on 2026-11-29. The names
below are those of the exporter's own ``config.go``, and what it writes is in tests/data, recorded.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from diamond_viewer.settings.flags import DEFAULT_PATTERN
from diamond_viewer.web.connect_page import cluster_settings, collector_settings

TOP = Path(__file__).parents[1]
SCALE_OUT = (TOP / "docs" / "scale-out.md").read_text("utf-8")
README = (TOP / "README.md").read_text("utf-8")
PYTHON = TOP / ".venv-schemathesis" / "bin" / "python"  # make setup brings it, and PyYAML with it
TEXT, NUMBER = str, int
# collector-contrib, exporter/fileexporter/config.go: member -> what it is; those the viewer can read
FILE_EXPORTER: dict[str, Any] = {
    "path": TEXT,
    "append": bool,
    "flush_interval": TEXT,
    "create_directory": bool,
    "directory_permissions": TEXT,
    "rotation": {"max_megabytes": NUMBER, "max_days": NUMBER, "max_backups": NUMBER, "localtime": bool},
}
# collector-contrib, exporter/clickhouseexporter/config.go, and exporterhelper/internal/queuebatch/config.go of the collector
CLICKHOUSE_EXPORTER: dict[str, Any] = {
    **dict.fromkeys(("endpoint", "database", "username", "password", "ttl", "traces_table_name", "cluster_name"), TEXT),
    "create_schema": bool,
    "table_engine": {"name": TEXT, "params": TEXT},
    "sending_queue": {
        "sizer": TEXT,
        "queue_size": NUMBER,
        "batch": {"min_size": NUMBER, "max_size": NUMBER, "flush_timeout": TEXT, "sizer": TEXT},
    },
}
HOSTILE = ['C:\\traces" }\nexporters: [x]', "/a\t'b': #c", "/Übung 🎬/{}.json", "/a\x07b\x85c\u2028d\ne"]


def read_yaml(text: str) -> Any:
    run = subprocess.run(
        [PYTHON, "-c", "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin.buffer.read()), sys.stdout)"],
        input=text.encode(),
        capture_output=True,
        timeout=50,
        check=False,
    )
    assert run.returncode == 0, run.stderr.decode()[-500:]
    return json.loads(run.stdout)


def unknown(said: Any, known: Any, place: str) -> list[str]:
    """Members that the exporter does not know, or of another kind: with one of these the collector does not start."""
    if not isinstance(known, dict):
        return [] if type(said) is known else [place]
    if not isinstance(said, dict):
        return [place]
    found = [f"{place}.{name}" for name in said.keys() - known.keys()]
    return found + [
        fault for name in said.keys() & known.keys() for fault in unknown(said[name], known[name], f"{place}.{name}")
    ]


def test_the_readme_and_the_page_tell_the_same_exporter() -> None:
    (told,) = re.findall(r"^```yaml\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    file = read_yaml(told)["exporters"]["file"]
    assert unknown(file, FILE_EXPORTER, "file") == []
    assert file["path"] == DEFAULT_PATTERN
    assert file == read_yaml(collector_settings(DEFAULT_PATTERN))["exporters"]["file"]
    wrong = unknown({"path": 1, "rotation": {"max_mb": 1}}, FILE_EXPORTER, "file")
    assert sorted(wrong) == ["file.path", "file.rotation.max_mb"]


@pytest.mark.parametrize("table", ["otel_traces", "spans", *HOSTILE])
def test_what_is_pasted_for_a_cluster_is_whole_and_told_in_the_guide_too(table: str) -> None:
    (told,) = re.findall(r"^```yaml\n(.*?)^```$", SCALE_OUT, re.DOTALL | re.MULTILINE)
    shown = cluster_settings(f"clickhouse://ch1.example:8123,ch2.example:8123/otel.{table}")
    guide, pasted = read_yaml(told), read_yaml(shown)
    for settings in (guide, pasted):
        assert unknown(settings["exporters"], {"clickhouse": CLICKHOUSE_EXPORTER}, "exporters") == []
        assert settings["receivers"].keys() == {"otlp"}
        for pipeline in settings["service"]["pipelines"].values():
            assert pipeline == {"receivers": ["otlp"], "exporters": ["clickhouse"]}
        queue = settings["exporters"]["clickhouse"]["sending_queue"]
        assert queue["sizer"] == "items"  # batches are of items, or the collector does not start
        assert queue["batch"]["min_size"] <= queue["queue_size"]
    exporter = pasted["exporters"]["clickhouse"]
    assert exporter.get("traces_table_name", "otel_traces") == table
    assert guide["exporters"]["clickhouse"]["endpoint"].startswith(exporter["endpoint"])
    assert guide["exporters"]["clickhouse"]["sending_queue"] == exporter["sending_queue"]
    assert guide["service"] == pasted["service"]


@pytest.mark.parametrize("path", ["/data/traces.json", *HOSTILE])
def test_what_is_to_be_pasted_is_whole_and_names_the_file_whatever_it_is_called(path: str) -> None:
    settings = read_yaml(collector_settings(path))
    assert settings.keys() == {"receivers", "exporters", "service"}
    assert unknown(settings["exporters"], {"file": FILE_EXPORTER}, "exporters") == []
    assert settings["exporters"]["file"]["path"] == path
    (pipeline,) = settings["service"]["pipelines"].values()
    assert set(pipeline["receivers"]) <= settings["receivers"].keys()
    assert set(pipeline["exporters"]) <= settings["exporters"].keys()
    assert settings["receivers"]["otlp"]["protocols"].keys() == {"http", "grpc"}
