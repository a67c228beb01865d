"""Where an application's pages stand: below a prefix that a proxy gives them, and an import's below its number there.

Views and templates know nothing of it: every address in them begins at the viewer's own root. Addresses are led to where they
really stand where a template is compiled, at the attributes that hold them, and where an answer names one in its headers.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request
from jinja2.ext import Extension

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LINK_ATTRIBUTES = (
    *("href", "src", "action", "formaction", "hx-get", "hx-post"),
    *("data-copy", "data-from", "data-href", "data-rows", "data-quiet", "data-trouble"),
)
_LINK = re.compile(
    rf'(?<=\s)(?P<begin>(?:{"|".join(LINK_ATTRIBUTES)})=")(?:\{{\{{(?P<value>(?:(?!\}}\}}).)+)\}}\}}|(?P<path>/[^"{{]*))'
)
_LINK_HEADERS = ("Location", "HX-Replace-Url", "HX-Push-Url")
_OF_ALL = ("/static/", "/import")  # what an import shares with the live pages


@dataclass(frozen=True, slots=True)
class Place:
    """``prefix`` is empty or like ``/viewer``, ``mount`` empty or like ``/import/3``; one stands below the other."""

    prefix: str = ""
    mount: str = ""

    @property
    def root(self) -> str:
        """The live pages' root, which ends with a slash."""
        return f"{self.prefix}/"

    def below(self, href: Any) -> Any:
        """Where an address of the viewer's own really stands; what is none comes back as it is.

        >>> place = Place("/viewer", "/import/3")
        >>> [place.below(href) for href in ("/errors?q=1", "/static/a.css", "/import", "//evil.example", "#a")]
        ['/viewer/import/3/errors?q=1', '/viewer/static/a.css', '/viewer/import', '//evil.example', '#a']
        """
        if not isinstance(href, str) or not href.startswith("/") or href.startswith("//"):
            return href
        return f"{self.prefix}{'' if href.startswith(_OF_ALL) else self.mount}" + href  # + keeps Markup what it is


NOWHERE = Place()


class LinksBelow(Extension):
    """Leads the addresses in a template's attributes below ``environment.place``, once, when the template is compiled."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        place: Place = self.environment.place  # type: ignore[attr-defined]  # extend() put it there

        def led(match: re.Match[str]) -> str:
            if match["path"]:
                return f"{match['begin']}{place.below(match['path'])}"
            return f"{match['begin']}{{{{ ({match['value'].strip()})|below }}}}"

        return _LINK.sub(led, source)


def put_in_place(app: Flask, place: Place) -> None:
    """To be called before anything is rendered."""
    app.jinja_env.globals["root"] = place.root
    if place == NOWHERE:
        return
    app.jinja_env.extend(place=place)
    app.jinja_env.filters["below"] = place.below
    app.jinja_env.add_extension(LinksBelow)

    def lead_below(response: Response) -> Response:
        for name in _LINK_HEADERS:
            if name in response.headers:
                response.headers[name] = place.below(response.headers[name])
        if request.path.partition("/link")[:2] == ("", "/link") and response.mimetype == "text/plain":
            response.set_data(place.below(response.get_data(as_text=True)))  # an address to be copied
        return response

    app.after_request(lead_below)  # what is registered last runs first: before the answer is compressed


class BelowPrefix:
    """WSGI: takes the prefix off the path, also when the proxy has done so already."""

    def __init__(self, application: "WSGIApplication", prefix: str) -> None:
        self._application, self._prefix = application, prefix

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == self._prefix or path.startswith(f"{self._prefix}/"):
            environ["PATH_INFO"] = path[len(self._prefix) :] or "/"
        environ["SCRIPT_NAME"] = self._prefix
        return self._application(environ, start_response)
