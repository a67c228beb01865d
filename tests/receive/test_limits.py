"""Bombs, slow senders and crowds: refused before memory is spent on them, with an answer."""

import gzip
import http.client
import io
import socket
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard

from diamond_viewer.receive import connections
from diamond_viewer.receive.bodies import MAX_BODY_BYTES, BodyError, read_body
from tests import writing
from tests.receive.receiving import BOUND_S, PROTOBUF, Running, receiving

MIB = 1024**2


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with receiving(tmp_path) as receiver:
        yield receiver


def repeated(compressor: "zlib._Compress | zstandard.ZstdCompressionObj", times: int) -> bytes:
    """``times`` MiB of blanks, compressed without ever being in memory."""
    mebibyte = b" " * MIB
    return b"".join(compressor.compress(mebibyte) for _ in range(times)) + compressor.flush()


BOMBS = [
    pytest.param("gzip", lambda: repeated(zlib.compressobj(wbits=31), 300), id="gzip"),
    pytest.param("deflate", lambda: repeated(zlib.compressobj(wbits=15), 300), id="deflate"),
    pytest.param("zstd", lambda: repeated(zstandard.ZstdCompressor().compressobj(), 300), id="zstd"),
    pytest.param("gzip", lambda: gzip.compress(b" " * MIB) * 300, id="gzip of many members"),
    pytest.param("zstd", lambda: zstandard.compress(b" " * MIB) * 300, id="zstd of many frames"),
]


@pytest.mark.parametrize(("encoding", "make"), BOMBS)
def test_a_bomb_is_refused_and_takes_no_more_memory_than_the_limit(encoding: str, make: Callable[[], bytes]) -> None:
    bomb = make()
    assert len(bomb) < MIB
    tracemalloc.start()
    try:
        with pytest.raises(BodyError, match="more than 8 MiB, decompressed") as refusal:
            read_body(io.BytesIO(bomb), encoding, 8 * MIB)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert refusal.value.status == 413
    assert peak_bytes < 40 * MIB


def test_a_zstd_frame_that_asks_for_a_huge_window_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(BodyError, match="The body is not zstd"):
        read_body(io.BytesIO(compressor.compress(b" " * MIB) + compressor.flush()), "zstd")


def test_a_bomb_sent_to_the_receiver_is_answered_with_413(running: Running) -> None:
    bomb = repeated(zlib.compressobj(wbits=31), MAX_BODY_BYTES // MIB + 1)
    answer = running.send(bomb, Content_Encoding="gzip")
    assert (answer.status, answer.sentence) == (413, "The body has more than 64 MiB, decompressed.")


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_that_is_too_large_is_read_to_its_end_and_answered(running: Running, is_chunked: bool) -> None:
    parts = [b" " * MIB] * (MAX_BODY_BYTES // MIB + 1)
    answer = running.send(iter(parts) if is_chunked else b"".join(parts), content_type=PROTOBUF)
    assert answer.status == 413
    assert answer.headers["Content-Type"] == PROTOBUF
    assert answer.body.startswith(b"\x08\x08\x12")
    assert b"The body has more than 64 MiB." in answer.body
    assert running.send(b"{}").status == 200


def test_a_body_of_exactly_the_limit_is_read(running: Running) -> None:
    assert running.send(b"{}" + b" " * (MAX_BODY_BYTES - 2)).status == 200


SLOW = [
    pytest.param(b"POST /v1/tra", id="half a line"),
    pytest.param(b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", id="half a body"),
    pytest.param(b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", id="half a chunk"),
]


@pytest.mark.parametrize("beginning", SLOW)
def test_who_takes_too_long_hears_so_and_is_disconnected(
    running: Running, beginning: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 0.2)
    with socket.create_connection(("127.0.0.1", running.port), BOUND_S) as slow:
        slow.sendall(beginning)
        answer = b"".join(iter(lambda: slow.recv(4096), b""))
    assert answer.startswith((b"HTTP/1.1 408", b"HTTP/1.0 408"))
    assert b'"code":4' in answer
    assert running.send(b"{}").status == 200


def test_a_connection_that_only_waits_is_not_slow(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "REQUEST_S", 0.2)
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=BOUND_S)
    connection.request("POST", "/v1/traces", b"{}", {"Content-Type": "application/json"})
    assert connection.getresponse().read() == b"{}"
    kept = connection.sock
    give_up_at = time.monotonic() + 1
    while time.monotonic() < give_up_at:  # more looks than one at who is slow
        running.send(b"{}")
    connection.request("POST", "/v1/traces", b"{}", {"Content-Type": "application/json"})
    assert connection.getresponse().read() == b"{}"
    assert connection.sock is kept
    connection.close()


def test_bodies_that_together_take_too_much_are_refused_for_now(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_PENDING_BYTES", 4 * MIB)
    head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (
        8 * MIB
    )
    with socket.create_connection(("127.0.0.1", running.port), BOUND_S) as crowd:
        crowd.sendall(head + b" " * (5 * MIB))
        answer = crowd.recv(4096)
    assert answer.startswith(b"HTTP/1.1 429")
    assert b"Retry-After: 10" in answer
    assert running.send(b"{}").status == 200


def test_a_chunk_whose_size_never_ends_is_refused(running: Running) -> None:
    with socket.create_connection(("127.0.0.1", running.port), BOUND_S) as endless:
        head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        endless.sendall(head + b"0" * 20_000)
        assert endless.recv(4096).startswith(b"HTTP/1.1 400")


def test_headers_that_are_too_long_are_refused_in_otlp_s_words(running: Running) -> None:
    answer = running.send(b"{}", X_Long="x" * 70_000)
    assert (answer.status, answer.sentence) == (431, "The headers are too long.")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"resourceSpans":[' + b"{}," * 3_000_000 + b"{}]}", id="objects"),
        pytest.param(b'{"a":[' + b"[]," * 3_000_000 + b"[]]}", id="arrays"),
    ],
)
def test_a_body_of_millions_of_tiny_things_is_refused_before_they_are_made(running: Running, body: bytes) -> None:
    answer = running.send(body)
    assert (answer.status, answer.sentence) == (413, "The body has more than 3,000,000 objects and arrays.")


def test_an_envelope_of_a_million_parts_is_refused(running: Running) -> None:
    body = b"\x0a\x00" * 1_000_001
    answer = running.send(body, content_type=PROTOBUF)
    assert answer.status == 413
    assert b"more than 1,000,000 parts" in answer.body


def test_a_span_that_is_too_large_is_rejected_alone(running: Running) -> None:
    large = writing.span(1, attributes={"blob": "x" * (8 * MIB)})
    answer = running.send(writing.line(large, writing.span(2)))
    assert answer.status == 200
    assert b'"rejectedSpans":"1"' in answer.body
    assert b"8,388,608 bytes" in answer.body
    assert len(running.documents()) == 1
