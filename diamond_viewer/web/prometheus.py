"""The route ``/metrics``. Whoever is not scraped need not wait at the start for Prometheus' client."""

import functools
import threading
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from diamond_viewer.store import TraceStore

if TYPE_CHECKING:
    from diamond_viewer.web.exposition import Exposition


def prometheus(store: TraceStore) -> Blueprint:
    """The blueprint of ``/metrics``, as Prometheus' text or as OpenMetrics (with exemplars), as the scraper asks."""
    blueprint = Blueprint("prometheus", __name__)
    first = threading.Lock()

    @functools.cache
    def exposition() -> "Exposition":
        from diamond_viewer.web.exposition import Exposition

        return Exposition(store)

    @blueprint.get("/metrics")
    def metrics() -> Response:
        with first:  # what never goes down has one memory of what it was
            made = exposition()
        text, content_type = made.said(request.headers.get("Accept", ""))
        return Response(text, content_type=content_type)

    return blueprint
