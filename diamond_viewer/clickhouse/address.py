"""The address of a cluster: what ``--store`` is told, as a value. Its password is in no text that is made of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

SCHEMES = {"clickhouse": 8123, "clickhouses": 8443}
DEFAULT_DATABASE, DEFAULT_TABLE, DEFAULT_USER = "default", "otel_traces", "default"
EXAMPLE = "clickhouse://USER:PASSWORD@HOST:8123/DATABASE"
PARAMETERS = (
    *("table", "logs", "metrics", "cluster", "secure", "ca", "cert", "key", "longest", "timeout", "memory", "rows"),
    "password-file",
)
MAX_TIMEOUT_S = 600
MAX_NAME_LENGTH = 200
ESCAPES = (
    "In name and password write what is neither letter nor digit as % and two hex digits (@ is %40, / is %2F, # is %23, "
    "% is %25), or put the password in a file: ?password-file=FILE."
)

_HOST = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^:\[\]\s]+)(?::(?P<port>\d{1,5}))?")
_SPAN_OF_TIME = re.compile(r"(\d{1,6})(s|m|h)")
_UNIT_S = {"s": 1, "m": 60, "h": 3600}
_SIZE = re.compile(r"(\d{1,6})(MiB|GiB)")
_UNIT_BYTES = {"MiB": 1024**2, "GiB": 1024**3}
_NUMBER = re.compile(r"([1-9]\d{0,5})([MG])")
_UNIT_ROWS = {"M": 10**6, "G": 10**9}


class AddressError(ValueError):
    """The address cannot be used; the message is a sentence that does not repeat its password."""


@dataclass(frozen=True, slots=True)
class Address:
    """``hosts`` are tried in this order, each ``(host, port)``. ``table`` may name its database as ``database.table``.
    ``password_file`` holds the password instead: see ``current_password``.

    ``cluster``: the tables are those of every shard of this cluster, without a Distributed table over them. ``ca`` is a file
    of certificates to be trusted, ``certificate`` and ``key`` are files of the viewer's own. ``longest_s`` is how long before
    and after a window the spans of its traces are looked for; ``timeout_s``, ``memory_bytes`` and ``rows`` that are read bound
    a query.
    """

    hosts: tuple[tuple[str, int], ...]
    user: str = DEFAULT_USER
    password: str = field(default="", repr=False)
    password_file: str = ""
    database: str = DEFAULT_DATABASE
    table: str = DEFAULT_TABLE
    logs: str = "otel_logs"
    metrics: str = "otel_metrics"
    cluster: str = ""
    is_secure: bool = False
    ca: str = ""
    certificate: str = ""
    key: str = ""
    longest_s: int = 3600
    timeout_s: int = 20
    memory_bytes: int = 4 * 1024**3
    rows: int = 5_000_000_000

    def __str__(self) -> str:
        """As a page may show it: without user and password."""
        return f"{self.scheme}://{self.named_hosts}/{self.database}"

    @property
    def scheme(self) -> str:
        return "clickhouses" if self.is_secure else "clickhouse"

    @property
    def named_hosts(self) -> str:
        """
        >>> Address((("a.test", 8123), ("::1", 8123))).named_hosts
        'a.test:8123,[::1]:8123'
        """
        return ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)

    def split(self, table: str) -> tuple[str, str]:
        """Database and table of a name that may begin with its database: what follows the first dot is the table's own.

        >>> Address((), database="otel").split("spans"), Address(()).split("other.spans.v2")
        (('otel', 'spans'), ('other', 'spans.v2'))
        """
        before, dot, name = table.partition(".")
        return (before, name) if dot else (self.database, table)

    def current_password(self) -> str:
        """What the file says now, so that a new password needs no restart. Raises ``AddressError``."""
        if not self.password_file:
            return self.password
        try:
            return Path(self.password_file).read_text("utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
            raise AddressError(f"The file {self.password_file!r} of password-file= cannot be read: {reason}.") from None

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Raises ``AddressError``.

        >>> str(Address.parse("clickhouse://reader:se%40cret@a.test,b.test:9123/otel?table=spans"))
        'clickhouse://a.test:8123,b.test:9123/otel'
        >>> Address.parse("clickhouse://reader:se%40cret@a.test/otel").password
        'se@cret'
        >>> Address.parse("clickhouse://a.test/otel?tabel=spans")
        Traceback (most recent call last):
        ...
        diamond_viewer.clickhouse.address.AddressError: The store's address says 'tabel', which is unknown. Known are ...
        """
        try:
            parts = urlsplit(text.strip())
            beyond = parts.path + parts.query + parts.fragment
            if parts.fragment or "@" in beyond:  # the host is part of a password then: nothing of it is shown
                raise AddressError(f"The store's address cannot be read. Write {EXAMPLE}. {ESCAPES}")
            given = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query), max_num_fields=50)
        except AddressError:
            raise
        except ValueError:
            raise AddressError(f"The store's address cannot be read. Write {EXAMPLE}. {ESCAPES}") from None
        if parts.scheme not in SCHEMES:
            raise AddressError(f"The store's address must begin with clickhouse://. Write {EXAMPLE}.")
        options = _options(given)
        is_secure = parts.scheme == "clickhouses" or options.get("secure") in ("1", "true", "yes")
        login, hosts = _login_and_hosts(parts, SCHEMES["clickhouses" if is_secure else "clickhouse"])
        database = unquote(parts.path.strip("/")) or DEFAULT_DATABASE
        names = {name: options[name] for name in ("table", "logs", "metrics", "cluster") if name in options}
        for what, name in {"database": database, **names}.items():
            if not _is_name(name):
                raise AddressError(
                    f"{name[:60]!r} is no name for {what}: up to {MAX_NAME_LENGTH} characters that can be printed may stand "
                    "in it, and a first dot only behind the name of a database."
                )
        if not is_secure and {"ca", "cert", "key"} & options.keys():
            raise AddressError(
                "Certificates are for connections by TLS: write clickhouses:// instead of clickhouse://."
            )
        if login[1] and options.get("password-file"):
            raise AddressError("The store's address has a password and names a file with one: leave out either.")
        address = cls(
            hosts=hosts,
            user=login[0] or DEFAULT_USER,
            password=login[1],
            password_file=options.get("password-file", ""),
            database=database,
            is_secure=is_secure,
            ca=options.get("ca", ""),
            certificate=options.get("cert", ""),
            key=options.get("key", ""),
            longest_s=_seconds(options.get("longest", "1h"), "longest"),
            timeout_s=min(_seconds(options.get("timeout", "20s"), "timeout"), MAX_TIMEOUT_S),
            memory_bytes=_bytes(options.get("memory", "4GiB")),
            rows=_rows(options.get("rows", "5G")),
            **names,
        )
        address.current_password()
        return address


def _options(given: list[tuple[str, str]]) -> Mapping[str, str]:
    for name, _ in given:
        if name not in PARAMETERS:
            raise AddressError(
                f"The store's address says {name[:40]!r}, which is unknown. Known are {', '.join(PARAMETERS)}."
            )
    return dict(given)


def _login_and_hosts(parts: SplitResult, port: int) -> tuple[tuple[str, str], tuple[tuple[str, int], ...]]:
    login, _, named = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    hosts = []
    for one in named.split(","):
        match = _HOST.fullmatch(one.strip())
        if match is None or int(match["port"] or port) > 65535:
            # what stands there may be the rest of a password with a character that was not written as %40
            raise AddressError(f"The store's address names no host that can be read. Write {EXAMPLE}. {ESCAPES}")
        hosts.append((match["host"].strip("[]"), int(match["port"] or port)))
    return (unquote(user), unquote(password)), tuple(hosts)


def _is_name(name: str) -> bool:
    """
    >>> [_is_name(name) for name in ("my-täble", "o`tel.sp'ans.v2", "", ".spans", "otel.", "a\\0b")]
    [True, True, False, False, False, False]
    """
    before, dot, after = name.partition(".")
    return name.isprintable() and len(name) <= MAX_NAME_LENGTH and bool(before) and bool(after) == bool(dot)


def _seconds(text: str, name: str) -> int:
    match = _SPAN_OF_TIME.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise AddressError(f"{name}={text[:20]!r} in the store's address is no time. Write for example 30s, 10m or 1h.")
    return int(match[1]) * _UNIT_S[match[2]]


def _bytes(text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise AddressError(f"memory={text[:20]!r} in the store's address is no size. Write for example 512MiB or 4GiB.")
    return int(match[1]) * _UNIT_BYTES[match[2]]


def _rows(text: str) -> int:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise AddressError(
            f"rows={text[:20]!r} in the store's address is no number of rows. Write for example 500M or 5G."
        )
    return int(match[1]) * _UNIT_ROWS[match[2]]
