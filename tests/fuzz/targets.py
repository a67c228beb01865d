"""What strangers send, and what must hold whatever they send. A target takes bytes and raises when it does not hold.

``make test`` gives them what stands in ``tests/data/fuzz`` and what hypothesis makes up; ``make fuzz`` looks for more.
"""

import io
import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from urllib.parse import quote

from flask.testing import FlaskClient

from diamond_viewer.receive.app import Receiver
from diamond_viewer.telemetry.lines import LineSplitter
from diamond_viewer.telemetry.model import AttributeValue
from diamond_viewer.telemetry.otlp import LineError, decode_line
from diamond_viewer.telemetry.otlp_json import encode_trace
from diamond_viewer.telemetry.redact import redact_attributes, redact_text
from diamond_viewer.web.app import create_app
from tests.asking import NOW_NS
from tests.index.filling import filled
from tests.query.fuzzing import ask
from tests.web.conftest import TRACES

SECRET = "SECRETZ9x8w7v6"
PATHS = (
    *("/trace-viewer.html", "/api/traces", "/api/stats", "/errors", "/operations", "/link", "/search-hints", "/logs"),
    *("/journeys", "/map", "/video", "/api/export", "/api/findings", "/api/logs"),
)
PARAMETERS = (
    "q",
    "user",
    "since",
    "until",
    "status",
    "flag",
    "limit",
    "page",
    "min_ms",
    "trace",
    "format",
    "cursor",
    "sort",
)
ENCODINGS = ("", "gzip", "zstd", "deflate", "x-gzip", "br", "identity")
MEDIA_TYPES = ("application/json", "application/x-protobuf", "text/plain")
SIGNALS = ("/v1/traces", "/v1/metrics", "/v1/logs", "/v1/other")


def line(data: bytes) -> None:
    """A line is telemetry or it is refused with a sentence; what is indexed can be listed, opened and handed on."""
    refusal, span_count = ".", 0
    try:
        span_count = decode_line(data).span_count
    except LineError as error:
        refusal = str(error)
    assert refusal[-1] in ".?!", refusal
    if not span_count:
        return
    store = filled([[data]])
    client = create_app(store, clock=lambda: NOW_NS).test_client()
    listed = client.get("/api/traces?limit=3")
    assert listed.status_code == 200
    for row in (listed.json or {})["traces"]:
        trace = store.trace(row["trace_id"])
        assert trace is not None
        assert len(trace.spans) == row["span_count"]
        json.loads(encode_trace(trace))
        assert client.get(f"/traces/{row['trace_id']}").status_code == 200


def splitter(data: bytes) -> None:
    """However bytes are cut into chunks, lines are the same, and no line is longer than the limit."""
    limit, step = 1 + data[:1][0] if data else 1, 1 + (data[1] % 7 if len(data) > 1 else 0)
    content = data[2:]
    whole, cut = LineSplitter(limit), LineSplitter(limit)
    at_once = whole.feed(content)
    in_pieces = [found for at in range(0, len(content), step) for found in cut.feed(content[at : at + step])]
    assert at_once == in_pieces
    assert (whole.rest, whole.position, whole.gap_bytes) == (cut.rest, cut.position, cut.gap_bytes)
    assert all(len(found) <= limit for _, found in at_once)


def language(data: bytes) -> None:
    """A search is understood or its mistake is named at its place."""
    text = data[1:401].decode("utf-8", "surrogateescape")
    ask(text, data[0] if data else 0)


def address(data: bytes) -> None:
    """Whatever stands in an address, the answer is a page, JSON or a refusal: never a 500."""
    path, parts = PATHS[data[0] % len(PATHS)] if data else "/", data[1:].split(b"\0")[:6]
    query = "&".join(f"{PARAMETERS[part[0] % len(PARAMETERS)]}={quote(part[1:1000])}" for part in parts if part)
    is_poll = bool(data) and data[0] > 200
    headers = {"HX-Request": "true", "HX-Target": "div#status"} if is_poll else {}
    answer = _client().get(f"{path}?{query}", headers=headers)
    status = answer.status_code
    content = answer.get_data(as_text=True)
    answer.close()
    assert status in (200, 204, 302, 400, 404, 414), (path, query, status)
    if path.startswith("/api") and status == 400:
        assert json.loads(content)["error"][-1] in ".?!", content


@lru_cache(maxsize=1)
def _client() -> FlaskClient:
    store = filled([TRACES.read_bytes().splitlines()[:4]])
    return create_app(store, clock=lambda: NOW_NS).test_client()


class _Kept:
    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def store(self, lines: Sequence[bytes]) -> None:
        self.lines += lines

    def close(self) -> None:
        pass


def body(data: bytes) -> None:
    """A body is stored as lines that can be read, or refused with a sentence and a status of its own."""
    head, content = data[:3].ljust(3, b"\0"), data[3:]
    kept = _Kept()
    said: list[str] = []

    def start_response(status: str, headers: object, exc_info: object = None) -> Callable[[bytes], object]:
        said.append(status)
        return lambda _: None

    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": SIGNALS[head[0] % len(SIGNALS)],
        "CONTENT_TYPE": MEDIA_TYPES[head[1] % len(MEDIA_TYPES)],
        "CONTENT_LENGTH": str(len(content)),
        "HTTP_CONTENT_ENCODING": ENCODINGS[head[2] % len(ENCODINGS)],
        "wsgi.input": io.BytesIO(content),
    }
    answer = b"".join(Receiver(kept)(environ, start_response))
    status = int(said[0][:3])
    assert status in (200, 400, 404, 413, 415), said
    assert answer or status == 200
    for stored in kept.lines:
        assert b"\n" not in stored.rstrip(b"\n")
        decode_line(stored.rstrip(b"\n"))


def redaction(data: bytes) -> None:
    """A secret under its name is never shown, whatever stands before and behind it, and what was redacted stays so."""
    text = data.decode("utf-8", "replace").replace(SECRET, "")  # it is planted here, and where else would be chance
    before, _, behind = text.partition("\0")
    for planted in (
        f"?token={SECRET}&x=1",
        f'"apiKey":"{SECRET}"',
        f"Cookie: a={SECRET}",
        f"postgres://u:{SECRET}@h/x",
        f'{{"cookies":[["a","b"],["c","{SECRET}"]]}}',
        f'["x-api-key","{SECRET}"]',
        f'{{"name":"password","value":"{SECRET}"}}',
        f"<password>{SECRET}</password>",
        f"PASSWORD '{SECRET}'",
    ):
        shown = redact_text(f"{before}\n{planted}\n{behind}")
        assert SECRET not in shown, (planted, shown)
    value: AttributeValue = {"password": SECRET, before: [behind, {"X-Api-Key": [SECRET, 7]}]}
    attributes = {"user.password": SECRET, "nested": value, before: behind}
    redacted = redact_attributes(attributes)
    assert SECRET not in str(redacted), redacted
    assert redact_attributes(redacted) == redacted
    shown = redact_text(before + behind)
    assert redact_text(shown) == shown


TARGETS: dict[str, Callable[[bytes], None]] = {
    "line": line,
    "splitter": splitter,
    "language": language,
    "address": address,
    "body": body,
    "redaction": redaction,
}
