"""Conditions written in the search language by a program: what came as a key and a value from another tool's query."""

import re
from collections.abc import Iterable
from fractions import Fraction

from diamond_viewer.query.keys import KINDS, Shape, key_named
from diamond_viewer.query.language import parse
from diamond_viewer.query.mistake import Mistake
from diamond_viewer.telemetry.units import NS_PER_SECOND

ERROR_WORDS = ("true", "error", "2")
MAX_SECONDS = 999_999_999_999

_GO_PART = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_GO_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}


def quoted(text: str) -> str:
    r"""
    >>> quoted('a "b" \\')
    '"a \\"b\\" \\\\"'
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def compared(key: str, operator: str, value: str) -> str:
    """One comparison. A key that the language knows is asked by its own name, which is faster; any other is an attribute, as
    is a known one whose value it could not have.

    >>> compared("user.id", "=", "usr_0007"), compared("http.status_code", "=", "401"), compared("http.status_code", "=", "x")
    ('user.id="usr_0007"', 'http.status_code=401', '"http.status_code"="x"')
    >>> compared("cart size", ">", "3")
    '"cart size">3'
    """
    known = key_named(key)
    is_attribute_too = known is not None and key != known.name and known.shape in (Shape.TEXT, Shape.NUMBER)
    if is_attribute_too and known is not None:
        said = f"{key}{operator}{value if known.shape is Shape.NUMBER else quoted(value)}"
        if _is_readable(said):
            return said
    return f"{quoted(key)}{operator}{value if operator in ('>', '>=', '<', '<=') else quoted(value)}"


def tag(key: str, value: str, operator: str = "=") -> str:
    """A tag as Jaeger and Tempo have them, where OpenTelemetry's status and kind stand among the attributes.

    >>> tag("error", "true"), tag("error", "false"), tag("span.kind", "server"), tag("otel.status_code", "ERROR")
    ('status:error', '-status:error', 'kind:server', 'status:error')
    >>> tag("service.name", "web", "~")
    'service.name~"web"'
    """
    word = value.lower()
    if key in ("error", "otel.status_code", "status.code", "status"):
        is_error = word in ERROR_WORDS
        if is_error or word in ("false", "ok", "unset"):
            return "status:error" if is_error else "-status:error"
    if key == "span.kind" and word in KINDS:
        return f"kind:{word}"
    if key in ("otel.scope.name", "otel.library.name"):
        return compared("scope.name", operator, value)
    return compared(key, operator, value)


def on_one_span(conditions: Iterable[str]) -> str:
    """All of them on one span; nothing when there are none."""
    said = " ".join(conditions)
    return f"span:{{{said}}}" if said else ""


def duration(duration_ns: int) -> str:
    """Exact, and within what the language reads.

    >>> duration(1_500_000_000), duration(3), duration(3_720 * NS_PER_SECOND), duration(10**30)
    ('1.5s', '0.000000003s', '3720s', '999999999999s')
    """
    seconds, rest_ns = divmod(min(duration_ns, MAX_SECONDS * NS_PER_SECOND), NS_PER_SECOND)
    return f"{seconds}.{rest_ns:09d}".rstrip("0").rstrip(".") + "s"


def go_duration(text: str) -> int | None:
    """A duration as Go writes it -> ns; None for anything else.

    >>> [go_duration(text) for text in ("1.5s", "1h30m", "100us", "2µs", "5", "-1s", "")]
    [1500000000, 5400000000000, 100000, 2000, None, None, None]
    """
    total_ns, rest = 0, text.strip()
    if not rest or len(rest) > 40:
        return None
    while rest:
        match = _GO_PART.match(rest)
        if match is None:
            return None
        total_ns += int(Fraction(match[1]) * _GO_UNITS_NS[match[2]])
        rest = rest[match.end() :]
    return total_ns


def _is_readable(text: str) -> bool:
    try:
        parse(f"span:{{{text}}}")
    except Mistake:
        return False
    return True
