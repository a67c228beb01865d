"""Compression: answers of text leave gzipped when the browser takes that; a page of 50 traces shrinks to a tenth."""

import gzip

from flask import Flask, Response, request

MIN_BYTES = 1_000  # less costs more than it saves
LEVEL = 4  # on a page of traces 1 % larger than level 6 in half the time
BEST = 9  # 4 % less in three times the time: for what is packed once
TEXT_TYPES = ("text/html", "text/plain", "application/json", "text/css", "text/javascript", "image/svg+xml")


def packed_text(content: bytes, level: int = LEVEL) -> bytes:
    return gzip.compress(content, level, mtime=0)


def takes_packed() -> bool:
    """Whether the browser that asks takes gzip."""
    return request.accept_encodings["gzip"] > 0


def compress(app: Flask) -> None:
    """Register the compression of every answer of ``app`` that is worth it."""
    app.after_request(_compressed)


def _compressed(response: Response) -> Response:
    if response.mimetype not in TEXT_TYPES or "Content-Encoding" in response.headers:
        return response
    response.vary.add("Accept-Encoding")
    if not takes_packed() or response.status_code != 200:
        return response
    if response.is_streamed and not response.direct_passthrough:
        return response  # an export: to be sent while it is made
    response.direct_passthrough = False  # static files stream from disk otherwise
    content = response.get_data()
    if len(content) >= MIN_BYTES:
        response.set_data(packed_text(content))
        response.headers["Content-Encoding"] = "gzip"
        if response.get_etag()[0]:
            response.headers["ETag"] = f'W/"{response.get_etag()[0]}"'  # same content, other bytes
    return response
