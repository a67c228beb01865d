"""Users and passwords in addresses: ``scheme://user:password@host``, also as a parameter of another address carries it."""

import re

from diamond_viewer.telemetry.secret_values import REDACTED

_SLASHES = re.compile(r":(?:\\{0,4}/){2}")  # PHP writes http:\/\/ in JSON
_AUTHORITY = re.compile(r"[^/\s?#\"<>`\\]*+")
_UP_TO_BLANK = re.compile(r"[^\s\"<>`]{0,512}")  # a password that nobody encoded may hold what ends an authority
_SCHEME = re.compile(r"[A-Za-z0-9+.-]{1,20}")
_PORT = re.compile(r"[^:@\[]*:\d{0,5}|\[[^\]]*\](?::\d{0,5})?")
_OF_THE_WEB = frozenset(("http", "https", "ws", "wss"))  # whose paths may hold an @: /@ada, /a@2x.png
_ENCODED = re.compile(
    r"(%((?:25){0,3})3a%\2(?:2f)%\2(?:2f))(?:[^\s/?#&\"'%]|%(?!\2(?:2f|3f|23|40|26))){0,256}+(%\2(?:40))", re.IGNORECASE
)
_OF_GO = re.compile(
    r"(?<![^\s\"'=`])[^\s:@/\"'=`]{1,64}:[^\s\"]{0,256}?(?=@(?:tcp|unix)\()"
)  # user:password@tcp(host)/x


def without_users(text: str) -> str:
    """
    >>> without_users("postgres://a:b@c, 'https://d@e/f' and http://x:80/@ada")
    "postgres://REDACTED:REDACTED@c, 'https://REDACTED@e/f' and http://x:80/@ada"
    >>> without_users("mysql://app:pa/ss#w?rd@db/x"), without_users("app:pass@tcp(db:3306)/x")
    ('mysql://REDACTED:REDACTED@db/x', 'REDACTED:REDACTED@tcp(db:3306)/x')
    """
    kept, start = [], 0
    for slashes in _SLASHES.finditer(text):
        if slashes.start() < start:
            continue
        begin = slashes.end()
        end = _end_of_user(text, slashes.start(), begin)
        if end > begin:
            has_password = ":" in text[begin:end]
            kept += [text[start:begin], f"{REDACTED}:{REDACTED}" if has_password else REDACTED]
            start = end
    text = "".join([*kept, text[start:]])
    return _OF_GO.sub(f"{REDACTED}:{REDACTED}", text) if "@tcp(" in text or "@unix(" in text else text


def without_encoded_users(text: str) -> str:
    return _ENCODED.sub(rf"\1{REDACTED}\3", text)


def _end_of_user(text: str, colon: int, begin: int) -> int:
    """The place of the @ behind the user; -1 without one."""
    before = _SCHEME.match(text[max(0, colon - 20) : colon][::-1])
    scheme = before[0][::-1].lower() if before else ""
    scheme_start = colon - len(scheme)
    match = _AUTHORITY.match(text, begin)
    authority = match[0] if match else ""
    if "'" in authority and text[scheme_start - 1 : scheme_start] == "'":
        authority = authority.partition("'")[0]  # the quote that was open; else it is a letter of the password
    at = authority.rfind("@")
    if at >= 0:
        return begin + at
    if ":" not in authority or (scheme in _OF_THE_WEB and _PORT.fullmatch(authority)):
        return -1
    further = _UP_TO_BLANK.match(text, begin)
    at = further[0].rfind("@") if further else -1
    return begin + at if at >= 0 else -1
