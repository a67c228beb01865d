"""Values of attributes as what they mean: text, number, path, host. Which keys hold them is ``semconv``'s to know."""

from urllib.parse import urlsplit

from diamond_viewer.telemetry.model import AttributeValue


def text_of(value: AttributeValue) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else ""


def number_of(value: AttributeValue) -> float | None:
    try:
        number = float(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and abs(number) < 1e15 else None


def path_of(address: str) -> str:
    """The path of a URL or request target, without its query.

    >>> path_of("https://diamond.test/api/me?x=1"), path_of("/login?from=%2F"), path_of("http://[")
    ('/api/me', '/login', '')
    """
    if address.startswith("/"):
        return address.partition("?")[0].partition("#")[0]
    try:
        parts = urlsplit(address)
        return parts.path or ("/" if parts.netloc else "")
    except ValueError:
        return ""


def host_of(url: str) -> str:
    """
    >>> host_of("https://ada:secret@a.test:8443/b"), host_of("http://["), host_of("/b")
    ('a.test:8443', '', '')
    """
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""
