"""Assets: URLs of static files that change when the files do, so that a browser may keep what it has forever.

Style sheets and scripts are written in small files and sent in two bundles: one request instead of ten, and a quarter less
to send, because they are compressed together; once, as well as it goes, for all who ask.
"""

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from flask import Response, request

from diamond_viewer.web.access_log import TellsNoValues
from diamond_viewer.web.compression import BEST, packed_text, takes_packed
from diamond_viewer.web.trimming import trimmed_script, trimmed_style

PACKAGE = Path(__file__).parents[1]
# templates/ and static/ stand at the repository's top level, and in the package once it is installed
TOP = PACKAGE if (PACKAGE / "templates").is_dir() else PACKAGE.parent

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
        "typed.js",
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
VENDORED = "htmx-4.0.1.min.js"  # sent as its author published it
MIME_TYPES = {".css": "text/css", ".js": "text/javascript"}
_TRIMMED = {".css": trimmed_style, ".js": trimmed_script}


@dataclass(frozen=True, slots=True)
class Asset:
    """``digest`` is the hash of ``content``; ``packed`` is it as gzip."""

    digest: str
    content: bytes
    packed: bytes


class Assets:
    """Reads and hashes each file once per change on disk; an unknown name is a programmer's mistake and raises."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[list[int], Asset]] = {}  # name -> modification times in ns, what stood there

    def url(self, name: str) -> str:
        return f"/static/{name}?v={self.asset(name).digest}"

    def asset(self, name: str) -> Asset:
        """One of ``BUNDLES``, or a file of the folder."""
        paths = [self._folder / part for part in BUNDLES.get(name, (name,))]
        modified_ns = [path.stat().st_mtime_ns for path in paths]
        known = self._known.get(name)
        if known is None or known[0] != modified_ns:
            content = b"\n".join(path.read_bytes() for path in paths)
            if name in BUNDLES:
                content = _TRIMMED[Path(name).suffix](content.decode()).encode()
            digest = blake2b(content, digest_size=6).hexdigest()
            known = self._known[name] = (modified_ns, Asset(digest, content, packed_text(content, BEST)))
        return known[1]


class AssetsApp(TellsNoValues):
    """Flask, whose static files are those of the folder and the bundles made of them."""

    assets: Assets

    def send_static_file(self, filename: str) -> Response:
        if filename not in BUNDLES and filename != VENDORED:
            return _read_at_once(super().send_static_file(filename))
        asset = self.assets.asset(filename)
        is_packed = takes_packed()
        response = Response(asset.packed if is_packed else asset.content, mimetype=MIME_TYPES[Path(filename).suffix])
        response.vary.add("Accept-Encoding")
        if is_packed:
            response.headers["Content-Encoding"] = "gzip"
        response.set_etag(asset.digest, weak=True)  # the same for both: same content, other bytes
        response.make_conditional(request)
        return response


def _read_at_once(sent: Response) -> Response:
    """The same answer without an open file behind it: nobody has to close what a reader who leaves has not taken."""
    sent.direct_passthrough = False
    pieces = sent.response
    content = b"".join(piece for piece in pieces if isinstance(piece, bytes))
    if callable(close := getattr(pieces, "close", None)):
        close()
    sent.response = [content] if sent.status_code in (200, 206) else []  # 304 has no body
    return sent
