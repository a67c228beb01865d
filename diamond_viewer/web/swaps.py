"""Answers for htmx: which element asks, and what it gets."""

from flask import Response, make_response, redirect, render_template, request

from diamond_viewer.web.compression import takes_packed

POLL, WHOLE_PAGE_BODY, BESIDE_THE_LIST = "status", "page", "opened"  # ids of the elements that htmx swaps into


def swap_target() -> str:
    """The id of the element that htmx will swap the answer into; empty when a whole page is wanted.

    A history restore and a reload want the whole page even though htmx asks.
    """
    headers = request.headers
    if headers.get("HX-Request") != "true" or headers.get("HX-Request-Type") == "full":
        return ""
    if "HX-History-Restore-Request" in headers:
        return ""
    target = headers.get("HX-Target", "").partition("#")[2]
    return target if target in (POLL, WHOLE_PAGE_BODY, BESIDE_THE_LIST) else ""


def page(template: str, **values: object) -> Response:
    return html(render_template(template, **values))


def html(text: str) -> Response:
    """What ``page`` has rendered, now or for another reader."""
    response = make_response(text)
    response.vary.update(("HX-Request", "HX-Request-Type", "HX-Target"))
    return response


def shared_html(text: str, packed: bytes) -> Response:
    """The same, which has been compressed once for all readers."""
    if not takes_packed():
        return html(text)
    response = make_response(packed)
    response.mimetype = "text/html"
    response.headers["Content-Encoding"] = "gzip"
    response.vary.update(("HX-Request", "HX-Request-Type", "HX-Target", "Accept-Encoding"))
    return response


def nothing_new() -> Response:
    return Response(status=204)


def redirection(href: str) -> Response:
    response = redirect(href)
    assert isinstance(response, Response)
    return response
