"""The running server answers as its OpenAPI document says, to what follows from the document and to much that does not."""

import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from diamond_viewer.web.openapi_routes import ENDPOINTS
from tests.bench.viewer import Viewer
from tests.web.conftest import TRACES

TOP = Path(__file__).parents[2]
PROGRAM = TOP / ".venv-schemathesis" / "bin" / "schemathesis"  # make setup brings it
CONFIGURATION = Path(__file__).with_name("schemathesis") / "schemathesis.toml"


@pytest.mark.timeout(240)
def test_the_api_keeps_what_its_document_promises(tmp_path: Path) -> None:
    live = tmp_path / "traces.json"
    live.write_bytes(TRACES.read_bytes())
    for beside in ("metrics.json", "logs.json"):
        live.with_name(beside).write_bytes(TRACES.with_name(beside).read_bytes())
    with Viewer([live]) as viewer:
        viewer.seconds_until(viewer.is_ready)
        address = f"http://127.0.0.1:{viewer.port}/api/openapi.json"
        done = subprocess.run(
            [PROGRAM, "--config-file", CONFIGURATION, "run", address, "--seed", "1"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, "\n".join(line[:300] for line in done.stdout.splitlines()[-120:])
        count = len(ENDPOINTS) - 1  # it does not ask for the document itself
        assert f"{count} selected / {count} total" in done.stdout
        # the viewer's own connection was idle all the while, and may have been closed for that
        with closing(viewer.connect()) as connection:
            assert connection.get("/api/health")[0] == 200
