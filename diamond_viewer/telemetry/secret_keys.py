"""Which names hold secrets: of attributes, headers, cookies, parameters of addresses, members of JSON.

Names are compared by their words: ``X-API-Key``, ``xApiKey``, ``x_api_key`` and ``x.api.key`` are one name.
"""

import re
import unicodedata
from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise
from urllib.parse import unquote

from diamond_viewer.telemetry.own_secrets import rules, words_of

MAX_NAME = 256  # characters that are looked at, from the end: a longer name is no name
MAX_PARAMETER_NAME = 80

# what follows decides: "password", "user.password.hash" and "password2" are secret, "password.length" is not
STRONG_WORDS = frozenset(
    (
        *("password", "passwd", "pwd", "passphrase", "passcode", "secret", "token", "jwt", "bearer", "otp"),
        *("authorization", "cookie", "cookie2", "credential", "apikey", "accesskey", "privatekey", "secretkey"),
        *("passwords", "secrets", "tokens", "cookies", "credentials", "apikeys", "setcookie", "sessid", "sid"),
        *("cred", "creds"),
    )
)
# a word that ends or begins with one of these counts as one: "sessiontoken", "password1"
STRONG_ENDINGS = (
    *("password", "passwd", "secret", "token", "cookie", "apikey", "authorization", "credential", "sessid"),
    *("accesskey", "secretkey", "privatekey", "accesskeyid"),
)
STRONG_BEGINNINGS = ("authorization",)
STRONG_PARTS = ("password", "passwd")
# the key of a lock; "aws.s3.key", "messaging.message.key" and "public_key" are not
KEY_OWNERS = frozenset(("api", "access", "private", "secret", "encryption", "signing", "auth", "account", "master"))
# "session" alone, or its id, is one; "session.duration" and "auth.session.check" are not
SESSION_ENDINGS = frozenset(("id", "ids", "key", "value", "data", "hash", "raw"))
# the semantic conventions' session of a visit, which opens nothing; spelt like this and not otherwise
ORDINARY_NAMES = frozenset(("session.id", "session.previous_id"))
# a secret's name with one of these as its last word says something about the secret, not the secret
HARMLESS_ENDINGS = frozenset(
    (
        *("count", "counts", "total", "sum", "length", "len", "size", "bytes", "chars", "max", "min", "limit", "usage"),
        *("type", "kind", "name", "names", "provider", "strategy", "method", "algorithm", "alg", "scope", "scopes"),
        *("present", "exists", "valid", "invalid", "missing", "required", "enabled", "expired", "check", "checked"),
        *(
            "status",
            "state",
            "result",
            "reason",
            "error",
            "errors",
            "source",
            "issuer",
            "audience",
            "version",
            "policy",
        ),
        *(
            "ttl",
            "age",
            "at",
            "ms",
            "s",
            "seconds",
            "duration",
            "expires",
            "expiry",
            "expiration",
            "created",
            "rotated",
        ),
        *("endpoint", "host", "path", "domain", "samesite", "secure", "httponly", "percent", "ratio", "index"),
    )
)
SIGNED_ADDRESS_NAMES = frozenset(
    (
        *("sig", "signature", "awsaccesskeyid", "googleaccessid"),
        *("xamzsignature", "xamzcredential", "xamzsecuritytoken"),
    )
)
SIGNED_ADDRESS_PREFIX = ("x", "goog")
SIGNATURES = frozenset(("sig", "signature"))
QUERY_WORDS = frozenset(("query", "param", "params", "parameter", "parameters"))  # url.query.sig is what ?sig= is
AUTH_COOKIE = re.compile(r"(?:__(?:secure|host)-)?(?:next-auth|authjs)\.", re.IGNORECASE)
# below the name of an attribute, where next-auth.version is no cookie
AUTH_COOKIE_KEY = re.compile(
    r"(?:next-auth|authjs)\.(?:session-token|callback-url|csrf-token|pkce\.code_verifier|state|nonce|challenge)",
    re.IGNORECASE,
)
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")  # a letter as JSON may write it
_GLUED_ESCAPE = re.compile(r"^u00(?:26|3[fF]|3[bB]|22)")  # what Go writes for & in JSON, without its backslash
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")  # characters without a width, within a word


class Secrecy(IntEnum):
    NONE = 0
    TEXT = 1  # texts are secret; numbers are counts, sizes, ages
    ALL = 2  # numbers too: a PIN under "password" is one


def secrecy(name: str) -> Secrecy:
    """What must not be shown under this name, however it is written: in other letters of Unicode for the same ones, with
    ``%2D`` for ``-``. Constant time: of a long name the last 256 characters count.

    >>> [n for n in ("Set-Cookie", "X-API-Key", "userPassword", "refresh_token", "session", "db.credentials",
    ...     "http.request.header.proxy-authorization", "sessionToken", "APIKEY", "aws_secret_access_key", "session_id",
    ...     "__Secure-next-auth.session-token.0", "AWSAccessKeyId", "X-Amz-Signature", "api key") if not secrecy(n)]
    []
    >>> [n for n in ("session.id", "auth.session.check", "session.duration", "aws.s3.key", "messaging.message.key",
    ...     "token_type", "password.length", "tokenizer", "cookie.count", "author", "sign_in", "X-Amz-Algorithm",
    ...     "session_count", "idempotency_key", "passenger", "auth.provider", "code.function.signature") if secrecy(n)]
    []
    >>> secrecy("gen_ai.usage.input_tokens"), secrecy("llm.token_count.prompt"), secrecy("password")
    (<Secrecy.TEXT: 1>, <Secrecy.TEXT: 1>, <Secrecy.ALL: 2>)
    """
    name = name[-MAX_NAME:]
    return max(_secrecy(name), _parameter_secrecy(name)) if "%" in name else _secrecy(name)


def parameter_secrecy(name: str) -> Secrecy:
    """The same for a name as it stands in an address, a cookie or a text, where ``%2D`` may be written for ``-``.

    >>> [parameter_secrecy(name).name for name in ("x%2Damz%2dsignature", "X-Goog-Date", "next-auth.callback-url", "q")]
    ['ALL', 'ALL', 'ALL', 'NONE']
    """
    return _parameter_secrecy(name[-MAX_PARAMETER_NAME:])


@lru_cache(maxsize=4096)
def _parameter_secrecy(name: str) -> Secrecy:
    if "\\u" in name:
        name = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), name)
    name = _GLUED_ESCAPE.sub("", name)
    for _ in range(3):  # an address inside an address inside an address
        if "%" not in name:
            break
        name = re.split(r"[?&;=#/,\s]", unquote(name))[-1]
    return Secrecy.ALL if AUTH_COOKIE.match(name) else _secrecy(name)


@lru_cache(maxsize=4096)
def _secrecy(name: str) -> Secrecy:
    words = words_of(name if name.isascii() else folded(name))
    if rules().names_secret(words):
        return Secrecy.ALL
    if not words or name in ORDINARY_NAMES:
        return Secrecy.NONE
    glued = "".join(words)
    if glued in SIGNED_ADDRESS_NAMES or glued.startswith("xgoog") or glued.endswith("xamzsignature"):
        return Secrecy.ALL
    if SIGNED_ADDRESS_PREFIX in pairwise(words) or AUTH_COOKIE_KEY.search(name):
        return Secrecy.ALL
    last = words[-1]
    if last in SIGNATURES and words[-2] in QUERY_WORDS:  # alone it is one of the names above
        return Secrecy.ALL
    if last in HARMLESS_ENDINGS and len(words) > 1:
        return Secrecy.NONE
    if _is_strong(words) or glued.endswith("sessionid") or _is_session(words):
        return Secrecy.ALL if _is_strong([last.removesuffix("s")]) and last[-1] != "s" else Secrecy.TEXT
    return Secrecy.TEXT if last == "pass" else Secrecy.NONE  # SMTP_PASS; a number is how many passed


def _is_strong(words: Sequence[str]) -> bool:
    return any(map(_is_strong_word, words)) or any(
        second in ("key", "keys") and first in KEY_OWNERS for first, second in pairwise(words)
    )


def _is_strong_word(word: str) -> bool:
    word = word.rstrip("0123456789")
    return (
        word in STRONG_WORDS
        or word.endswith(STRONG_ENDINGS)
        or word.startswith(STRONG_BEGINNINGS)
        or any(part in word for part in STRONG_PARTS)
    )


def _is_session(words: Sequence[str]) -> bool:
    return words[-1] == "session" or (len(words) > 1 and words[-2] == "session" and words[-1] in SESSION_ENDINGS)


def folded(text: str) -> str:
    """The plain letters that a reader takes these for: full-width ones, and none between which nothing is seen.

    >>> folded("\uff50\uff41\uff53\uff53word"), folded("pass\u200bword")
    ('password', 'password')
    """
    return _UNSEEN.sub("", unicodedata.normalize("NFKC", text))


def forget() -> None:
    """What was worked out under other rules."""
    _secrecy.cache_clear()
    _parameter_secrecy.cache_clear()
