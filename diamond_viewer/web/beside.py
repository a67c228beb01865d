"""Imports beside the live files: below ``/import/<number>`` stand all pages once more, over the import's own store.

The pages' links are absolute, so they are led back below that address on their way out; only markup of the templates looks like
the links meant here, because a quotation mark in a value is escaped.
"""

import gzip
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from flask import Flask, Response, request

from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.imported import ImportedSource
from diamond_viewer.web.standstill import STANDSTILL

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from diamond_viewer.web.import_views import Imports

_PLACE = re.compile(r"/import/(\d{1,9})(/(?!remove$).*)", re.DOTALL)
_LINKS = re.compile(
    rb'(?<=[\s])((?:href|src|action|formaction|hx-get|hx-post|data-copy|data-from|data-href|data-rows)=")/(?!/|static/|import\b)'
)
_LINK_HEADERS = ("Location", "HX-Replace-Url", "HX-Push-Url")


class BesideTheLive:
    """WSGI: the application of an import where its address is asked for, else ``live``."""

    def __init__(
        self, live: "WSGIApplication", imports: "Imports", shown: Callable[[ImportedSource, TraceStore], Flask]
    ) -> None:
        self._live = live
        self._imports = imports
        self._shown = shown
        self._applications: dict[int, Flask] = {}

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        place = _PLACE.fullmatch(environ.get("PATH_INFO", ""))
        held = self._imports.store_of(int(place[1])) if place else None
        if place is None or held is None:
            return self._live(environ, start_response)
        for number in [number for number in self._applications if self._imports.store_of(number) is None]:
            self._applications.pop(number, None)  # removed meanwhile
        source, store = held
        application = self._applications.get(source.number)
        if application is None:
            application = self._applications[source.number] = _placed(self._shown(source, store), source.number)
        environ["SCRIPT_NAME"], environ["PATH_INFO"] = f"/import/{source.number}", place[2]
        environ.pop(STANDSTILL, None)  # that is about the live store
        return application(environ, start_response)


def _placed(app: Flask, number: int) -> Flask:
    prefix = f"/import/{number}"

    def lead_below(response: Response) -> Response:
        for name in _LINK_HEADERS:
            target = response.headers.get(name, "")
            if target.startswith("/") and not target.startswith((f"{prefix}/", "//")):
                response.headers[name] = prefix + target
        if response.mimetype == "text/html" and not response.direct_passthrough:
            content = response.get_data()
            if response.headers.pop("Content-Encoding", "") == "gzip":
                content = gzip.decompress(content)
            response.set_data(_LINKS.sub(rb"\1" + prefix.encode() + b"/", content))
        elif request.path == "/link" and response.get_data()[:1] == b"/":
            response.set_data(prefix.encode() + response.get_data())
        return response

    app.after_request(lead_below)  # what is registered last runs first: before the answer is compressed
    return app
