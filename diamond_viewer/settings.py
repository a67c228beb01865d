"""Settings: flag > environment (``DIAMOND_<FLAG>``) > default. A value that cannot be used is refused with one sentence."""

import argparse
import os
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from glob import has_magic
from ipaddress import ip_address
from pathlib import Path
from typing import NoReturn, TypeVar

from diamond_viewer.diagnosis.diagnose import DEFAULTS
from diamond_viewer.diagnosis.finding import Thresholds
from diamond_viewer.tokens import TokensError, read_tokens

T = TypeVar("T")

DEFAULT_PATTERN = "/var/log/otel-collector/traces.json"
ENVIRONMENT_PREFIX = "DIAMOND_"
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")

MIN_MEMORY_BYTES, MAX_MEMORY_BYTES = 1024**2, 1024**5
LINE_SHARE = 8  # of the memory: while a line is read it takes up to twice its length, and that is kept free
WORKER_BYTES = 256 * 1024**2  # what a backfill worker may take, and must be there besides as much for the server
MIN_DEFAULT_MEMORY_BYTES = 256 * 1024**2
MIN_LINE_BYTES, MAX_LINE_BYTES = 1024, 1024**3  # a line is decoded in one piece: beyond 1 GiB no machine of ours would

_UNIT_BYTES = {"": 1, "b": 1, "kb": 1000, "mb": 1000**2, "gb": 1000**3, "tb": 1000**4}
_UNIT_BYTES |= {"kib": 1024, "mib": 1024**2, "gib": 1024**3, "tib": 1024**4}
_SIZE = re.compile(r"(\d{1,15})(?:\.(\d{1,6}))?\s*([a-z]*)", re.ASCII)
_LABEL = r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_ORIGIN = re.compile(rf"https?://(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\])(?::\d{{1,5}})?")
_SWITCH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


class SettingsError(ValueError):
    """A setting cannot be used; the message is a sentence for whoever started the viewer."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the viewer runs. ``patterns`` is empty when the user named none; sizes are in bytes.

    ``host`` is an address or a name without brackets, ``port`` 0 takes any free one, ``allowed_hosts`` are names in lower
    case that a request may carry in its Host header besides the loopback names and ``host``. ``otlp`` is where telemetry is
    received, as ``(host, port)``, ``otlp_store`` is file or console, ``otlp_origins`` are of web pages that may send it.
    ``trust_proxy_user`` is the header in which one of ``proxies``, addresses, names whom it has let in.
    """

    patterns: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8000
    memory_bytes: int = field(default_factory=lambda: default_memory_bytes())
    demo: bool = False
    allowed_hosts: tuple[str, ...] = ()
    max_line_bytes: int = 64 * 1024**2
    thresholds: Thresholds = DEFAULTS
    otlp: tuple[str, int] | None = None
    otlp_store: str = "file"
    otlp_origins: tuple[str, ...] = ()
    auth_token_file: str = ""
    trust_proxy_user: str = ""
    proxies: tuple[str, ...] = ()

    @classmethod
    def from_arguments(cls, arguments: Sequence[str], environment: Mapping[str, str]) -> "Settings":
        """The words after the program's name, and the environment. Raises ``SettingsError``; ``--help`` exits with 0."""
        flags = _parser().parse_intermixed_args(arguments)  # intermixed: a.json --port 9000 b.json

        def choose(flag: str, read: Callable[[str, str], T], default: T) -> T:
            """What the flag says, else the variable (an empty one is as good as none), else the default."""
            text: str | None = getattr(flags, flag.replace("-", "_"))
            if text is not None:
                return read(text, f"--{flag} {text!r}")
            name = ENVIRONMENT_PREFIX + flag.upper().replace("-", "_")
            text = environment.get(name, "").strip()
            return read(text, f"{name}={text!r}") if text else default

        patterns = tuple(flags.patterns)
        if any(not pattern.strip() or "\0" in pattern for pattern in patterns):
            raise SettingsError(
                "A PATTERN is empty or holds a NUL. Name a file or a glob, for example '/data/traces*.json'."
            )
        if flags.demo and patterns:
            raise SettingsError("--demo shows traffic of its own: leave out the PATTERN, or leave out --demo.")
        standard = cls()
        memory_bytes = choose("memory", _read_memory, standard.memory_bytes)
        max_line_bytes = min(standard.max_line_bytes, max(memory_bytes // LINE_SHARE, MIN_LINE_BYTES))
        settings = cls(
            patterns=patterns,
            host=choose("host", _read_host, standard.host),
            port=choose("port", _read_port, standard.port),
            memory_bytes=memory_bytes,
            demo=choose("demo", _read_switch, False) and not patterns,  # DIAMOND_DEMO=1 yields to a PATTERN
            allowed_hosts=choose("allowed-host", _read_host_names, ()),
            max_line_bytes=choose("max-line", _read_line, max_line_bytes),
            thresholds=choose("config", _read_config, standard.thresholds),
            otlp=choose("otlp", _read_otlp, None),
            otlp_store=choose("otlp-store", _read_otlp_store, standard.otlp_store),
            otlp_origins=choose("otlp-allow-origin", _read_origins, ()),
            auth_token_file=choose("auth-token-file", _read_token_file, ""),
            trust_proxy_user=choose("trust-proxy-user", _read_header_name, ""),
            proxies=choose("proxy", _read_addresses, ()),
        )
        if settings.otlp and settings.demo:
            raise SettingsError("--demo writes traffic of its own: leave it out, or leave out --otlp.")
        if settings.otlp and settings.otlp_store == "file":
            _check_live_path(settings.live_path)
        if bool(settings.trust_proxy_user) != bool(settings.proxies):
            raise SettingsError(
                "--trust-proxy-user HEADER and --proxy ADDRESS belong together: only that proxy is believed."
            )
        if not (settings.is_loopback or settings.auth_token_file or settings.trust_proxy_user):
            raise SettingsError(
                f"--host {settings.host} can be reached from other machines, and traces hold personal data: let readers in "
                "by a token with --auth-token-file FILE, or by a proxy with --trust-proxy-user HEADER --proxy ADDRESS, or "
                "stay on 127.0.0.1."
            )
        if settings.listens_everywhere and not settings.allowed_hosts:
            raise SettingsError(
                f"--host {settings.host} is every address of this machine: say under which names readers come with "
                "--allowed-host NAME."
            )
        return settings

    @property
    def live_path(self) -> str:
        """The file that grows: the first PATTERN that is no glob, where received telemetry is stored."""
        return next((pattern for pattern in self.patterns or (DEFAULT_PATTERN,) if not has_magic(pattern)), "")

    @property
    def reserve_bytes(self) -> int:
        """What of the memory is kept free for the longest line."""
        return min(2 * self.max_line_bytes, self.memory_bytes // 2)

    @property
    def worker_count(self) -> int:
        """How many processes may read the backlog beside the server; 0 where memory is short."""
        return max(0, min(os.cpu_count() or 1, self.memory_bytes // WORKER_BYTES - 1))

    @property
    def is_loopback(self) -> bool:
        """True when only this machine can connect."""
        return self.host == "localhost" or _is_loopback_address(self.host)

    @property
    def listens_everywhere(self) -> bool:
        """True for 0.0.0.0 and ::, which are every address of the machine and the name of none."""
        return self.host in ("0.0.0.0", "::")

    @property
    def trusted_hosts(self) -> tuple[str, ...]:
        """Every name a request may carry in its Host header."""
        own = () if self.listens_everywhere else (self.host,)
        return tuple(dict.fromkeys((*LOOPBACK_NAMES, *own, *self.allowed_hosts)))


class _Joined(argparse.Action):
    """A repeatable flag, kept as its variable is written: separated by commas."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        before: str | None = getattr(namespace, self.dest)
        setattr(namespace, self.dest, str(values) if before is None else f"{before},{values}")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"{message[:1].upper()}{message[1:]}. See python app.py --help.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="app.py",
        allow_abbrev=False,
        description="Shows an OpenTelemetry Collector's trace files in a browser, live.",
        epilog="Every flag is also DIAMOND_<FLAG> in the environment, for example DIAMOND_PORT=9000; flags win.",
    )
    parser.add_argument(
        "patterns",
        metavar="PATTERN",
        nargs="*",
        help=f"a trace file, with its rotated backups, or a glob (default: {DEFAULT_PATTERN}, "
        "or the demo when that is not there)",
    )
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", help="port to listen on; 0 takes a free one (default: 8000)")
    parser.add_argument(
        "--memory",
        metavar="SIZE",
        help="what the viewer may take, spent on the newest traces (default: a quarter of the "
        "machine, at least 256MiB)",
    )
    parser.add_argument(
        "--demo", action="store_const", const="1", help="write realistic traffic to a temporary folder, show that"
    )
    parser.add_argument(
        "--allowed-host",
        metavar="NAME",
        action=_Joined,
        help="a host name under which readers reach the viewer, besides localhost (repeatable; commas in the environment)",
    )
    parser.add_argument(
        "--max-line",
        metavar="SIZE",
        help="a longer line is skipped and counted (default: 64MiB, or an eighth of --memory if that is less)",
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="a TOML file; its table [thresholds] sets limits of the rules (docs/diagnosis.md)",
    )
    parser.add_argument(
        "--otlp",
        metavar="[HOST:]PORT",
        help="also receive OTLP/HTTP there, 4318 as a rule, and store it in the first PATTERN (HOST by default: 127.0.0.1)",
    )
    parser.add_argument(
        "--otlp-store",
        metavar="file|console",
        help="console prints what is received, a line per span, instead of storing it",
    )
    parser.add_argument(
        "--otlp-allow-origin",
        metavar="ORIGIN",
        action=_Joined,
        help="a web page's origin that may send telemetry, for example http://localhost:3000 (repeatable)",
    )
    parser.add_argument("--auth-token-file", metavar="FILE", help="readers log in with one of its lines")
    parser.add_argument("--trust-proxy-user", metavar="HEADER", help="where a --proxy names whom it has let in")
    parser.add_argument("--proxy", metavar="ADDRESS", action=_Joined, help="from which it connects (repeatable)")
    return parser


def default_memory_bytes() -> int:
    """A quarter of the machine's memory, or of what the control group may take of it; at least 256 MiB."""
    sizes_bytes = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    with suppress(OSError, ValueError):  # "max" is no number: the group has no limit
        sizes_bytes.append(int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return max(min(sizes_bytes) // 4, MIN_DEFAULT_MEMORY_BYTES)


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


def _read_memory(text: str, written: str) -> int:
    return _read_size(text, written, MIN_MEMORY_BYTES, MAX_MEMORY_BYTES)


def _read_line(text: str, written: str) -> int:
    return _read_size(text, written, MIN_LINE_BYTES, MAX_LINE_BYTES)


def _read_size(text: str, written: str, least_bytes: int, most_bytes: int) -> int:
    size_bytes = parse_size(text)
    if size_bytes is None:
        raise SettingsError(f"{written} is not a size. Write for example 512MiB or 2GB.")
    if not least_bytes <= size_bytes <= most_bytes:
        raise SettingsError(f"{written} is out of range. The least is {least_bytes:,} bytes, the most {most_bytes:,}.")
    return size_bytes


def _read_config(text: str, written: str) -> Thresholds:
    try:
        tables = tomllib.loads(Path(text).read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{written} cannot be read: {error.strerror or error}.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{written} is not TOML: {error}.") from None
    if unknown := [name for name in tables if name != "thresholds"]:
        raise SettingsError(f"{written} holds {unknown[0]!r}, which is not known. There is one table: [thresholds].")
    limits = tables.get("thresholds", {})
    if not isinstance(limits, dict):
        raise SettingsError(
            f"{written}: thresholds must be a table. Write [thresholds], and below it slow_span_ms = 500."
        )
    try:
        return Thresholds.from_table(limits)
    except ValueError as error:
        raise SettingsError(f"{written}: {error}") from None


def _read_port(text: str, written: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 5 or int(text) > 65535:
        raise SettingsError(f"{written} is not a port. Write a whole number from 0 to 65535.")
    return int(text)


def _read_host(text: str, written: str) -> str:
    host = _host_name(text)
    if host is None:
        raise SettingsError(f"{written} is not an address or a host name. Write for example 127.0.0.1 or ::1.")
    return host


def _read_host_names(text: str, written: str) -> tuple[str, ...]:
    names = [(part, _host_name(part)) for part in (part.strip() for part in text.split(","))]
    if wrong := [part for part, name in names if name is None]:
        raise SettingsError(
            f"{written} holds {wrong[0]!r}, which is not a host name. Leave out scheme, port and wildcards: "
            "for example traces.example.org."
        )
    return tuple(dict.fromkeys(name for _, name in names if name is not None))


def _read_otlp(text: str, written: str) -> tuple[str, int]:
    host_text, colon, port_text = text.rpartition(":")
    host = _host_name(host_text) if colon else "127.0.0.1"
    if host is None or (":" in host and not host_text.startswith("[")):
        raise SettingsError(f"{written} is not [HOST:]PORT. Write for example 4318, 0.0.0.0:4318 or [::1]:4318.")
    return host, _read_port(port_text, written)


def _read_otlp_store(text: str, written: str) -> str:
    if text not in ("file", "console"):
        raise SettingsError(f"{written} is not a store. Write file or console.")
    return text


def _read_origins(text: str, written: str) -> tuple[str, ...]:
    origins = [part.strip().lower() for part in text.split(",")]
    if wrong := [origin for origin in origins if not _ORIGIN.fullmatch(origin)]:
        raise SettingsError(
            f"{written} holds {wrong[0]!r}, which is no origin. Write scheme, host and port as the browser's address bar shows "
            "them, without a path: for example http://localhost:3000."
        )
    return tuple(dict.fromkeys(origins))


def _read_token_file(text: str, written: str) -> str:
    try:
        read_tokens(text)
    except TokensError as error:
        raise SettingsError(f"{written} {error}") from None
    return text


def _read_header_name(text: str, written: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,99}", text):
        raise SettingsError(f"{written} is no name of a header. Write for example X-Forwarded-User.")
    return text


def _read_addresses(text: str, written: str) -> tuple[str, ...]:
    try:
        return tuple(str(ip_address(part.strip())) for part in text.split(","))
    except ValueError:
        raise SettingsError(f"{written} is no address. Write for example 10.0.0.2.") from None


def _check_live_path(path: str) -> None:
    if not path:
        raise SettingsError(
            "--otlp stores what comes in a file, and a glob is none: name the live file before the glob."
        )
    if path.endswith((".gz", ".zst")):
        raise SettingsError(f"--otlp stores what comes in plain lines, and {path!r} is compressed. Name another file.")


def _read_switch(text: str, written: str) -> bool:
    value = _SWITCH.get(text.lower())
    if value is None:
        raise SettingsError(f"{written} is not a switch. Write 1 or 0.")
    return value


def _host_name(text: str) -> str | None:
    """A name or an address in the spelling that a Host header has, without brackets; None for what is neither."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        return str(ip_address(bare))
    except ValueError:
        name = text.lower()
        return name if len(name) <= 253 and _HOST_NAME.fullmatch(name) else None


def _is_loopback_address(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
