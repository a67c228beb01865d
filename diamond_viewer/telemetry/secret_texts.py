"""Secrets out of text: statements, messages, stack traces, addresses, header lines, JSON within strings.

Every rule takes time in proportion to the text, whatever stands in it: a telemetry value is written by strangers. So there
is no pattern that begins at many places and runs far from each: places are found by a plain search, what lies before one is
looked at for a bounded number of characters, and what was looked at behind it is not looked at again.
"""

import re
from functools import lru_cache

from diamond_viewer.telemetry.own_secrets import Rules, rules
from diamond_viewer.telemetry.secret_addresses import without_encoded_users, without_users
from diamond_viewer.telemetry.secret_keys import folded
from diamond_viewer.telemetry.secret_notations import (
    without_elements,
    without_flags,
    without_listed,
    without_named_values,
    without_said,
)
from diamond_viewer.telemetry.secret_pairs import without_pairs
from diamond_viewer.telemetry.secret_tokens import without_credentials, without_private_keys, without_tokens
from diamond_viewer.telemetry.secret_values import REDACTED

MAX_PASSES = 8  # over a text that holds secrets; two do for all but those that were made up
MAX_REMEMBERED = 256  # characters; names, routes and statements repeat, and a memory of longer texts would be large

# a text without any of these holds no name of a secret
_STEMS = (
    *("pass", "pwd", "secret", "token", "jwt", "bearer", "otp", "authori", "cookie", "cred"),
    *("key", "sess", "sid", "sig", "goog", "next-auth", "authjs", "identified", r"\u00"),
)
# no secret is known without one
_HAS_SIGN = re.compile(r"[=:\"']|%(?:25){0,3}3|\\u00|eyJ|[bB][eE][aA][rR][eE][rR]|[bB][aA][sS][iI][cC]|--|</")
_AT = re.compile("@|%40")
_LOCAL_PART = re.compile(r"[\w.+-]{1,64}+")
_DOMAIN = re.compile(r"[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)++(?<=[A-Za-z][A-Za-z])")


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
    redacted = text
    lower = (text if text.isascii() else folded(text)).lower()
    if "@" in text:
        redacted = without_users(redacted)
    if "40" in text and "%" in text:
        redacted = without_encoded_users(redacted)
    if "%" in text or _holds_any(lower, _STEMS) or _holds_any(lower, own.stems):
        redacted = _without_named(redacted, lower)
    if "bearer" in lower or "basic" in lower:  # behind the names, one of which it may take for credentials
        redacted = without_credentials(redacted)
    return without_tokens(redacted) if "eyJ" in redacted else redacted


def _holds_any(text: str, stems: tuple[str, ...]) -> bool:
    for stem in stems:  # noqa: SIM110  (any() takes twice as long, and most texts are asked about every stem)
        if stem in text:
            return True
    return False


def _without_named(text: str, lower: str) -> str:
    """What stands under names, in every notation whose sign the text holds."""
    if "</" in text or "/>" in text:
        text = without_elements(text)
    if "value" in lower:
        text = without_named_values(text)
    if "'," in text or '",' in text:
        text = without_listed(text)
    if "-" in text:
        text = without_flags(text)
    if "pass" in lower or "identified" in lower:
        text = without_said(text)
    if "private key-----" in lower:
        text = without_private_keys(text)
    return without_pairs(text)


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
