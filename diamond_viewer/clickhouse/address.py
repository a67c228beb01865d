"""The address of a cluster: what ``--store`` is told, as a value. Its password is in no text that is made of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

SCHEMES = {"clickhouse": 8123, "clickhouses": 8443}
DEFAULT_DATABASE, DEFAULT_TABLE, DEFAULT_USER = "default", "otel_traces", "default"
EXAMPLE = "clickhouse://USER:PASSWORD@HOST:8123/DATABASE"
PARAMETERS = ("table", "logs", "metrics", "cluster", "secure", "ca", "cert", "key", "longest", "timeout", "memory")
MAX_TIMEOUT_S = 600

_NAME = re.compile(r"[A-Za-z_][\w.-]{0,200}", re.ASCII)
_HOST = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^:\[\]\s]+)(?::(?P<port>\d{1,5}))?")
_SPAN_OF_TIME = re.compile(r"(\d{1,6})(s|m|h)")
_UNIT_S = {"s": 1, "m": 60, "h": 3600}
_SIZE = re.compile(r"(\d{1,6})(MiB|GiB)")
_UNIT_BYTES = {"MiB": 1024**2, "GiB": 1024**3}


class AddressError(ValueError):
    """The address cannot be used; the message is a sentence that does not repeat its password."""


@dataclass(frozen=True, slots=True)
class Address:
    """``hosts`` are tried in this order, each ``(host, port)``. ``table`` may name its database as ``database.table``.

    ``cluster``: the tables are those of every shard of this cluster, without a Distributed table over them. ``ca`` is a file
    of certificates to be trusted, ``certificate`` and ``key`` are files of the viewer's own. ``longest_s`` is how long before
    and after a window the spans of its traces are looked for; ``timeout_s`` and ``memory_bytes`` bound a query.
    """

    hosts: tuple[tuple[str, int], ...]
    user: str = DEFAULT_USER
    password: str = field(default="", repr=False)
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

    def __str__(self) -> str:
        """As a page may show it: without user and password."""
        hosts = ",".join(f"{host}:{port}" for host, port in self.hosts)
        return f"{'clickhouses' if self.is_secure else 'clickhouse'}://{hosts}/{self.database}"

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
            given = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query), max_num_fields=50)
        except ValueError:
            raise AddressError(f"The store's address cannot be read. Write {EXAMPLE}.") from None
        if parts.scheme not in SCHEMES:
            raise AddressError(f"The store's address must begin with clickhouse://. Write {EXAMPLE}.")
        options = _options(given)
        is_secure = parts.scheme == "clickhouses" or options.get("secure") in ("1", "true", "yes")
        login, hosts = _login_and_hosts(parts, SCHEMES["clickhouses" if is_secure else "clickhouse"])
        database = unquote(parts.path.strip("/")) or DEFAULT_DATABASE
        names = {name: options[name] for name in ("table", "logs", "metrics", "cluster") if name in options}
        for what, name in {"database": database, **names}.items():
            if not _NAME.fullmatch(name) or name.count(".") > 1:
                raise AddressError(
                    f"{name[:60]!r} is no name of a {what}: letters, digits, _ and one dot may stand in it."
                )
        if not is_secure and {"ca", "cert", "key"} & options.keys():
            raise AddressError(
                "Certificates are for connections by TLS: write clickhouses:// instead of clickhouse://."
            )
        return cls(
            hosts=hosts,
            user=login[0] or DEFAULT_USER,
            password=login[1],
            database=database,
            is_secure=is_secure,
            ca=options.get("ca", ""),
            certificate=options.get("cert", ""),
            key=options.get("key", ""),
            longest_s=_seconds(options.get("longest", "1h"), "longest"),
            timeout_s=min(_seconds(options.get("timeout", "20s"), "timeout"), MAX_TIMEOUT_S),
            memory_bytes=_bytes(options.get("memory", "4GiB")),
            **names,
        )


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
            raise AddressError(
                f"The store's address names no host that can be read. Write {EXAMPLE}, @ and : as %40 and %3A."
            )
        hosts.append((match["host"].strip("[]"), int(match["port"] or port)))
    return (unquote(user), unquote(password)), tuple(hosts)


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
