"""Assets: URLs of static files that change when the files do, so that a browser may keep what it has forever.

Style sheets and scripts are written in small files and sent in two bundles: one request instead of ten, and a quarter less
to send, because they are compressed together.
"""

from hashlib import blake2b
from pathlib import Path

from flask import Response, request

from diamond_viewer.web.access_log import TellsNoValues

BUNDLES = {
    "pages.css": (
        "tokens.css",
        "viewer.css",
        "traces.css",
        "diagnosis.css",
        "search.css",
        "facets.css",
        "window.css",
        "tallies.css",
        "trace.css",
        "waterfall.css",
        "span.css",
        "story.css",
        "charts.css",
        "video.css",
        "logs.css",
        "map.css",
        "journeys.css",
        "media.css",
    ),
    "pages.js": (
        "viewer.js",
        "live.js",
        "trace.js",
        "waterfall.js",
        "span_arrows.js",
        "search.js",
        "histogram.js",
        "kept.js",
        "notify.js",
        "hints.js",
    ),
}  # name -> the files it is made of, in their order
MIME_TYPES = {".css": "text/css", ".js": "text/javascript"}


class Assets:
    """Hashes each file once per change on disk; an unknown name is a programmer's mistake and raises."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[list[int], str, bytes]] = {}  # name -> modification times in ns, hash, content

    def url(self, name: str) -> str:
        return f"/static/{name}?v={self._current(name)[0]}"

    def bundle(self, name: str) -> tuple[str, bytes]:
        """Hash and content of one of ``BUNDLES``."""
        return self._current(name)

    def _current(self, name: str) -> tuple[str, bytes]:
        paths = [self._folder / part for part in BUNDLES.get(name, (name,))]
        modified_ns = [path.stat().st_mtime_ns for path in paths]
        known = self._known.get(name)
        if known is None or known[0] != modified_ns:
            content = b"\n".join(path.read_bytes() for path in paths)
            known = (modified_ns, blake2b(content, digest_size=6).hexdigest(), content if name in BUNDLES else b"")
            self._known[name] = known
        return known[1:]


class AssetsApp(TellsNoValues):
    """Flask, whose static files are those of the folder and the bundles made of them."""

    assets: Assets

    def send_static_file(self, filename: str) -> Response:
        if filename not in BUNDLES:
            return super().send_static_file(filename)
        digest, content = self.assets.bundle(filename)
        response = Response(content, mimetype=MIME_TYPES[Path(filename).suffix])
        response.set_etag(digest)
        response.make_conditional(request)
        return response
