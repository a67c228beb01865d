"""Secrets that are known by how they look, wherever they stand: JSON web tokens, bearer and basic credentials, private keys."""

import re
from base64 import urlsafe_b64decode

from diamond_viewer.telemetry.secret_values import REDACTED

_SCHEME = re.compile(
    r"\b(bearer|basic)(\s{1,8}|%(?:25){0,3}20|\+|:\s{0,8})(\\{0,4}[\"'<])?([\w.~+/=%-]++)"
    r"(?!\\{0,4}[\"']\s{0,40}[:=])",  # that is a name again
    re.IGNORECASE,
)
_BEARER_WORDS = frozenset(
    (
        *("token", "tokens", "auth", "authentication", "authorization", "authorisation", "scheme", "schema", "realm"),
        *("credential", "credentials", "header", "headers", "format", "prefix", "type", "error", "only", "missing"),
        *("required", "expected", "invalid", "expired", "is", "was", "not", "and", "or", "in", "for", "with", "from"),
        *("of", "to", "the", "a", "an", "has", "as", "on", "by", "access", "charset"),
    )
)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{6,}={0,2}")
_TOKEN_SEGMENT = re.compile(r"[\w-]*+")
# a token may be broken: at a dot, before one, or where what follows is as long as no word is
_BREAK = r"(?:\r?\n|\\r?\\n|\\n)[ \t]{0,8}"
_LONG = rf"{_BREAK}(?=[\w-]{{0,40}}\d)[\w-]{{12,}}+"
_MORE = rf"(?:{_LONG}|{_BREAK}[\w-]++(?=\.[\w-]))*+"
_DOT = rf"(?:{_BREAK})?(?:\.|%(?:25){{0,3}}2[eE])(?:{_BREAK})?"
_TOKEN_TAIL = re.compile(_MORE)
_TOKEN_REST = re.compile(rf"{_DOT}[\w-]*+{_MORE}(?:{_DOT}[\w-]*+(?:{_LONG})*+){{0,3}}")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----")


def without_credentials(text: str) -> str:
    return _SCHEME.sub(_without_one, text)


def _without_one(match: re.Match[str]) -> str:
    """ "Bearer token missing", "Bearer realm=x" and "basic Authentication" are no secrets."""
    scheme, separator, quote, credentials = match.groups(default="")
    if scheme.lower() == "basic":
        is_word = credentials in (credentials.lower(), credentials.upper(), credentials.capitalize())
        is_secret = bool(_BASE64.fullmatch(credentials)) and not (is_word and credentials.isalpha())
    else:
        is_secret = re.split(r"[=.]", credentials, maxsplit=1)[0].lower() not in _BEARER_WORDS
    return f"{scheme}{separator}{quote}{REDACTED}" if is_secret and credentials != REDACTED else match[0]


def without_tokens(text: str) -> str:
    """JSON web tokens: base64 of ``{"`` begins with eyJ. Three parts, or five when encrypted (NextAuth); fewer when cut.

    >>> without_tokens("eyJhbGciOiJIUzI1NiJ9.\\neyJzdWIiOiIxIn0.\\n  c2lnbmF0dXJl\\nat verify")
    'REDACTED\\nat verify'
    """
    kept, start, at, tail_end = [], 0, text.find("eyJ"), -1
    rest: re.Match[str] | None = None
    while at >= 0:
        segment = _TOKEN_SEGMENT.match(text, at)
        end = segment.end() if segment else at + 3
        if (
            end > tail_end
        ):  # else it lies in what was looked at, which goes on in the same way from each of its segments
            tail = _TOKEN_TAIL.match(text, end)
            tail_end = tail.end() if tail else end
            rest = _TOKEN_REST.match(text, tail_end)
        # a segment that no dot follows holds no other token: go on behind it
        if rest and end - at >= 6 and (_stands_alone(text, at) or _is_json(text[at : at + 12])):
            kept += [text[start:at], REDACTED]
            start = end = rest.end()
        at = text.find("eyJ", end)
    return "".join([*kept, text[start:]])


def _stands_alone(text: str, at: int) -> bool:
    return not at or not (text[at - 1].isalnum() or text[at - 1] in "_-")


def _is_json(head: str) -> bool:
    """Tells ``keyJsonSerializer.write`` from a token that something was glued to.

    >>> _is_json("eyJhbGciOiJI"), _is_json("eyJsonSerial")
    (True, False)
    """
    try:
        return len(head) == 12 and all(32 <= byte < 127 for byte in urlsafe_b64decode(head))
    except ValueError:
        return False


def without_private_keys(text: str) -> str:
    """
    >>> without_private_keys("a -----BEGIN RSA PRIVATE KEY-----\\nMII\\n-----END RSA PRIVATE KEY----- b")
    'a -----BEGIN RSA PRIVATE KEY-----REDACTED-----END RSA PRIVATE KEY----- b'
    """
    kept, start = [], 0
    while head := _PRIVATE_KEY.search(text, start):
        end = text.find("-----END", head.end())
        kept += [text[start : head.end()], REDACTED]
        start = len(text) if end < 0 else end
    return "".join([*kept, text[start:]])
