"""Secrets out of text: statements, messages, stack traces, addresses, header lines, JSON within strings.

Every rule takes time in proportion to the text, whatever stands in it: a telemetry value is written by strangers. So there
is no pattern that begins at many places and runs far from each: places are found by a plain search, what lies before one is
looked at for at most 90 characters, and what was looked at behind it is not looked at again.
"""

import re
from base64 import urlsafe_b64decode
from functools import lru_cache

from diamond_viewer.telemetry.own_secrets import Rules, rules, words_of
from diamond_viewer.telemetry.secret_keys import Secrecy, parameter_secrecy

REDACTED = "REDACTED"
MAX_PASSES = 8  # over a text that holds secrets; two do for all but those that were made up
MAX_REMEMBERED = 256  # characters; names, routes and statements repeat, and a memory of longer texts would be large

# a text without any of these holds no name of a secret
_STEMS = (
    *("pass", "pwd", "secret", "token", "jwt", "bearer", "otp", "authori", "cookie", "credential"),
    *("key", "sess", "sid", "sig", "goog", "next-auth", "authjs"),
)
_HAS_SIGN = re.compile(r"[=:]|%3|eyJ|[bB][eE][aA][rR][eE][rR]|[bB][aA][sS][iI][cC]")  # no secret is known without one
_SEPARATOR = re.compile(r"[=:]|%(?:25){0,3}3[dD]")
# read backwards from the separator: blanks, a closing quote with its escapes, the name
_BEFORE = re.compile(
    r"[ \t]{0,4}(?:(?P<quote>[\"'`])\\{0,4}(?P<quoted>[\w.~%\[\] -]{1,80}+)|(?P<bare>[\w.~%\[\]-]{1,80}+))"
)
_AFTER = re.compile(r"[ \t]{0,4}(\\{0,4}[\"'])?")
_BARE_VALUE = re.compile(r"[^\s&;,\"'`<>\\]*+")
_JSON_VALUE = re.compile(r"[^\s,}\]\"'\\]*+")
_LINE = re.compile(r"[^\r\n\"'`]*+")
_QUOTED_VALUE = {quote: re.compile(rf"(?:[^{quote}\\]|\\.)*+", re.DOTALL) for quote in "\"'"}
_ENCODED_END = re.compile(r"%(?:25){0,3}(?:26|3[bB]|23|20)")
_PLACEHOLDER = re.compile(r"\$[\d{]|\?|%s|:\w|@\w|\{\{")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_SAYS_NOTHING = frozenset(
    (
        *("", "true", "false", "yes", "no", "null", "none", "nil", "undefined", "redacted", "[redacted]", "***"),
        *("missing", "present", "absent", "required", "invalid", "expired", "set", "unset", "empty", "string"),
        *("must", "is", "was", "not", "too", "incorrect", "wrong", "expected"),
    )
)
_HEADERS = ("authorization", "cookie", "x-api-key", "x-auth-token")
_PASSWORDS = ("password", "passwd", "pwd", "passphrase", "secret", "apikey", "api_key", "api-key")
_WORDS_ONLY = re.compile(r"[a-z ,.()]*")
_LOOKS_RANDOM = re.compile(r"(?=\D*\d)[\w.~+/=-]{16,}")
_GLANCE = 256  # characters of a value that decide what it is, so that what is passed over is not read again and again

_USER_IN_ADDRESS = re.compile(r"://([^/\s?#\"'<>`]*)@")
_USER_IN_ENCODED_ADDRESS = re.compile(r"(%3a%2f%2f)(?:[^\s/?#&\"'%]|%(?!2f|3f|23|40|26)){0,256}+%40", re.IGNORECASE)
_SCHEME = re.compile(r"\b(bearer|basic)(\s{1,8}|%20|\+|:\s{0,8})([\w.~+/=%-]++)", re.IGNORECASE)
_BEARER_WORDS = frozenset(
    (
        *("token", "tokens", "auth", "authentication", "authorization", "authorisation", "scheme", "schema", "realm"),
        *("credential", "credentials", "header", "headers", "format", "prefix", "type", "error", "only", "missing"),
        *("required", "expected", "invalid", "expired", "is", "was", "not", "and", "or", "in", "for", "with", "from"),
        *("of", "to", "the", "a", "an", "has", "as", "on", "by", "access", "charset"),
    )
)
_AT = re.compile("@|%40")
_LOCAL_PART = re.compile(r"[\w.+-]{1,64}+")
_DOMAIN = re.compile(r"[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)++(?<=[A-Za-z][A-Za-z])")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{6,}={0,2}")
_TOKEN_SEGMENT = re.compile(r"[\w-]*+")
_TOKEN_REST = re.compile(r"(?:\.[\w-]*+){1,4}")


def redact_text(text: str) -> str:
    """The same text with ``REDACTED`` in place of secrets; the names beside them stay. Text without secrets comes back as is.

    >>> redact_text("postgres://app:hunter2@db/x?sslmode=on&password=p")
    'postgres://REDACTED:REDACTED@db/x?sslmode=on&password=REDACTED'
    >>> redact_text("https://b.example/v.mp4?X-Amz-Credential=AKIA1&x%2Damz%2Dsignature=dead&partNumber=3")
    'https://b.example/v.mp4?X-Amz-Credential=REDACTED&x%2Damz%2Dsignature=REDACTED&partNumber=3'
    >>> redact_text("theme=dark; __Secure-next-auth.session-token.0=eyJhbGci; lang=de")
    'theme=dark; __Secure-next-auth.session-token.0=REDACTED; lang=de'
    >>> redact_text('sent {"user":"ada","apiKey":"s3cr3t","tokens":3} with Bearer abc.def-123')
    'sent {"user":"ada","apiKey":"REDACTED","tokens":3} with Bearer REDACTED'
    >>> redact_text('SELECT * FROM "User" WHERE "password" = $1 AND key = $2') == _
    False
    >>> ordinary = 'UPDATE "User" SET "password" = $1 -- Unexpected token: } in basic plan'
    >>> redact_text(ordinary) is ordinary
    True
    """
    redacted = _remembered(text) if len(text) <= MAX_REMEMBERED else _redacted(text)
    return text if redacted is None else redacted


def redact_new_text(text: str) -> str:
    """As ``redact_text``, for one who asks once for each text: nothing is remembered."""
    redacted = _redacted(text)
    return text if redacted is None else redacted


def _redacted(text: str) -> str | None:
    """None when there is nothing to take out."""
    own = rules()
    if not own.is_on or not (_HAS_SIGN.search(text) or own.looks_further):
        return None  # most texts leave here: names, ids, routes
    redacted = _settled(text, own)
    if own.looks_further:
        redacted = _without_own(redacted, own)  # once: a pattern may match what it has put there
    return None if redacted == text else redacted


def _settled(text: str, own: Rules) -> str:
    """What one rule takes out may bring to light what another one knows: a token that was glued to credentials, say. So a text
    that held a secret is looked at again until nothing more is found."""
    given = text
    for _ in range(MAX_PASSES):
        shown = _looked_through(given, own)
        if shown == given:
            return given
        given = shown
    return REDACTED  # made to keep us busy


def _looked_through(text: str, own: Rules) -> str:
    if not _HAS_SIGN.search(text):
        return text
    lower, redacted = text.lower(), text
    has_pairs = "=" in text or ":" in text or "%3" in text
    if "://" in text and "@" in text:
        redacted = _USER_IN_ADDRESS.sub(_without_user, redacted)
    if "%40" in text:
        redacted = _USER_IN_ENCODED_ADDRESS.sub(rf"\1{REDACTED}%40", redacted)
    if has_pairs and ("%" in text or any(stem in lower for stem in (*_STEMS, *own.stems))):
        redacted = _without_pairs(redacted)
    if "bearer" in lower or "basic" in lower:
        redacted = _SCHEME.sub(_without_credentials, redacted)
    return _without_tokens(redacted) if "eyJ" in redacted else redacted


_remembered = lru_cache(maxsize=8192)(_redacted)


def forget() -> None:
    """What was worked out under other rules."""
    _remembered.cache_clear()


def _without_own(text: str, own: Rules) -> str:
    """What the operator says is secret. RE2 reads bytes: whatever a text holds, also half a surrogate, is some bytes."""
    if own.emails and ("@" in text or "%40" in text):
        text = _without_emails(text)
    for pattern in own.patterns:
        text = pattern.sub(REDACTED.encode(), text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")
    return text


def _without_emails(text: str) -> str:
    """
    >>> _without_emails("ada.l+x@mail.example.org, grace%40example.com; @decorator, git@host, a@b.c")
    'REDACTED, REDACTED; @decorator, git@host, a@b.c'
    """
    kept, start = [], 0
    for sign in _AT.finditer(text):
        if sign.start() < start:
            continue
        before = _LOCAL_PART.match(text[max(start, sign.start() - 64) : sign.start()][::-1])
        behind = _DOMAIN.match(text, sign.end(), sign.end() + 253)
        if before and behind and before[0][::-1] != REDACTED:
            kept += [text[start : sign.start() - before.end()], REDACTED]
            start = behind.end()
    return "".join([*kept, text[start:]])


def _without_user(match: re.Match[str]) -> str:
    return f"://{REDACTED}:{REDACTED}@" if ":" in match[1] else f"://{REDACTED}@" if match[1] else match[0]


def _without_credentials(match: re.Match[str]) -> str:
    """ "Bearer token missing", "Bearer realm=x" and "basic Authentication" are no secrets."""
    scheme, separator, credentials = match.groups()
    if scheme.lower() == "basic":
        is_word = credentials in (credentials.lower(), credentials.upper(), credentials.capitalize())
        is_secret = bool(_BASE64.fullmatch(credentials)) and not (is_word and credentials.isalpha())
    else:
        is_secret = re.split(r"[=.]", credentials, maxsplit=1)[0].lower() not in _BEARER_WORDS
    return f"{scheme}{separator}{REDACTED}" if is_secret and credentials != REDACTED else match[0]


def _without_tokens(text: str) -> str:
    """JSON web tokens: base64 of ``{"`` begins with eyJ. Three parts, or five when encrypted (NextAuth); fewer when cut."""
    kept, start, at = [], 0, text.find("eyJ")
    while at >= 0:
        segment = _TOKEN_SEGMENT.match(text, at)
        end = segment.end() if segment else at + 3
        rest = _TOKEN_REST.match(text, end)
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


def _without_pairs(text: str) -> str:
    """Values of secret names, as they stand in addresses, cookies, JSON, logfmt, SQL and header lines."""
    kept, start, at = [], 0, 0
    while separator := _SEPARATOR.search(text, at):
        at = separator.end()
        place = _secret_value(text, separator.start(), separator.end())
        if place:
            kept += [text[start : place[0]], REDACTED]
            start = at = place[1]
    return "".join([*kept, text[start:]])


def _secret_value(text: str, separator_start: int, separator_end: int) -> tuple[int, int] | None:
    """Where the secret beside this separator begins and ends."""
    sign = text[separator_start]
    if sign == ":" and text.startswith("//", separator_end):
        return None
    if sign == "=" and (
        text[separator_end : separator_end + 1] in ("=", ">", "~") or _is_comparison(text, separator_start)
    ):
        return None
    before = _BEFORE.match(text[max(0, separator_start - 90) : separator_start][::-1])
    if not before:
        return None
    is_quoted = before["quoted"] is not None
    name = (before["quoted"] or before["bare"])[::-1]
    secrecy = parameter_secrecy(name)
    if not secrecy:
        return None
    after = _AFTER.match(text, separator_end)
    begin = after.end() if after else separator_end
    delimiter = after[1] if after else None
    if _PLACEHOLDER.match(text, begin):
        return None
    if delimiter:
        if sign == "=" and delimiter == '"' and before["quote"] == '"':
            return None  # SQL: a column compared with a column
        end = _end_of_quoted(text, begin, delimiter)
    elif sign == ":" and is_quoted:
        if text.startswith("{", begin):
            return None  # its members have names of their own
        if text.startswith("[", begin):
            begin += 1
            end = text.find("]", begin)
            end = len(text) if end < 0 else end
        else:
            end = _end(_JSON_VALUE, text, begin)
    elif sign == ":":
        return _in_prose(text, begin, name)
    else:
        end = _end_of_bare(text, begin, is_encoded=sign == "%")
        if begin > separator_end and "=" in text[begin : min(end, begin + _GLANCE)].rstrip("="):
            return None  # "session= user=ada": nothing stands there, and then the next pair
        if text.startswith(";", end) and name.lower().endswith("cookie"):
            end = _end(_LINE, text, begin)  # more cookies follow
    return (begin, end) if _is_telling(text, begin, end, secrecy) else None


def _is_comparison(text: str, at: int) -> bool:
    return at > 0 and text[at - 1] in "=!<>"


def _in_prose(text: str, begin: int, name: str) -> tuple[int, int] | None:
    """``name: value`` without quotes: a header line, a password, or what looks random; else it is a sentence."""
    is_own, name = rules().names_secret(words_of(name)), name.lower()
    glance = text[begin : begin + _GLANCE]
    if name.endswith(_HEADERS):
        line = glance[: _end(_LINE, glance, 0)].strip()
        is_secret = "=" in line if name.endswith("cookie") else not _WORDS_ONLY.fullmatch(line)
        return (begin, _end(_LINE, text, begin)) if is_secret and line != REDACTED else None
    glance = glance[: _end(_BARE_VALUE, glance, 0)]
    if not is_own and not name.endswith(_PASSWORDS) and not _LOOKS_RANDOM.fullmatch(glance):
        return None
    end = _end_of_bare(text, begin, is_encoded=False)
    return (begin, end) if _is_telling(text, begin, end, Secrecy.ALL) else None


def _end_of_bare(text: str, begin: int, is_encoded: bool) -> int:
    end = _end(_BARE_VALUE, text, begin)
    if is_encoded and (cut := _ENCODED_END.search(text, begin, end)):
        return cut.start()
    return end


def _end(pattern: re.Pattern[str], text: str, begin: int) -> int:
    match = pattern.match(text, begin)
    return match.end() if match else begin


def _end_of_quoted(text: str, begin: int, delimiter: str) -> int:
    """The place of the closing quote; a text that was cut off before it ends there."""
    if len(delimiter) > 1:
        end = text.find(delimiter, begin)
        return len(text) if end < 0 else end
    return _end(_QUOTED_VALUE[delimiter], text, begin)


def says_nothing(value: str) -> bool:
    """True for a value that only says whether there is a secret.

    >>> [says_nothing(value) for value in ("", "False", "missing", "REDACTED", "hunter2", "f" * 10**6)]
    [True, True, True, True, False, False]
    """
    return len(value) <= _GLANCE and value.lower() in _SAYS_NOTHING


def _is_telling(text: str, begin: int, end: int, secrecy: Secrecy) -> bool:
    """False for what only says whether there is a secret, and for a number that is a count."""
    if end - begin > _GLANCE:
        return True
    value = text[begin:end]
    return not says_nothing(value) and (secrecy is Secrecy.ALL or not _NUMBER.fullmatch(value))
