"""A real nginx before the viewer, which shows it below a path: logging in, reading, following live, importing, leaving."""

import http.client
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import ROOT, StartViewer, Watched, await_ready, context_of
from tests.web.conftest import TRACES
from tests.writing import line, span

TOKEN = "a-token-of-the-team"
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:{ROOT / '.nginx/usr/sbin'}")
BOUND_S = 20

# docs/security.md as it stands there, and with both of the changes that it allows
DOCUMENT = (ROOT / "docs" / "security.md").read_text("utf-8")
(AS_TOLD,) = re.findall(r"^```nginx\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)
PASS = "proxy_pass http://127.0.0.1:8000;"
LOCATIONS = {
    "buffered": AS_TOLD,
    "unbuffered, prefix taken off": AS_TOLD.replace(PASS, f"{PASS[:-1]}/; proxy_buffering off;"),
}
CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    {location}
  }}
}}
"""


@pytest.fixture(params=LOCATIONS)
def address(
    request: pytest.FixtureRequest, start_viewer: StartViewer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Of the viewer's root behind nginx."""
    (tmp_path / "tokens").write_text(TOKEN)
    (tmp_path / "traces.json").write_bytes(TRACES.read_bytes())
    for name, value in {"AUTH_TOKEN_FILE": tmp_path / "tokens", "PREFIX": "/viewer", "PROXY": "127.0.0.1"}.items():
        monkeypatch.setenv(f"DIAMOND_{name}", str(value))
    viewer = await_ready(start_viewer())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    location = LOCATIONS[request.param]
    assert PASS[:-1] in location
    location = location.replace("127.0.0.1:8000", f"127.0.0.1:{urlsplit(viewer.address).port}")
    user = "user root;" if os.geteuid() == 0 else ""  # or its worker may not read what root's test wrote
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(folder=tmp_path, user=user, port=port, location=location))
    assert NGINX, "nginx is missing: make setup installs it"
    process = subprocess.Popen(
        [NGINX, "-c", str(configuration), "-p", str(tmp_path)], stderr=subprocess.PIPE, text=True
    )
    try:
        await_nginx(port, process)
        yield f"http://127.0.0.1:{port}/viewer/"
    finally:
        process.terminate()
        process.communicate(timeout=BOUND_S)


def await_nginx(port: int, process: "subprocess.Popen[str]") -> None:
    give_up_at_s = time.monotonic() + BOUND_S
    while time.monotonic() < give_up_at_s:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=BOUND_S)
        try:
            connection.request("GET", "/viewer/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            assert process.poll() is None, process.communicate()[1]
        finally:
            connection.close()
        time.sleep(0.02)
    pytest.fail("nginx does not pass anything on")


def test_everything_works_behind_a_proxy_below_a_path(
    browser: Browser, address: str, tmp_path: Path, watched: Watched
) -> None:
    watched.expected = ("401",)
    context = context_of(browser, viewport={"width": 1440, "height": 860})
    page = context.new_page()
    watched.watch(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("response", lambda response: watched.complaints.extend([response.url] * (response.status in (404, 500))))
    page.goto(f"{address}errors?since=all")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{address}errors?since=all")
    assert [cookie["path"] for cookie in context.cookies()] == ["/viewer/"]
    for tab in ("Journeys", "Operations", "Video", "Map", "Health", "Traces"):
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=tab).click()
        page.wait_for_url(f"{address}*")
    rows = page.locator("#list .row")
    rows.first.wait_for()
    # what is written now comes by itself, whether nginx holds answers back or not
    now_ns = time.time_ns()
    with (tmp_path / "traces.json").open("ab") as file:
        file.write(
            line(span(name="GET /just-now", startTimeUnixNano=str(now_ns), endTimeUnixNano=str(now_ns + 10**6))) + b"\n"
        )
    expect(page.locator("#list")).to_contain_text("GET /just-now")
    rows.first.click()
    page.locator("#opened .trace__close").wait_for()
    assert page.url.startswith(f"{address}trace-viewer.html?")
    page.goto(f"{address}import")
    page.get_by_label("A file").set_input_files(TRACES.parents[1] / "variants" / "jaeger" / "trace.json")
    page.get_by_role("button", name="Open").first.click()
    page.wait_for_url(f"{address}import/1/trace-viewer.html?trace=*")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Errors").click()
    page.wait_for_url(f"{address}import/1/errors*")
    page.get_by_role("link", name="Log out").click()
    page.get_by_role("button", name="Log out").click()
    page.get_by_label("Token").wait_for()
    assert context.cookies() == []
    assert {url for url in asked if not url.startswith(address)} == set()
    context.close()
