"""When the store is elsewhere and cannot answer: a designed page, a sentence for programs, and no need to reload."""

from flask import Flask, Response, make_response, render_template, request

from diamond_viewer.store import StoreError, reader_has_left
from diamond_viewer.web.dialects import error_answer
from diamond_viewer.web.swaps import POLL, swap_target

TITLE = "The cluster cannot answer now"
AGAIN_S = 5  # a page that could not be shown asks again by itself after so long
DISCONNECTED = (
    "waitress.client_disconnected"  # in a WSGI environment: a function that says whether the browser has left
)


def explain(app: Flask) -> None:
    """Answers of ``app`` to questions that its store could not answer; and whoever leaves takes the question along."""
    app.before_request(_watch_reader)
    app.register_error_handler(StoreError, _unanswered)


def _watch_reader() -> None:
    reader_has_left.set(request.environ.get(DISCONNECTED, lambda: False))


def _unanswered(error: StoreError) -> Response:
    sentence = str(error)
    response = error_answer(request.path, 503, sentence)
    if response is None:
        page = render_template("error.html", status=503, title=TITLE, sentence=sentence)
        response = make_response(page, 503)
        target = swap_target()
        if not target:
            response.headers["Refresh"] = str(AGAIN_S)  # the same address: it shows itself when the cluster is back
        elif target != POLL:
            response.headers["HX-Refresh"] = "true"  # whoever clicked gets to see why nothing came
    response.headers["Retry-After"] = str(AGAIN_S)
    return response
