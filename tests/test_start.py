"""What a start does not wait for: what only some readers ask for comes when they do."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LATER = ("google", "opentelemetry", "prometheus_client", "diamond_viewer.demo", "diamond_viewer.clickhouse.store")
PROGRAM = """
import sys
import app, diamond_viewer.imports, diamond_viewer.web.app, diamond_viewer.web.channel
print(*sys.modules, sep="\\n")
"""


def test_the_first_page_does_not_wait_for_what_only_some_ask_for() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = ran.stdout.split()
    assert "diamond_viewer.web.views" in loaded
    assert [name for name in loaded if any(f"{name}.".startswith(f"{later}.") for later in LATER)] == []
