"""create_app: the store's answers over HTTP, as pages, fragments and JSON."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from flask import Flask
from jinja2 import StrictUndefined

from diamond_viewer.settings.configuration import UNCONFIGURED, Configuration
from diamond_viewer.settings.settings import Settings
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.imported import ImportedSource
from diamond_viewer.web.access_log import log_access
from diamond_viewer.web.api import api
from diamond_viewer.web.assets import TOP, Assets, AssetsApp
from diamond_viewer.web.beside import BesideTheLive, mount_of
from diamond_viewer.web.compression import compress
from diamond_viewer.web.crowd import take_turns
from diamond_viewer.web.differences import DifferenceDesk
from diamond_viewer.web.differences_page import difference_pages
from diamond_viewer.web.gate import EVERYBODY, Gate, guard
from diamond_viewer.web.import_views import Imports, import_pages, said_of
from diamond_viewer.web.jaeger_api import jaeger_api
from diamond_viewer.web.journey_views import journey_pages
from diamond_viewer.web.log_views import log_pages
from diamond_viewer.web.map_views import map_pages
from diamond_viewer.web.navigation import lead_on
from diamond_viewer.web.openapi import openapi
from diamond_viewer.web.placed import NOWHERE, BelowPrefix, Place, put_in_place
from diamond_viewer.web.prometheus import prometheus
from diamond_viewer.web.proxied import ByProxy
from diamond_viewer.web.security import protect
from diamond_viewer.web.shared_pages import SharedPages, share_pages
from diamond_viewer.web.tally_api import tally_api
from diamond_viewer.web.tally_views import tally_pages
from diamond_viewer.web.tempo_api import tempo_api
from diamond_viewer.web.trace_views import trace_desk, trace_pages
from diamond_viewer.web.unanswered import explain
from diamond_viewer.web.uploads import IMPORT_PATH, MAX_UPLOAD_BYTES, InMemoryRequest
from diamond_viewer.web.video_views import video_pages
from diamond_viewer.web.views import pages
from diamond_viewer.web.zone import keep_zone


def app_for(store: TraceStore, settings: Settings, imports: Imports | None = None) -> Flask:
    """The application for the readers that the settings let in. Raises ``TokensError``."""
    configuration = settings.configuration
    return create_app(
        store,
        allowed_hosts=settings.trusted_hosts,
        gate=Gate.of(settings),
        imports=imports,
        configuration=configuration,
        place=Place(settings.prefix),
        is_logged=settings.access_log,
    )


def create_app(
    store: TraceStore,
    *,
    allowed_hosts: Sequence[str] = (),
    clock: Callable[[], int] = time.time_ns,
    gate: Gate = EVERYBODY,
    imports: Imports | None = None,
    imported: str = "",
    place: Place = NOWHERE,
    is_logged: bool = False,
    configuration: Configuration = UNCONFIGURED,
) -> Flask:
    """A WSGI application over the store; ``clock`` gives ns since 1970, ``allowed_hosts`` as in ``security.protect``, ``gate``
    says who may look: everybody, unless one is given.

    ``imports`` are shown beside the store, each by an application of its own; such a one says ``imported``, what it shows.
    ``place`` is where its pages stand. ``is_logged``: requests are.
    """
    app = AssetsApp("diamond_viewer", root_path=str(TOP), template_folder="templates", static_folder="static")
    app.jinja_options = {
        "autoescape": True,  # for every template, whatever its name
        "undefined": StrictUndefined,
        "trim_blocks": True,
        "lstrip_blocks": True,
    }
    app.assets = Assets(TOP / "static")
    app.jinja_env.globals["static_url"] = app.assets.url
    app.jinja_env.globals |= {"takes_imports": imports is not None, "imported": imported}
    app.jinja_env.globals |= {
        "site_title": configuration.page.title,
        "shown_facets": configuration.facets.of,
        "links": configuration.links,
    }
    app.request_class = InMemoryRequest
    compress(app)
    put_in_place(app, place)
    protect(app, allowed_hosts, {IMPORT_PATH: MAX_UPLOAD_BYTES} if imports else {})
    guard(app, gate, place.root)
    take_turns(app)  # after protect: a refusal has its headers too
    keep_zone(app)
    explain(app, store, clock)
    if is_logged:
        log_access(app)
    desk = trace_desk(store, clock)
    app.register_blueprint(pages(store, clock, desk))
    app.register_blueprint(trace_pages(store, clock, desk, TOP / "static"))
    differences = DifferenceDesk(store)
    app.register_blueprint(tally_pages(store, clock, differences))
    app.register_blueprint(difference_pages(store, clock, differences))
    app.register_blueprint(video_pages(store, clock))
    app.register_blueprint(map_pages(store, clock))
    app.register_blueprint(log_pages(store, clock))
    app.register_blueprint(journey_pages(store, clock))
    app.register_blueprint(api(store, clock))
    app.register_blueprint(tally_api(store, clock))
    app.register_blueprint(prometheus(store))
    app.register_blueprint(openapi())
    app.register_blueprint(jaeger_api(store, clock))
    app.register_blueprint(tempo_api(store, clock))
    share_pages(app, SharedPages())
    lead_on(app, clock)
    if imports is not None:
        app.register_blueprint(import_pages(store, clock, imports))

        def shown(source: ImportedSource, held: TraceStore) -> Flask:
            return create_app(
                held,
                allowed_hosts=allowed_hosts,
                clock=clock,
                gate=gate,
                imported=said_of(source),
                configuration=configuration,
                place=replace(place, mount=mount_of(source)),
                is_logged=is_logged,
            )

        app.wsgi_app = BesideTheLive(app.wsgi_app, imports, shown)  # type: ignore[method-assign]  # as Flask documents it
    if place.prefix and not place.mount:
        app.wsgi_app = BelowPrefix(app.wsgi_app, place.prefix)  # type: ignore[method-assign]
    if gate.proxies and not place.mount:
        app.wsgi_app = ByProxy(app.wsgi_app, gate.proxies)  # type: ignore[method-assign]
    return app
