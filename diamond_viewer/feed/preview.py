"""The beginning of a line that could not be read, fit to be shown: short, on one line, without secrets."""

import re

MAX_PREVIEW_LENGTH = 200  # characters
_READ_BYTES = 4096  # a secret that starts within the preview ends within this

_SECRET_NAMES = (
    r"(?:authorization|cookie|password|passwd|secret|token|session|signature|credential|api[-_.]?key|private[-_.]?key|x-amz-)"
)
_REDACTED = "REDACTED"
_RULES = (
    # an attribute: {"key":"http.request.header.cookie","value":{"stringValue":"..."}}
    (re.compile(rf'("key"\s*:\s*"[^"]*{_SECRET_NAMES}[^"]*"\s*,\s*"value"\s*:\s*)[^}}]*', re.IGNORECASE), rf"\1{_REDACTED}"),
    # a pair in JSON, a header, or a parameter of an address
    (re.compile(rf'([\w.-]*{_SECRET_NAMES}[\w.-]*"?\s*[:=]\s*)("[^"]*|[^"&,;\s}}]+(?: [^"&,;\s}}]+)?)', re.IGNORECASE), rf"\1{_REDACTED}"),
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]+", re.IGNORECASE), rf"\1 {_REDACTED}"),
    (re.compile(r"eyJ[\w-]+\.[\w-]*\.?[\w-]*"), _REDACTED),
    (re.compile(r"([?&](?:sig|X-Amz-[\w-]+)=)[^&\"\s]*", re.IGNORECASE), rf"\1{_REDACTED}"),
    (re.compile(r"(://)[^/\s\"@]+@"), rf"\1{_REDACTED}@"),
)  # fmt: skip


def preview(line: bytes) -> str:
    """At most 200 characters; what cannot be printed becomes a middle dot, secrets become ``REDACTED``.

    >>> preview(b'{"key":"http.cookie","value":{"stringValue":"a=b"}} \\x1b[31m')
    '{"key":"http.cookie","value":REDACTED}} ·[31m'
    >>> preview(b'GET postgres://root:hunter2@db/x?token=abc&y=1')
    'GET postgres://REDACTED@db/x?token=REDACTED&y=1'
    """
    text = line[:_READ_BYTES].decode("utf-8", "replace")
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    text = "".join(character if character.isprintable() else "·" for character in text)
    return text if len(text) <= MAX_PREVIEW_LENGTH else text[: MAX_PREVIEW_LENGTH - 1] + "…"
