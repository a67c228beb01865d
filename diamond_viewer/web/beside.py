"""Imports beside the live files: below ``/import/<number>`` stand all pages once more, over the import's own store."""

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from flask import Flask

from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.imported import ImportedSource
from diamond_viewer.web.standstill import STANDSTILL

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from diamond_viewer.web.import_views import Imports

_PLACE = re.compile(r"/import/(\d{1,9})(/(?!remove$).*)", re.DOTALL)


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
            application = self._applications[source.number] = self._shown(source, store)
        environ["SCRIPT_NAME"] = f"{environ.get('SCRIPT_NAME', '')}{mount_of(source)}"
        environ["PATH_INFO"] = place[2]
        environ.pop(STANDSTILL, None)  # that is about the live store
        return application(environ, start_response)


def mount_of(source: ImportedSource) -> str:
    return f"/import/{source.number}"
