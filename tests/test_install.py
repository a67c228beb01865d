"""The unit of ``docs/install.md``: systemd understands it, it is closed, and what it starts is what the viewer takes."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from diamond_viewer.settings.settings import DEFAULT_PATTERN, Settings

TOP = Path(__file__).parents[1]
UNIT = (TOP / "docs" / "diamond-viewer.service").read_text("utf-8")
INSTALL = (TOP / "docs" / "install.md").read_text("utf-8")
MOST_EXPOSED = 1.5


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """As it would be installed, with a Python that is there."""
    path = tmp_path / "diamond-viewer.service"
    path.write_text(
        UNIT.replace("/opt/diamond-viewer/.venv/bin/python", sys.executable).replace("/opt/diamond-viewer", str(TOP))
    )
    return path


def analyze(*arguments: str) -> str:
    assert shutil.which("systemd-analyze"), "systemd is missing: make setup installs it"
    run = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout + run.stderr


def test_systemd_finds_nothing_wrong_with_the_unit(unit: Path) -> None:
    said = analyze("verify", "--man=no", str(unit))
    assert [line for line in said.splitlines() if unit.name in line] == []


def test_the_unit_is_closed(unit: Path) -> None:
    said = analyze("security", "--offline=yes", f"--threshold={int(MOST_EXPOSED * 10)}", str(unit))
    rated = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert rated, said
    assert float(rated[1]) <= MOST_EXPOSED
    assert f"rates the unit {rated[1]}, OK" in INSTALL


def test_what_the_unit_starts_is_a_viewer_of_the_collectors_file() -> None:
    command = re.search(r"^ExecStart=(\S+) (\S+) (.*)$", UNIT, re.MULTILINE)
    assert command
    assert Path(command[2]).name == "app.py"
    settings = Settings.from_arguments(command[3].split(), {})
    assert (settings.patterns, settings.is_loopback, settings.redaction.is_on) == ((DEFAULT_PATTERN,), True, True)


def test_every_variable_in_the_docs_is_one_of_the_viewers() -> None:
    named = dict(re.findall(r"^(DIAMOND_\w+)=(\S+)$", INSTALL, re.MULTILINE))
    assert len(named) > 4
    usable = {name: value for name, value in named.items() if name not in ("DIAMOND_CONFIG", "DIAMOND_AUTH_TOKEN_FILE")}
    settings = Settings.from_arguments([], usable)
    assert (settings.prefix, settings.proxies, settings.memory_bytes) == ("/viewer", ("127.0.0.1",), 2 * 1024**3)
    for name in named.keys() - usable.keys():
        with pytest.raises(ValueError, match="cannot be read"):
            Settings.from_arguments([], {name: named[name]})
