"""The file with the tokens that let readers in: one a line, read again whenever it has changed."""

import hmac
import threading
from hashlib import sha256
from pathlib import Path

MIN_TOKEN_LENGTH, MAX_TOKEN_LENGTH = 16, 512
MAX_FILE_BYTES = 64 * 1024


class TokensError(ValueError):
    """The file lets nobody in; the message is a sentence that quotes no token."""


class TokenFile:
    """The tokens that count now. Editing the file takes effect with the next request: a line added lets someone in, a line
    removed shuts out whoever came with it. A file that has gone, or can no longer be used, lets nobody in.
    """

    def __init__(self, path: str) -> None:
        """Raises ``TokensError`` when the file cannot be used."""
        self._path = path
        self._lock = threading.Lock()
        self._seen = _stamp(path)
        self._digests = read_tokens(path)

    def match(self, token: str) -> str | None:
        """The SHA-256 of the token, in hex, if it is one of them. Takes the same time for every token, right or wrong."""
        given = _digest(token)
        found = None
        for digest in self._now():
            if hmac.compare_digest(digest, given):
                found = given
        return found

    def digests(self) -> tuple[str, ...]:
        """The SHA-256 of each token that counts now."""
        return self._now()

    def _now(self) -> tuple[str, ...]:
        with self._lock:
            stamp = _stamp(self._path)
            if stamp != self._seen:
                self._seen = stamp
                try:
                    self._digests = read_tokens(self._path)
                except TokensError:
                    self._digests = ()
            return self._digests


def read_tokens(path: str) -> tuple[str, ...]:
    """SHA-256 of each token: the tokens themselves are not kept. Blank lines and lines that begin with # are passed over."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        lines = content.decode().splitlines()
    except OSError as error:
        raise TokensError(f"cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise TokensError("is no text.") from None
    if len(content) > MAX_FILE_BYTES:
        raise TokensError(f"has more than {MAX_FILE_BYTES:,} bytes.")
    tokens = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not tokens:
        raise TokensError("holds no token. Write one a line, for example what 'openssl rand -hex 32' prints.")
    if any(not MIN_TOKEN_LENGTH <= len(token) <= MAX_TOKEN_LENGTH for token in tokens):
        raise TokensError(f"holds a token that has not {MIN_TOKEN_LENGTH} to {MAX_TOKEN_LENGTH} characters.")
    return tuple(dict.fromkeys(map(_digest, tokens)))


def _digest(token: str) -> str:
    return sha256(token.encode(errors="surrogatepass")).hexdigest()


def _stamp(path: str) -> tuple[int, ...]:
    try:
        stat = Path(path).stat()
    except OSError:
        return ()
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns
