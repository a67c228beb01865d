"""Single values as they are written behind a flag or in a variable: read, or refused with one sentence.

Every reader takes the text and how it was written (``--port '80x'``, ``DIAMOND_PORT='80x'``), which begins the sentence.
"""

import re
from ipaddress import ip_address

from diamond_viewer.clickhouse.address import Address, AddressError
from diamond_viewer.tokens import TokensError, read_tokens

MIN_MEMORY_BYTES, MAX_MEMORY_BYTES = 1024**2, 1024**5
MIN_LINE_BYTES, MAX_LINE_BYTES = 1024, 1024**3  # a line is decoded in one piece: beyond 1 GiB no machine of ours would

OWN_PATHS = frozenset(  # first parts of the pages' addresses
    (
        *("api", "static", "import", "traces", "users", "lessons", "journeys", "errors", "operations"),
        *("suggestions", "link", "logs", "jaeger", "tempo"),
    )
)

_UNIT_BYTES = {"": 1, "b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "tb": 1000**4}
_UNIT_BYTES |= {"kib": 1024, "mib": 1024**2, "gib": 1024**3, "tib": 1024**4}
_SIZE = re.compile(r"(\d{1,15})(?:\.(\d{1,6}))?\s*([a-z]*)", re.ASCII)
_LABEL = r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_ORIGIN = re.compile(rf"https?://(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\])(?::\d{{1,5}})?")
_SWITCH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


class SettingsError(ValueError):
    """A setting cannot be used; the message is a sentence for whoever started the viewer."""


def parse_size(text: str) -> int | None:
    """Bytes, or None for what is no size. KiB, MiB, GiB, TiB are powers of 1024; kB, MB, GB, TB of 1000.

    >>> [parse_size(text) for text in ("512MiB", "2GB", "1.5 gib", "4096", "12 parsecs", "-1MiB", "")]
    [536870912, 2000000000, 1610612736, 4096, None, None, None]
    """
    match = _SIZE.fullmatch(text.strip().lower())
    unit_bytes = _UNIT_BYTES.get(match[3]) if match else None
    if match is None or unit_bytes is None:
        return None
    return int(match[1]) * unit_bytes + int((match[2] or "").ljust(6, "0")) * unit_bytes // 10**6


def read_memory(text: str, written: str) -> int:
    return read_size(text, written, MIN_MEMORY_BYTES, MAX_MEMORY_BYTES)


def read_line_size(text: str, written: str) -> int:
    return read_size(text, written, MIN_LINE_BYTES, MAX_LINE_BYTES)


def read_size(text: str, written: str, least_bytes: int, most_bytes: int) -> int:
    size_bytes = parse_size(text)
    if size_bytes is None:
        raise SettingsError(f"{written} is not a size. Write for example 512MiB or 2GB.")
    if not least_bytes <= size_bytes <= most_bytes:
        raise SettingsError(f"{written} is out of range. The least is {least_bytes:,} bytes, the most {most_bytes:,}.")
    return size_bytes


def read_store(text: str, written: str) -> Address | None:
    """None for the store in memory. ``written`` holds a password: no sentence repeats it.

    >>> read_store("memory", "--store 'memory'"), str(read_store("clickhouse://me:secret@a.test/otel", ""))
    (None, 'clickhouse://a.test:8123/otel')
    """
    if text.strip().lower() == "memory":
        return None
    try:
        return Address.parse(text)
    except AddressError as error:
        raise SettingsError(f"--store: {error}") from None


def read_port(text: str, written: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 5 or int(text) > 65535:
        raise SettingsError(f"{written} is not a port. Write a whole number from 0 to 65535.")
    return int(text)


def read_host(text: str, written: str) -> str:
    host = host_name(text)
    if host is None:
        raise SettingsError(f"{written} is not an address or a host name. Write for example 127.0.0.1 or ::1.")
    return host


def read_host_names(text: str, written: str) -> tuple[str, ...]:
    names = [(part, host_name(part)) for part in (part.strip() for part in text.split(","))]
    if wrong := [part for part, name in names if name is None]:
        raise SettingsError(
            f"{written} holds {wrong[0]!r}, which is not a host name. Leave out scheme, port and wildcards: "
            "for example traces.example.org."
        )
    return tuple(dict.fromkeys(name for _, name in names if name is not None))


def read_otlp(text: str, written: str) -> tuple[str, int]:
    host_text, colon, port_text = text.rpartition(":")
    host = host_name(host_text) if colon else "127.0.0.1"
    if host is None or (":" in host and not host_text.startswith("[")):
        raise SettingsError(f"{written} is not [HOST:]PORT. Write for example 4318, 0.0.0.0:4318 or [::1]:4318.")
    return host, read_port(port_text, written)


def read_otlp_store(text: str, written: str) -> str:
    if text not in ("file", "console"):
        raise SettingsError(f"{written} is not a store. Write file or console.")
    return text


def read_origins(text: str, written: str) -> tuple[str, ...]:
    origins = [part.strip().lower() for part in text.split(",")]
    if wrong := [origin for origin in origins if not _ORIGIN.fullmatch(origin)]:
        raise SettingsError(
            f"{written} holds {wrong[0]!r}, which is no origin. Write scheme, host and port as the browser's address bar shows "
            "them, without a path: for example http://localhost:3000."
        )
    return tuple(dict.fromkeys(origins))


def read_token_file(text: str, written: str) -> str:
    try:
        read_tokens(text)
    except TokensError as error:
        raise SettingsError(f"{written} {error}") from None
    return text


_SENT_BY_EVERYBODY = frozenset(
    (
        *("host", "accept", "accept-encoding", "accept-language", "user-agent", "connection", "cookie", "referer"),
        *("origin", "cache-control", "content-length", "content-type", "via", "forwarded", "x-real-ip", "x-request-id"),
        *("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "sec-fetch-site"),
        *("sec-fetch-mode", "sec-fetch-dest", "upgrade-insecure-requests", "authorization", "hx-request"),
    )
)


def read_header_name(text: str, written: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,99}", text):
        raise SettingsError(f"{written} is no name of a header. Write for example X-Forwarded-User.")
    if text.lower() in _SENT_BY_EVERYBODY:
        raise SettingsError(
            f"{written} is a header that is there whoever asks, so that everybody would be let in. Name the one in which the "
            "proxy says who reads, for example X-Forwarded-User."
        )
    return text


def read_prefix(text: str, written: str) -> str:
    prefix = f"/{text.strip('/')}"
    if not re.fullmatch(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,63}){1,8}", prefix):
        raise SettingsError(f"{written} is no path. Write for example /viewer.")
    if prefix.split("/")[1] in OWN_PATHS:
        raise SettingsError(
            f"{written} begins like an address of the viewer's own pages. Choose another, for example /viewer."
        )
    return prefix


def read_addresses(text: str, written: str) -> tuple[str, ...]:
    try:
        return tuple(str(ip_address(part.strip())) for part in text.split(","))
    except ValueError:
        raise SettingsError(f"{written} is no address. Write for example 10.0.0.2.") from None


def read_switch(text: str, written: str) -> bool:
    value = _SWITCH.get(text.lower())
    if value is None:
        raise SettingsError(f"{written} is not a switch. Write 1 or 0.")
    return value


def host_name(text: str) -> str | None:
    """A name or an address in the spelling that a Host header has, without brackets; None for what is neither."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        return str(ip_address(bare))
    except ValueError:
        name = text.lower()
        return name if len(name) <= 253 and _HOST_NAME.fullmatch(name) else None


def is_loopback_address(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
