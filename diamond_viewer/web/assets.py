"""Assets: URLs of static files that change when the files do, so that a browser may keep what it has forever."""

from hashlib import blake2b
from pathlib import Path


class Assets:
    """Hashes each file once per change on disk; an unknown name is a programmer's mistake and raises."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[int, str]] = {}  # name -> modification time in ns, hash

    def url(self, name: str) -> str:
        path = self._folder / name
        modified_ns = path.stat().st_mtime_ns
        known = self._known.get(name)
        if known is None or known[0] != modified_ns:
            known = (modified_ns, blake2b(path.read_bytes(), digest_size=6).hexdigest())
            self._known[name] = known
        return f"/static/{name}?v={known[1]}"
