"""A request to the Next.js server: the spans that the http instrumentation and Next leave around the platform's own."""

from collections.abc import Iterator
from contextlib import contextmanager

from diamond_viewer.demo.cast import APP, HTTP, NEXT, WEB, WEB_BEFORE, Student
from diamond_viewer.demo.recorder import Context, OpenSpan, Recorder
from diamond_viewer.telemetry.model import KIND_SERVER, AttributeValue, Resource


class Call:
    """A request while it is answered: ``handler`` is the span of the route's own code."""

    def __init__(self, handler: OpenSpan) -> None:
        self.handler = handler
        self.status = 200


@contextmanager
def api(recorder: Recorder, method: str, route: str, target: str = "", remote: Context | None = None) -> Iterator[Call]:
    """A route handler. Only 500 and above make the server spans errors, as the semantic conventions have it."""
    target = target or route
    name = f"{method} {route}"
    with _http(recorder, method, target, remote) as http:
        remote = None if http else remote
        resource = None if http else _web(recorder)
        with recorder.span(
            NEXT, name, _handling(name, method, target, route), kind=KIND_SERVER, resource=resource, remote=remote
        ) as server:
            recorder.spend(0.2, 4)
            _find_page(recorder, route)
            if recorder.random.random() < 0.06:
                loading = _next("load app route module", "AppRouteRouteModule.loadUserland") | {"next.route": route}
                with recorder.span(NEXT, "load app route module", loading):
                    recorder.spend(0.2, 4)
            running = f"executing api route (app) {route}"
            with recorder.span(
                NEXT, running, _next(running, "AppRouteRouteHandlers.runHandler") | {"next.route": route}
            ) as handler:
                recorder.spend(0.2, 1.5)
                call = Call(handler)
                yield call
                recorder.spend(0.1, 1.2)
            _start_response(recorder)
            _answer(server, call.status, "http.status_code")
        if http:
            _answer(http, call.status, "http.response.status_code")


@contextmanager
def page(
    recorder: Recorder, route: str, target: str = "", attributes: dict[str, AttributeValue] | None = None
) -> Iterator[None]:
    """A page behind the middleware: Next opens ``GET``, runs the middleware, and opens ``GET /route`` inside it."""
    target = target or route
    with _http(recorder, "GET", target, None) as http:
        resource = None if http else _web(recorder)
        bubble = _handling("GET", "GET", target, "") | {"next.bubble": True}
        with recorder.span(NEXT, "GET", bubble, kind=KIND_SERVER, resource=resource) as outer:
            recorder.spend(0.3, 1.5)
            _middleware(recorder, target)
            name = f"GET {route}"
            with recorder.span(NEXT, name, _handling(name, "GET", target, route), kind=KIND_SERVER) as server:
                recorder.spend(0.2, 1)
                _find_page(recorder, route)
                rendering = _next(f"render route (app) {route}", "AppRender.getBodyResult") | {"next.route": route}
                with recorder.span(NEXT, f"render route (app) {route}", rendering | (attributes or {})):
                    building = _next("build component tree", "NextNodeServer.createComponentTree")
                    with recorder.span(NEXT, "build component tree", building):
                        recorder.spend(0.8, 5)
                    yield
                _start_response(recorder)
                _answer(server, 200, "http.status_code")
            _answer(outer, 200, "http.status_code")
        if http:
            _answer(http, 200, "http.response.status_code")


def redirect(recorder: Recorder, target: str, has_cookie: bool) -> None:
    """The middleware sends someone without a session to the sign-in page."""
    with _http(recorder, "GET", target, None) as http:
        resource = None if http else _web(recorder)
        bubble = _handling("GET", "GET", target, "") | {"next.bubble": True}
        with recorder.span(NEXT, "GET", bubble, kind=KIND_SERVER, resource=resource) as outer:
            recorder.spend(0.5, 4)
            with _middleware_span(recorder, target) as middleware:
                recorder.spend(0.3, 1.5)
                middleware.event("middleware.redirect", {"from": target, "to": "/login", "hasCookie": has_cookie})
            _answer(outer, 307, "http.status_code")
        if http:
            _answer(http, 307, "http.response.status_code")


def static_page(recorder: Recorder, target: str) -> None:
    """A page without middleware or data: the home page, the sign-in page."""
    with _http(recorder, "GET", target, None) as http:
        resource = None if http else _web(recorder)
        name = f"GET {target}"
        handling = _handling(name, "GET", target, target)
        with recorder.span(NEXT, name, handling, kind=KIND_SERVER, resource=resource) as server:
            recorder.spend(0.4, 2)
            _find_page(recorder, target)
            recorder.spend(0.5, 4)
            _answer(server, 200, "http.status_code")
        if http:
            _answer(http, 200, "http.response.status_code")


def not_found(recorder: Recorder, target: str) -> None:
    """A crawler asks for what is not there: Next never learns a route."""
    with _http(recorder, "GET", target, None) as http:
        resource = None if http else _web(recorder)
        with recorder.span(
            NEXT, "GET", _handling("GET", "GET", target, ""), kind=KIND_SERVER, resource=resource
        ) as server:
            recorder.spend(0.6, 5)
            _answer(server, 404, "http.status_code")
        if http:
            _answer(http, 404, "http.response.status_code")


def session_check(recorder: Recorder, call: Call, student: Student, target: str, *, cookie: bool | None = None) -> bool:
    """NextAuth looks for the session. ``cookie`` None: there is one. Else it fails, with or without a cookie: 401."""
    with recorder.span(APP, "auth.session.check", {"auth.library": "next-auth"}) as check:
        recorder.spend(0.8, 4.5)
        if cookie is None:
            check.attributes["user.id"] = student.user_id
            return True
        check.event("auth.failed", {"hasCookie": cookie, "http.route": target})
        check.fail("Unauthorized")
        recorder.log("warn", "auth failed", {"hasCookie": cookie})
    call.status = 401
    return False


def _web(recorder: Recorder) -> Resource:
    return WEB_BEFORE if recorder.random.random() < 0.08 else WEB


@contextmanager
def _http(recorder: Recorder, method: str, target: str, remote: Context | None) -> Iterator[OpenSpan | None]:
    """The http instrumentation's span, named by the method alone and spelled in the new conventions.

    Not every request has one: the edge answers some without it, and Next's span is then the outermost.
    """
    if recorder.random.random() < 0.3:
        yield None
        return
    path, _, search = target.partition("?")
    attributes: dict[str, AttributeValue] = {
        "http.request.method": method,
        "url.scheme": "http",
        "server.address": "127.0.0.1",
        "network.peer.address": "127.0.0.1",
        "network.peer.port": 50000 + recorder.random.randrange(9000),
        "network.protocol.version": "1.1",
        "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0",
        "url.path": path,
        "client.address": "127.0.0.1",
        "server.port": 3000,
    }
    if search:
        attributes["url.query"] = f"?{search}"
    with recorder.span(HTTP, method, attributes, kind=KIND_SERVER, resource=_web(recorder), remote=remote) as span:
        recorder.spend(0.1, 0.9)
        yield span


def _answer(span: OpenSpan, status: int, key: str) -> None:
    span.attributes[key] = status
    if status >= 500:
        span.attributes["error.type"] = str(status)
        span.fail()


def _next(name: str, kind: str) -> dict[str, AttributeValue]:
    return {"next.span_category": "nextjs", "next.span_name": name, "next.span_type": kind}


def _handling(name: str, method: str, target: str, route: str) -> dict[str, AttributeValue]:
    """Next still writes the conventions of before 2023."""
    attributes = _next(name, "BaseServer.handleRequest") | {
        "http.method": method,
        "http.target": target,
        "next.rsc": False,
    }
    return attributes | ({"next.route": route, "http.route": route} if route else {})


def _middleware_span(recorder: Recorder, target: str) -> OpenSpan:
    attributes = _next("middleware GET", "Middleware.execute") | {"http.target": target, "http.method": "GET"}
    return recorder.span(NEXT, "middleware GET", attributes)


def _middleware(recorder: Recorder, target: str) -> None:
    with _middleware_span(recorder, target):
        recorder.spend(0.2, 1.2)


def _find_page(recorder: Recorder, route: str) -> None:
    resolving = _next("resolve page components", "NextNodeServer.findPageComponents") | {"next.route": route}
    with recorder.span(NEXT, "resolve page components", resolving):
        recorder.spend(0.02, 0.1)
        with recorder.span(NEXT, "load route module", _next("load route module", "LoadComponents.loadRouteModule")):
            recorder.spend(0.03, 0.2)
    with recorder.span(NEXT, "prepare route module", _next("prepare route module", "RouteModule.prepare")):
        recorder.spend(0.15, 2)


def _start_response(recorder: Recorder) -> None:
    with recorder.span(NEXT, "start response", _next("start response", "NextNodeServer.startResponse")):
        recorder.spend(0.01, 0.04)
