"""What a proxy says of a reader: believed of the addresses that ``--proxy`` names, and of nobody else."""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CAME_BY_PROXY = "diamond_viewer.came_by_proxy"  # in a WSGI environment: that a proxy of ours brought the request


class ByProxy:
    """WSGI: the reader's address and scheme instead of the proxy's. Of several addresses the last counts: the proxy saw it."""

    def __init__(self, application: "WSGIApplication", proxies: Iterable[str]) -> None:
        self._application, self._proxies = application, frozenset(proxies)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        is_ours = address_of(environ.get("REMOTE_ADDR", "")) in self._proxies
        environ[CAME_BY_PROXY] = is_ours
        if is_ours:
            if reader := address_of(environ.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2]):
                environ["REMOTE_ADDR"] = reader
            if environ.get("HTTP_X_FORWARDED_PROTO", "").strip().lower() == "https":
                environ["wsgi.url_scheme"] = "https"
        return self._application(environ, start_response)


def address_of(text: str) -> str:
    """The one spelling of an address; empty for what is none.

    >>> [address_of(text) for text in (" 10.0.0.2 ", "::ffff:10.0.0.2", "0:0::1", "nginx", "")]
    ['10.0.0.2', '10.0.0.2', '::1', '', '']
    """
    try:
        address = ip_address(text.strip())
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)
