"""What waitress may collect of a request before the application sees it."""

from waitress.adjustments import Adjustments

from diamond_viewer.serving import IN_MEMORY_BYTES, MAX_BODY_BYTES
from diamond_viewer.web.uploads import IMPORT_PATH, MAX_OTHER_BYTES, MAX_UPLOAD_BYTES, MAX_UPLOADS, PageRequest


def begun(path: str, size_bytes: int) -> PageRequest:
    request = PageRequest(Adjustments(max_request_body_size=MAX_BODY_BYTES, inbuf_overflow=IN_MEMORY_BYTES))
    request.received(b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (path.encode(), size_bytes))
    return request


def chunked(path: str) -> PageRequest:
    request = PageRequest(Adjustments(max_request_body_size=MAX_BODY_BYTES, inbuf_overflow=IN_MEMORY_BYTES))
    request.received(b"POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" % path.encode())
    return request


def code_of(request: PageRequest) -> int:
    return request.error.code if request.error else 0


def test_only_an_import_may_be_large() -> None:
    assert code_of(begun("/trace-viewer.html", MAX_OTHER_BYTES)) == 413
    assert code_of(begun("/trace-viewer.html", MAX_OTHER_BYTES - 1)) == 0
    assert code_of(begun(IMPORT_PATH, MAX_UPLOAD_BYTES - 1)) == 0
    assert code_of(begun(IMPORT_PATH, MAX_UPLOAD_BYTES + 1)) == 413


def test_a_chunked_body_is_refused_when_it_has_become_too_large() -> None:
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    request = chunked("/errors")
    taken = 0
    while not request.completed:
        request.received(chunk)
        taken += len(chunk)
    assert code_of(request) == 413
    assert taken < MAX_OTHER_BYTES + 2 * len(chunk)


def test_two_uploads_at_a_time_and_the_next_when_one_is_over() -> None:
    under_way = [begun(IMPORT_PATH, 1000) for _ in range(MAX_UPLOADS)]
    assert [code_of(request) for request in under_way] == [0, 0]
    assert code_of(begun(IMPORT_PATH, 1000)) == 503
    under_way.pop()
    assert code_of(begun(IMPORT_PATH, 1000)) == 0
