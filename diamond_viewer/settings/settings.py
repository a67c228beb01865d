"""Settings: flag > environment (``DIAMOND_<FLAG>``) > default. A value that cannot be used is refused with one sentence."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from glob import has_magic
from pathlib import Path
from typing import TypeVar

from diamond_viewer.clickhouse.address import Address
from diamond_viewer.settings.configuration import UNCONFIGURED, Configuration, read_configuration
from diamond_viewer.settings.configuration_check import report
from diamond_viewer.settings.flags import DEFAULT_PATTERN, flag_parser
from diamond_viewer.settings.values import (
    MIN_LINE_BYTES,
    SettingsError,
    is_loopback_address,
    read_addresses,
    read_header_name,
    read_host,
    read_host_names,
    read_line_size,
    read_memory,
    read_origins,
    read_otlp,
    read_otlp_store,
    read_port,
    read_prefix,
    read_store,
    read_switch,
    read_token_file,
)
from diamond_viewer.telemetry.own_secrets import Redaction

__all__ = ["DEFAULT_PATTERN", "LOOPBACK_NAMES", "Settings", "SettingsError", "default_memory_bytes"]

T = TypeVar("T")

ENVIRONMENT_PREFIX = "DIAMOND_"
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")

LINE_SHARE = 8  # of the memory: while a line is read it takes up to twice its length, and that is kept free
WORKER_BYTES = 256 * 1024**2  # what a backfill worker may take, and must be there besides as much for the server
WORKERS_SHARE = 3  # of the memory: all of them together
MIN_DEFAULT_MEMORY_BYTES = 256 * 1024**2


@dataclass(frozen=True, slots=True)
class Settings:
    """How the viewer runs. ``patterns`` is empty when the user named none; sizes are in bytes.

    ``host`` is an address or a name without brackets, ``port`` 0 takes any free one, ``allowed_hosts`` are names in lower
    case that a request may carry in its Host header besides the loopback names and ``host``. ``otlp`` is where telemetry is
    received, as ``(host, port)``, ``otlp_store`` is file or console, ``otlp_origins`` are of web pages that may send it.
    ``trust_proxy_user`` is the header in which one of ``proxies``, addresses, names whom it has let in. ``prefix`` is
    empty or a path like ``/viewer`` below which a proxy shows the pages. ``store`` is a cluster
    that is shown instead of files.
    """

    patterns: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 8000
    memory_bytes: int = field(default_factory=lambda: default_memory_bytes())
    demo: bool = False
    allowed_hosts: tuple[str, ...] = ()
    max_line_bytes: int = 64 * 1024**2
    configuration: Configuration = UNCONFIGURED
    otlp: tuple[str, int] | None = None
    otlp_store: str = "file"
    otlp_origins: tuple[str, ...] = ()
    auth_token_file: str = ""
    trust_proxy_user: str = ""
    proxies: tuple[str, ...] = ()
    store: Address | None = None
    no_redact: bool = False
    prefix: str = ""
    access_log: bool = False

    @classmethod
    def from_arguments(cls, arguments: Sequence[str], environment: Mapping[str, str]) -> "Settings":
        """The words after the program's name, and the environment. Raises ``SettingsError``; ``--help`` and
        ``--check-config`` exit."""
        flags = flag_parser().parse_intermixed_args(arguments)  # intermixed: a.json --port 9000 b.json

        def choose(flag: str, read: Callable[[str, str], T], default: T) -> T:
            """What the flag says, else the variable (an empty one is as good as none), else the default."""
            text: str | None = getattr(flags, flag.replace("-", "_"))
            if text is not None:
                return read(text, f"--{flag} {text!r}")
            name = ENVIRONMENT_PREFIX + flag.upper().replace("-", "_")
            text = environment.get(name, "").strip()
            return read(text, f"{name}={text!r}") if text else default

        if flags.check_config is not None:
            raise SystemExit(report(flags.check_config or choose("config", lambda path, written: path, "")))
        patterns = tuple(flags.patterns)
        if any(not pattern.strip() or "\0" in pattern for pattern in patterns):
            raise SettingsError(
                "A PATTERN is empty or holds a NUL. Name a file or a glob, for example '/data/traces*.json'."
            )
        if flags.demo and patterns:
            raise SettingsError("--demo shows traffic of its own: leave out the PATTERN, or leave out --demo.")
        standard = cls()
        memory_bytes = choose("memory", read_memory, standard.memory_bytes)
        max_line_bytes = min(standard.max_line_bytes, max(memory_bytes // LINE_SHARE, MIN_LINE_BYTES))
        settings = cls(
            patterns=patterns,
            host=choose("host", read_host, standard.host),
            port=choose("port", read_port, standard.port),
            memory_bytes=memory_bytes,
            demo=choose("demo", read_switch, False) and not patterns,  # DIAMOND_DEMO=1 yields to a PATTERN
            allowed_hosts=choose("allowed-host", read_host_names, ()),
            max_line_bytes=choose("max-line", read_line_size, max_line_bytes),
            configuration=choose("config", read_configuration, standard.configuration),
            otlp=choose("otlp", read_otlp, None),
            otlp_store=choose("otlp-store", read_otlp_store, standard.otlp_store),
            otlp_origins=choose("otlp-allow-origin", read_origins, ()),
            auth_token_file=choose("auth-token-file", read_token_file, ""),
            trust_proxy_user=choose("trust-proxy-user", read_header_name, ""),
            proxies=choose("proxy", read_addresses, ()),
            store=choose("store", read_store, None),
            access_log=choose("access-log", read_switch, False),
            prefix=choose("prefix", read_prefix, ""),
            no_redact=choose("no-redact", read_switch, False),
        )
        _check_together(settings)
        return settings

    @property
    def redaction(self) -> Redaction:
        """What is secret here."""
        return replace(self.configuration.redaction, is_on=not self.no_redact)

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
        """How many processes may read the backlog beside the server; 0 where memory is short. What they take is counted with
        the server, so that a larger part for them would be history that does not fit."""
        if self.memory_bytes < 2 * WORKER_BYTES:
            return 0
        return max(1, min(os.cpu_count() or 1, self.memory_bytes // WORKERS_SHARE // WORKER_BYTES))

    @property
    def is_loopback(self) -> bool:
        """True when only this machine can connect."""
        return self.host == "localhost" or is_loopback_address(self.host)

    @property
    def opens_to_others(self) -> bool:
        """True when readers of other machines are meant to come, through a tunnel or a proxy if not directly."""
        return bool(self.allowed_hosts or self.auth_token_file or self.trust_proxy_user or self.proxies)

    @property
    def listens_everywhere(self) -> bool:
        """True for 0.0.0.0 and ::, which are every address of the machine and the name of none."""
        return self.host in ("0.0.0.0", "::")

    @property
    def trusted_hosts(self) -> tuple[str, ...]:
        """Every name a request may carry in its Host header."""
        own = () if self.listens_everywhere else (self.host,)
        return tuple(dict.fromkeys((*LOOPBACK_NAMES, *own, *self.allowed_hosts)))


def _check_together(settings: Settings) -> None:
    """What each may be alone and not beside the others."""
    if settings.store is not None and (settings.patterns or settings.demo or settings.otlp):
        beside = "a PATTERN" if settings.patterns else "--demo" if settings.demo else "--otlp"
        raise SettingsError(
            f"--store shows what a cluster holds and reads no files: leave it out, or leave out {beside}."
        )
    if settings.otlp and settings.demo:
        raise SettingsError("--demo writes traffic of its own: leave it out, or leave out --otlp.")
    if settings.otlp and settings.otlp_store == "file":
        _check_live_path(settings.live_path)
    if settings.trust_proxy_user and not settings.proxies:
        raise SettingsError(
            "--trust-proxy-user HEADER and --proxy ADDRESS belong together: only that proxy is believed."
        )
    if not (settings.is_loopback or settings.auth_token_file or settings.trust_proxy_user):
        raise SettingsError(
            f"--host {settings.host} can be reached from other machines, and traces hold personal data: let readers in "
            "by a token with --auth-token-file FILE, or by a proxy with --trust-proxy-user HEADER --proxy ADDRESS, or "
            "stay on 127.0.0.1."
        )
    if settings.no_redact and (settings.opens_to_others or not settings.is_loopback):
        raise SettingsError(
            "--no-redact shows passwords and tokens: it stays on this machine. Leave it out, or leave out --host, "
            "--allowed-host, --auth-token-file, --proxy and --trust-proxy-user."
        )
    if settings.listens_everywhere and not settings.allowed_hosts:
        raise SettingsError(
            f"--host {settings.host} is every address of this machine: say under which names readers come with "
            "--allowed-host NAME."
        )


def _check_live_path(path: str) -> None:
    if not path:
        raise SettingsError(
            "--otlp stores what comes in a file, and a glob is none: name the live file before the glob."
        )
    if path.endswith((".gz", ".zst")):
        raise SettingsError(f"--otlp stores what comes in plain lines, and {path!r} is compressed. Name another file.")


def default_memory_bytes() -> int:
    """A quarter of the machine's memory, or of what the control group may take of it; at least 256 MiB."""
    sizes_bytes = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    with suppress(OSError, ValueError):  # "max" is no number: the group has no limit
        sizes_bytes.append(int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return max(min(sizes_bytes) // 4, MIN_DEFAULT_MEMORY_BYTES)
