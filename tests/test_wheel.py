"""The wheel holds all that the viewer needs, and its commands work where nothing of the repository is."""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TRACES = ROOT / "tests" / "data" / "diamond-district" / "traces.json"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
BOUND_S = 120
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"]


@dataclass(frozen=True, slots=True)
class Installed:
    """A fresh environment with the wheel in it, and a folder that knows nothing of the repository."""

    wheel: Path
    commands: Path
    folder: Path

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("DIAMOND_", "PYTHON"))}
        return {**kept, "PYTHONUNBUFFERED": "1"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    run = {"check": True, "timeout": BOUND_S, "cwd": folder}
    subprocess.run([*PIP, "wheel", "--no-build-isolation", "--no-deps", "-w", folder, ROOT], **run)  # type: ignore[call-overload]
    wheel = next(folder.glob("*.whl"))
    home = folder / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], **run)  # type: ignore[call-overload]
    subprocess.run([*PIP, "--python", home / "bin" / "python", "install", "--no-deps", "--no-index", wheel], **run)  # type: ignore[call-overload]
    # what it needs is here already: the next test says that it asks for just that
    packages = next(home.glob("lib/python3*/site-packages"))
    (packages / "requirements.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return Installed(wheel, home / "bin", folder)


def test_it_asks_for_exactly_what_requirements_txt_pins() -> None:
    pinned = re.findall(r"^([\w.-]+==[\w.]+) \\$", (ROOT / "requirements.txt").read_text("utf-8"), re.MULTILINE)
    assert sorted(PROJECT["project"]["dependencies"]) == sorted(pinned)
    assert len(pinned) > 10


def test_every_template_and_static_file_is_in_it(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as wheel:
        names = set(wheel.namelist())
    patterns = ("templates/*.html", "static/*", "diamond_viewer/**/*.py", "diamond_viewer/**/*.json")
    tracked = [
        path.relative_to(ROOT).as_posix() for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()
    ]
    assert len(tracked) > 100
    wanted = {path if path.startswith("diamond_viewer/") else f"diamond_viewer/{path}" for path in tracked}
    assert wanted - names == set()
    assert not any(name.startswith("tests/") or name == "app.py" for name in names)


@pytest.fixture
def address(installed: Installed) -> Iterator[str]:
    live = installed.folder / "traces.json"
    live.write_bytes(TRACES.read_bytes())
    process = subprocess.Popen(
        [installed.commands / "diamond-viewer", live, "--port", "0"],
        cwd=installed.folder,
        env=installed.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = ""
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", said)):
            line = process.stdout.readline()
            assert line, f"the viewer stopped: {said}"
            said += line
        yield found[0]
    finally:
        process.terminate()
        process.communicate(timeout=BOUND_S)


def test_the_installed_command_shows_pages_with_their_styles(installed: Installed, address: str) -> None:
    def get(path: str) -> str:
        with urllib.request.urlopen(address + path, timeout=BOUND_S) as answer:
            return str(answer.read().decode())

    page = get("/trace-viewer.html")
    assert "Diamond Viewer" in page
    style = re.search(r'href="(/static/[^"]+\.css[^"]*)"', page)
    script = re.search(r'src="(/static/[^"]+\.js[^"]*)"', page)
    assert style
    assert script
    assert "{" in get(style[1])
    assert "documentElement" in get(script[1])
    assert "/api/traces" in get("/api/openapi.json")
    assert "diamond_lines_total" in get("/metrics")


def test_the_installed_command_line_answers(installed: Installed) -> None:
    done = subprocess.run(
        [installed.commands / "diamond-viewer-cli", "errors", "--count", TRACES],
        cwd=installed.folder,
        env=installed.environment(),
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )
    assert (done.stdout.strip(), done.returncode) == ("48", 0), done.stderr
