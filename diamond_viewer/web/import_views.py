"""Routes of imports: the page that lists them, taking one, removing one."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Protocol

from flask import Blueprint, Response, abort, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.imported import ImportedSource, ImportRefusedError
from diamond_viewer.telemetry.units import format_bytes, format_clock, format_count
from diamond_viewer.web.header_poll import poll_header
from diamond_viewer.web.status import status_of
from diamond_viewer.web.swaps import POLL, html, redirection, swap_target
from diamond_viewer.web.uploads import IMPORT_PATH

FORM = "multipart/form-data"


class Imports(Protocol):
    """Who reads files that are pasted or dropped, and holds them."""

    def sources(self) -> Sequence[ImportedSource]: ...

    def store_of(self, number: int) -> tuple[ImportedSource, TraceStore] | None: ...

    def take(self, name: str, content: bytes) -> ImportedSource: ...

    def remove(self, number: int) -> bool: ...


def import_pages(store: TraceStore, clock: Callable[[], int], imports: Imports) -> Blueprint:
    blueprint = Blueprint("imports", __name__)

    def listed(refusal: str = "", status: int = 200) -> Response:
        shown = [(source, said_of(source), _href(source)) for source in imports.sources()]
        page = render_template(
            "import.html", status=status_of(store.health().feed, clock()), shown=shown, refusal=refusal
        )
        return make_response(html(page), status)

    @blueprint.get("/import")
    @blueprint.get(IMPORT_PATH)  # where the form of a refused file stands
    def all_imports() -> Response:
        if swap_target() == POLL:
            return poll_header(store, clock(), has_banner=False)
        return listed()

    @blueprint.post(IMPORT_PATH)
    def take() -> Response:
        """The body of the request, or the file or the text of a form. A form gets pages, everyone else JSON."""
        is_form = request.mimetype == FORM
        try:
            source = imports.take(
                *(_from_form() if is_form else (request.args.get("name", ""), request.get_data(cache=False)))
            )
        except ImportRefusedError as error:
            if is_form:
                return listed(str(error), error.status)
            answer = jsonify(error=str(error))
            answer.status_code = error.status
            return answer
        if is_form:
            response = redirection(_href(source))
            response.status_code = 303
            return response
        answer = jsonify(asdict(source) | {"href": f"{request.script_root}{_href(source)}"})
        answer.status_code = 201
        return answer

    @blueprint.post("/import/<int:number>/remove")
    def remove(number: int) -> Response:
        if not imports.remove(number):
            abort(404, _GONE)
        response = redirection("/import")
        response.status_code = 303
        return response

    @blueprint.get("/import/<int:number>/<path:page>")
    def gone(number: int, page: str) -> HTTPException:
        """What is held never comes this far."""
        abort(404, _GONE)

    return blueprint


_GONE = "This import is not open any more: it was removed, or the viewer was started anew. Import the file again."


def _from_form() -> tuple[str, bytes]:
    file, text = request.files.get("file"), request.form.get("text", "")
    if file is not None and file.filename:
        return file.filename, file.stream.read()
    return "", text.encode()


def _href(source: ImportedSource) -> str:
    opened = f"?trace={source.trace_id}" if source.trace_id else ""
    return f"/import/{source.number}/trace-viewer.html{opened}"


def said_of(source: ImportedSource) -> str:
    """One sentence: what it is, and what of it is shown."""
    spans = f"{format_count(source.spans)} {'span' if source.spans == 1 else 'spans'}"
    lost = source.bad_lines + source.rejected
    left_out = f" {format_count(lost)} could not be read: {source.why or 'no valid ids.'}" if lost else ""
    return (
        f"{source.name}: {source.format}, {format_bytes(source.size_bytes)}, {spans}, "
        f"imported at {format_clock(source.at_ns)[:8]}; read-only.{left_out}"
    )
