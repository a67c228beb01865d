"""The beginning of a line that could not be read, fit to be shown: short, on one line, without secrets."""

import re

from diamond_viewer.telemetry.own_secrets import rules
from diamond_viewer.telemetry.redact import redact_text
from diamond_viewer.telemetry.secret_keys import Secrecy, secrecy

MAX_PREVIEW_LENGTH = 200  # characters
_READ_BYTES = 4096  # a secret that starts within the preview ends within this

_REDACTED = "REDACTED"
# the beginning of an attribute as the wire spells it
_ATTRIBUTE = re.compile(r'"key"\s*:\s*"([^"]*)"\s*,\s*"value"\s*:')
_SAYS_TEXT = re.compile(r':\s*"[^"]*[^"\d.-]')  # and not only a number, a count of tokens for example
# what redact_text leaves because it is no whole pair: the line is broken, its quotes and ends may be missing
_PAIR = re.compile(r'([\w.-]+)("?\s*[:=]\s*)("[^"]*|[^"&,;\s}\[{]+(?: [^"&,;\s}]+)?)')
_RULES = (
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]+", re.IGNORECASE), rf"\1 {_REDACTED}"),
    (re.compile(r"eyJ[\w-]+\.[\w-]*\.?[\w-]*"), _REDACTED),
    (re.compile(r"(://)[^/\s\"@]+@"), rf"\1{_REDACTED}@"),
)


def preview(line: bytes) -> str:
    """At most 200 characters; what cannot be printed becomes a middle dot, secrets become ``REDACTED``.

    >>> preview(b'{"key":"http.cookie","value":{"stringValue":"a=b"}} \\x1b[31m')
    '{"key":"http.cookie","value":REDACTED'
    >>> preview(b'GET postgres://root:hunter2@db/x?token=abc&y=1')
    'GET postgres://REDACTED@db/x?token=REDACTED&y=1'
    """
    text = line[:_READ_BYTES].decode("utf-8", "replace")
    if rules().is_on:
        text = _PAIR.sub(_pair, _up_to_secret_attribute(redact_text(text)))
        for pattern, replacement in _RULES:
            text = pattern.sub(replacement, text)
    text = "".join(character if character.isprintable() else "·" for character in text)
    return text if len(text) <= MAX_PREVIEW_LENGTH else text[: MAX_PREVIEW_LENGTH - 1] + "…"


def _up_to_secret_attribute(text: str) -> str:
    """Where the value of a secret attribute ends cannot be told in a broken line: it ends the preview."""
    for match in _ATTRIBUTE.finditer(text):
        level = secrecy(match[1])
        if level is Secrecy.ALL or (level is Secrecy.TEXT and _SAYS_TEXT.search(text, match.end())):
            return f"{text[: match.end()]}{_REDACTED}"
    return text


def _pair(match: re.Match[str]) -> str:
    return match[0] if secrecy(match[1]) is Secrecy.NONE else f"{match[1]}{match[2]}{_REDACTED}"
