"""The real server on a file of its own, and the system's Chromium looking at it."""

import atexit
import os
import re
import shutil
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.forking import Nursery, is_running
from tests.feed.waiting import PATIENCE_S, until
from tests.web.conftest import TRACES

ROOT = Path(__file__).parents[2]
# the same engine without a window around the page: a new reader's first page costs a third of the processor time
CHROMIUM = shutil.which("chromium-headless-shell") or "/usr/bin/chromium"
expect.set_options(timeout=PATIENCE_S * 1000)  # as long as Playwright waits for all else


@dataclass
class Viewer:
    """``live`` is the file it reads; ``write`` appends a line to it; ``process`` is its number."""

    address: str
    live: Path
    process: int

    def write(self, *lines: bytes) -> None:
        with self.live.open("ab") as file:
            file.write(b"".join(line + b"\n" for line in lines))

    @property
    def is_running(self) -> bool:
        return is_running(self.process)

    def stop(self) -> None:
        os.kill(self.process, signal.SIGTERM)
        until(lambda: not self.is_running)


StartViewer = Callable[..., Viewer]


def launch(live: Path, port: int = 0) -> Viewer:
    """Starts a viewer on the live file and waits until it says where it is."""
    said = live.with_name(f"said-{time.monotonic_ns()}.txt")
    process = nursery().start([str(live), "--port", str(port)], said)
    until(lambda: find_address(said) or not is_running(process))
    address = find_address(said)
    assert address, f"the viewer stopped: {said.read_text()}"
    return Viewer(address, live, process)


def find_address(said: Path) -> str:
    found = re.search(r"http://127\.0\.0\.1:\d+(?=\D)", said.read_text() if said.exists() else "")
    return found[0] if found else ""


@cache
def nursery() -> Nursery:
    """One for all tests of this process."""
    started = Nursery()
    atexit.register(started.close)
    return started


def await_ready(viewer: Viewer) -> Viewer:
    until(lambda: is_ready(viewer))
    return viewer


@pytest.fixture
def start_viewer(tmp_path: Path) -> Iterator[StartViewer]:
    started: list[Viewer] = []

    def start(port: int = 0) -> Viewer:
        started.append(launch(tmp_path / "traces.json", port))
        return started[-1]

    yield start
    for viewer in started:
        if viewer.is_running:
            viewer.stop()


@pytest.fixture
def viewer(start_viewer: StartViewer, tmp_path: Path) -> Viewer:
    """A viewer that has read its file."""
    (tmp_path / "traces.json").write_bytes(TRACES.read_bytes())
    return await_ready(start_viewer())


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    """One for all tests that only look: to start one takes longer than most of them. Who writes takes ``viewer``."""
    live = tmp_path_factory.mktemp("shown") / "traces.json"
    live.write_bytes(TRACES.read_bytes())
    viewer = launch(live)
    yield await_ready(viewer)
    viewer.stop()


@pytest.fixture(scope="session")
def shared_viewer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    """Likewise, with metrics and logs."""
    folder = tmp_path_factory.mktemp("shared")
    for name in ("traces.json", "metrics.json", "logs.json"):
        (folder / name).write_bytes(TRACES.with_name(name).read_bytes())
    viewer = launch(folder / "traces.json")
    yield await_ready(viewer)
    viewer.stop()


def is_ready(viewer: Viewer) -> bool:
    try:
        with urllib.request.urlopen(f"{viewer.address}/readyz", timeout=PATIENCE_S) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False


@dataclass
class Watched:
    """What the browser complained of; a page that complains fails its test."""

    complaints: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def watch(self, page: Page) -> None:
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not any(part in text for part in self.expected):
            self.complaints.append(text)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    arguments = ["--disable-gpu", "--disable-dev-shm-usage"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium's sandbox refuses root
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def watched() -> Iterator[Watched]:
    watched = Watched()
    yield watched
    assert watched.complaints == []


def context_of(browser: Browser, **how: Any) -> BrowserContext:
    """Somebody who has been here before: the first steps do not lie over the page."""
    context = browser.new_context(**how)
    context.add_init_script("try { localStorage.setItem('hints', 'seen') } catch {}")
    return context


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = context_of(browser, viewport={"width": 1440, "height": 860})
    yield context
    context.close()


@pytest.fixture
def page(request: pytest.FixtureRequest, context: BrowserContext, watched: Watched) -> Page:
    """Of the viewer that the test writes to, else of the one that is shown to all."""
    viewer: Viewer = request.getfixturevalue("viewer" if "viewer" in request.fixturenames else "shown")
    page = context.new_page()
    watched.watch(page)
    page.goto(f"{viewer.address}/trace-viewer.html")
    page.locator("#list .row").first.wait_for()
    return page
