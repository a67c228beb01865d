"""The nginx of docs/integrations.md puts Jaeger's own pages and the viewer under one name, as those pages expect it."""

import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.bench.viewer import Viewer
from tests.web.conftest import TRACES

TOP = Path(__file__).parents[2]
SERVER = re.findall(
    r"^```nginx\n(.*?)^```$", (TOP / "docs" / "integrations.md").read_text("utf-8"), re.DOTALL | re.MULTILINE
)[0]
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:{TOP / '.nginx/usr/sbin'}")
BOUND_S = 20.0


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def fetched(address: str) -> str:
    """As a script of the page asks; waits for nginx to listen."""
    request = urllib.request.Request(address, headers={"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"})
    give_up_at_s = time.monotonic() + BOUND_S
    while True:
        try:
            with urllib.request.urlopen(request, timeout=BOUND_S) as answer:
                return str(answer.read().decode())
        except urllib.error.URLError as error:
            if isinstance(error, urllib.error.HTTPError) or time.monotonic() > give_up_at_s:
                raise
            time.sleep(0.05)  # between two looks


def test_pages_and_api_stand_under_one_name(tmp_path: Path) -> None:
    pages = tmp_path / "jaeger-ui"
    pages.mkdir()
    (pages / "index.html").write_text("<title>Jaeger UI</title>")
    live = tmp_path / "traces.json"
    live.write_bytes(TRACES.read_bytes())
    port = free_port()
    with Viewer([live]) as viewer:
        viewer.seconds_until(viewer.is_ready)
        server = SERVER.replace("127.0.0.1:16686", f"127.0.0.1:{port}").replace("/srv/jaeger-ui", str(pages))
        server = server.replace("127.0.0.1:8000", f"127.0.0.1:{viewer.port}")
        places = "".join(f"{name}_temp_path {tmp_path}/{name};" for name in ("proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;" if os.geteuid() == 0 else ""
        (tmp_path / "nginx.conf").write_text(
            f"daemon off; {user} pid {tmp_path}/pid; error_log {tmp_path}/error.log; events {{}} "
            f"http {{ access_log off; client_body_temp_path {tmp_path}/body; {places} {server} }}"
        )
        assert NGINX, "nginx is missing: make setup installs it"
        process = subprocess.Popen([NGINX, "-c", tmp_path / "nginx.conf", "-p", tmp_path], stderr=subprocess.DEVNULL)
        try:
            assert "Jaeger UI" in fetched(f"http://127.0.0.1:{port}/search")
            services = json.loads(fetched(f"http://127.0.0.1:{port}/api/services"))["data"]
            assert "diamond-district-web" in services
            found = json.loads(fetched(f"http://127.0.0.1:{port}/api/traces?service=diamond-district-web&limit=3"))[
                "data"
            ]
            assert len(found) == 3
        finally:
            process.terminate()
            process.wait(BOUND_S)
