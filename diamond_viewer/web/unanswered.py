"""When the store is elsewhere and cannot answer: a designed page, a sentence for programs, and no need to reload."""

from collections.abc import Callable

from flask import Flask, Response, make_response, render_template, request

from diamond_viewer.store import StoreError, TraceStore, reader_has_left
from diamond_viewer.web.dialects import error_answer
from diamond_viewer.web.header_poll import failed_status, header_answer
from diamond_viewer.web.swaps import POLL, swap_target

TITLE = "The cluster cannot answer now"
AGAIN_S = 5  # a page that could not be shown asks again by itself after so long
DISCONNECTED = (
    "waitress.client_disconnected"  # in a WSGI environment: a function that says whether the browser has left
)


def explain(app: Flask, store: TraceStore, clock: Callable[[], int]) -> None:
    """Answers of ``app`` to questions that its store could not answer; and whoever leaves takes the question along. ``clock``
    gives ns since 1970."""

    def unanswered(error: StoreError) -> Response:
        if swap_target() == POLL:  # what is shown stays, and says so: the browser has not lost the viewer
            return header_answer(failed_status(store, error, clock()))
        return _unanswered(str(error))

    app.before_request(_watch_reader)
    app.register_error_handler(StoreError, unanswered)


def _watch_reader() -> None:
    reader_has_left.set(request.environ.get(DISCONNECTED, lambda: False))


def _unanswered(sentence: str) -> Response:
    response = error_answer(request.path, 503, sentence)
    if response is None:
        page = render_template("error.html", status=503, title=TITLE, sentence=sentence)
        response = make_response(page, 503)
        if swap_target():
            response.headers["HX-Refresh"] = "true"  # whoever clicked gets to see why nothing came
        else:
            response.headers["Refresh"] = str(AGAIN_S)  # the same address: it shows itself when the cluster is back
    response.headers["Retry-After"] = str(AGAIN_S)
    return response
