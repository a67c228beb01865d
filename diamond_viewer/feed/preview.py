"""The beginning of a line that could not be read, fit to be shown: short, on one line, without secrets."""

import re

from diamond_viewer.telemetry.redact import redact_text

MAX_PREVIEW_LENGTH = 200  # characters
_READ_BYTES = 4096  # a secret that starts within the preview ends within this

_SECRET = (
    r"(?:authorization|cookie|password|passwd|secret|token|session|signature|credential"
    r"|api[-_.]?key|private[-_.]?key|x-amz-)"
)
_REDACTED = "REDACTED"
_RULES = (
    # an attribute: {"key":"http.request.header.cookie","value":{"stringValue":"..."}}
    (rf'("key"\s*:\s*"[^"]*{_SECRET}[^"]*"\s*,\s*"value"\s*:\s*)[^}}]*', rf"\1{_REDACTED}"),
    # a pair in JSON, a header, or a parameter of an address
    (rf'({_SECRET}[\w.-]*"?\s*[:=]\s*)("[^"]*|[^"&,;\s}}]+(?: [^"&,;\s}}]+)?)', rf"\1{_REDACTED}"),
    (r"\b(Bearer|Basic)\s+[\w.~+/=-]+", rf"\1 {_REDACTED}"),
    (r"eyJ[\w-]+\.[\w-]*\.?[\w-]*", _REDACTED),
    (r"([?&](?:sig|X-Amz-[\w-]+)=)[^&\"\s]*", rf"\1{_REDACTED}"),
    (r"(://)[^/\s\"@]+@", rf"\1{_REDACTED}@"),
)
_COMPILED_RULES = tuple((re.compile(pattern, re.IGNORECASE), replacement) for pattern, replacement in _RULES)


def preview(line: bytes) -> str:
    """At most 200 characters; what cannot be printed becomes a middle dot, secrets become ``REDACTED``.

    >>> preview(b'{"key":"http.cookie","value":{"stringValue":"a=b"}} \\x1b[31m')
    '{"key":"http.cookie","value":REDACTED}} ·[31m'
    >>> preview(b'GET postgres://root:hunter2@db/x?token=abc&y=1')
    'GET postgres://REDACTED@db/x?token=REDACTED&y=1'
    """
    text = redact_text(line[:_READ_BYTES].decode("utf-8", "replace"))
    for pattern, replacement in _COMPILED_RULES:
        text = pattern.sub(replacement, text)
    text = "".join(character if character.isprintable() else "·" for character in text)
    return text if len(text) <= MAX_PREVIEW_LENGTH else text[: MAX_PREVIEW_LENGTH - 1] + "…"
