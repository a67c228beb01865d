"""The door, as a user opens it: ``app.py`` as a process of its own."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest

ROOT = Path(__file__).parent.parent
LINES = ROOT / "tests/data/variants/rotation-timberjack-names/traces.json"
BOUND_S = 30  # a test that waits this long has failed


@dataclass(frozen=True, slots=True)
class Viewer:
    """A running viewer; ``said`` is its terminal, line by line, after the one with the address."""

    process: subprocess.Popen[str]
    port: int
    said: IO[str]

    def get(self, path: str, **headers: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=BOUND_S)
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, body

    def health(self) -> dict[str, Any]:
        status, body = self.get("/api/health")
        assert status == 200
        health: dict[str, Any] = json.loads(body)
        return health

    def wait_for_spans(self) -> int:
        give_up_at = time.monotonic() + BOUND_S
        while time.monotonic() < give_up_at:
            if spans := int(self.health()["spans"]):
                return spans
            time.sleep(0.05)  # between two looks
        pytest.fail(f"No span in {BOUND_S} s: {self.health()}")


def clean_environment(**more: str) -> dict[str, str]:
    """The environment without settings that the tests' user may have."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DIAMOND_")} | more


def start(*arguments: str, **more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "app.py", *arguments]
    pipe, environment = subprocess.PIPE, clean_environment(**more)
    return subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdout=pipe, stderr=pipe)


@contextmanager
def viewer(*arguments: str, **more: str) -> Iterator[Viewer]:
    """A viewer on a free port; it is killed when the test did not stop it."""
    process = start("--port", "0", *arguments, **more)
    try:
        assert process.stdout is not None
        address = re.fullmatch(
            r"Diamond Viewer: http://127\.0\.0\.1:(\d+)/trace-viewer\.html\n", process.stdout.readline()
        )
        assert address, process.communicate(timeout=BOUND_S)
        yield Viewer(process, int(address[1]), process.stdout)
    finally:
        process.kill()
        process.communicate()


def test_the_terminal_says_where_what_how_to_stop_and_when_all_is_read() -> None:
    with viewer(str(LINES)) as running:
        assert running.said.readline() == f"Reading {LINES}\n"
        assert running.said.readline() == "Stop with Ctrl-C.\n"
        assert re.fullmatch(r"Indexed [\d,.]+ spans in [\d.]+ (ms|s)\. Following\.\n", running.said.readline())
        assert running.get("/healthz")[0] == 200
        assert running.get("/readyz")[0] == 200


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_asked_even_with_open_connections(signum: signal.Signals) -> None:
    with viewer(str(LINES)) as running, socket.create_connection(("127.0.0.1", running.port), BOUND_S) as idle:
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(12) == b"HTTP/1.1 200"
        running.process.send_signal(signum)
        _, complaints = running.process.communicate(timeout=BOUND_S)
        assert (running.process.returncode, complaints) == (0, "")


def test_a_file_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    live = tmp_path / "later" / "traces.json"
    with viewer(str(live)) as running:
        assert running.health()["spans"] == 0
        assert running.get("/trace-viewer.html")[0] == 200
        live.parent.mkdir()
        live.write_bytes(LINES.read_bytes())
        assert running.wait_for_spans() > 0


def test_the_demo_says_so_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with viewer("--demo", TMPDIR=str(tmp_path)) as running:
        assert running.said.readline().startswith("This is demo traffic. Show your own files with: make run TRACES=")
        assert running.wait_for_spans() > 0
        page = running.get("/trace-viewer.html")[1].decode()
        assert "This is demo traffic." in page
        assert "make run TRACES=" in page
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(BOUND_S) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_request_must_name_a_host_that_is_ours() -> None:
    with viewer(str(LINES), "--allowed-host", "viewer.example") as running:
        assert running.get("/healthz", Host="viewer.example")[0] == 200
        assert running.get("/healthz", Host="evil.example")[0] == 400
        with socket.create_connection(("127.0.0.1", running.port), BOUND_S) as old:
            old.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert old.recv(12) == b"HTTP/1.0 400"


def test_a_port_in_use_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start("--port", str(port), "--demo", TMPDIR=str(tmp_path))
        said, complaint = process.communicate(timeout=BOUND_S)
    assert (process.returncode, said) == (2, "")
    assert complaint == (
        f"app.py: Port {port} on 127.0.0.1 is in use. Stop what listens there ('lsof -i :{port}' or 'ss -ltnp' names it), "
        "or choose another with --port.\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--prot", "9000"], "app.py: Unrecognized arguments: --prot"),
        (["--memory", "lots"], "app.py: --memory 'lots' is not a size."),
        (["--host", "0.0.0.0"], "app.py: --host 0.0.0.0 can be reached from other machines"),
        (
            ["--host", "192.0.2.1", "--trust-proxy-user", "X-User", "--proxy", "192.0.2.2"],
            "app.py: 192.0.2.1 is no address of this machine.",
        ),
    ],
)
def test_a_bad_flag_is_one_sentence_and_exit_code_2(arguments: list[str], complaint: str) -> None:
    process = start(*arguments)
    said, complaints = process.communicate(timeout=BOUND_S)
    assert (process.returncode, said, complaints.count("\n")) == (2, "", 1)
    assert complaints.startswith(complaint)


@contextmanager
def receiver(*arguments: str) -> Iterator[tuple[Viewer, int]]:
    """A viewer that receives, and on which port."""
    with viewer("--otlp", "0", *arguments) as running:
        running.said.readline()  # what is read
        said = running.said.readline()
        receiving = re.match(r"Receiving OTLP/HTTP at http://127\.0\.0\.1:(\d+), ", said)
        assert receiving, said
        yield running, int(receiving[1])


def send(port: int, body: bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=BOUND_S)
    connection.request("POST", "/v1/traces", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = response.status, response.read()
    connection.close()
    return answer


def test_what_is_received_is_in_the_file_and_once_on_the_page(tmp_path: Path) -> None:
    body = (ROOT / "tests/data/variants/js-http-json-bodies/00002-traces.json").read_bytes()
    live = tmp_path / "traces.json"
    with receiver(str(live)) as (running, port):
        assert send(port, body) == (200, b"{}")
        assert send(port, body) == (200, b"{}")  # as an SDK does that did not hear the first answer
        (first, second) = live.read_bytes().splitlines()
        assert first == second
        span_count = running.wait_for_spans()
        assert span_count == first.count(b'"spanId":') - first.count(b'"links":')
        listed = json.loads(running.get("/api/traces")[1])["traces"]
        assert sum(trace["span_count"] for trace in listed) == span_count
        running.process.send_signal(signal.SIGTERM)
        _, complaints = running.process.communicate(timeout=BOUND_S)
        assert (running.process.returncode, complaints) == (0, "")


def test_on_the_console_what_is_received_is_printed_and_the_file_stays_as_it_was(tmp_path: Path) -> None:
    body = (ROOT / "tests/data/variants/python-json-bodies/00001-traces.json").read_bytes()
    live = tmp_path / "traces.json"
    with receiver(str(live), "--otlp-store", "console") as (running, port):
        assert send(port, body) == (200, b"{}")
        lines = iter(running.said.readline, "")
        assert next(line for line in lines if "UPDATE progress" in line).count("  error: no such lesson") == 1
    assert not live.exists()


def test_a_receiver_s_port_in_use_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start("--port", "0", "--otlp", str(port), str(tmp_path / "traces.json"))
        said, complaint = process.communicate(timeout=BOUND_S)
    assert (process.returncode, said) == (2, "")
    assert complaint == (
        f"app.py: Port {port} on 127.0.0.1 is in use. Stop what listens there ('lsof -i :{port}' or 'ss -ltnp' names it), "
        "or choose another with --otlp.\n"
    )


def test_a_live_file_that_cannot_be_written_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    process = start("--port", "0", "--otlp", "0", str(tmp_path / "missing" / "traces.json"))
    said, complaint = process.communicate(timeout=BOUND_S)
    assert (process.returncode, said) == (2, "")
    assert complaint.startswith("app.py: --otlp stores what comes in '")
    assert complaint.count("\n") == 1


def test_a_reader_with_a_token_sees_what_a_stranger_does_not_and_the_terminal_shows_no_token(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("a-token-of-the-team\n")
    with viewer(str(LINES), "--auth-token-file", str(tokens)) as running:
        assert running.get("/api/health")[0] == 401
        assert running.get("/api/health", Authorization="Bearer a-token-of-the-team")[0] == 200
        assert running.get("/api/health?token=a-token-of-the-team")[0] == 401
        assert running.get("/trace-viewer.html")[0] == 401
        tokens.write_text("the-next-token-of-it\n")
        assert running.get("/api/health", Authorization="Bearer a-token-of-the-team")[0] == 401
        assert running.get("/api/health", Authorization="Bearer the-next-token-of-it")[0] == 200
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(BOUND_S) == 0
        assert "token-of" not in running.said.read()
