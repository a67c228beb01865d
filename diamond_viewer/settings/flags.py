"""The flags, and what ``--help`` says of each."""

import argparse
import sys
from typing import NoReturn

from diamond_viewer.settings.values import SettingsError

DEFAULT_PATTERN = "/var/log/otel-collector/traces.json"
INSTALLED = "diamond-viewer"


def program() -> str:
    """How the viewer is started here: from the repository, or as the command that its wheel installs."""
    return INSTALLED if sys.argv[0].endswith(INSTALLED) else "python app.py"


class _Joined(argparse.Action):
    """A repeatable flag, kept as its variable is written: separated by commas."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        before: str | None = getattr(namespace, self.dest)
        setattr(namespace, self.dest, str(values) if before is None else f"{before},{values}")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise SettingsError(f"{message[:1].upper()}{message[1:]}. See {program()} --help.")


def flag_parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=program().removeprefix("python "),
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
        help="a TOML file: limits of the rules, what else is secret, what names users and lessons, how pages look and where "
        "they lead (docs/configuration.md)",
    )
    parser.add_argument(
        "--check-config",
        metavar="FILE",
        nargs="?",
        const="",
        help="say what is wrong with it, and in which line; nothing is started. Without FILE: that of --config",
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
    parser.add_argument(
        "--store",
        metavar="memory|clickhouse://USER:PASSWORD@HOST:8123/DATABASE",
        help="show what a ClickHouse cluster holds, instead of files (docs/scale-out.md); other users of this machine can read "
        "a flag: better write DIAMOND_STORE, or ?password-file=FILE behind it",
    )
    parser.add_argument("--auth-token-file", metavar="FILE", help="readers log in with one of its lines")
    parser.add_argument("--trust-proxy-user", metavar="HEADER", help="where a --proxy names whom it has let in")
    parser.add_argument(
        "--proxy",
        metavar="ADDRESS",
        action=_Joined,
        help="from which a proxy connects that is believed (repeatable)",
    )
    parser.add_argument(
        "--access-log",
        action="store_const",
        const="1",
        help="write a JSON object a request, without users, lessons and searches",
    )
    parser.add_argument("--prefix", metavar="PATH", help="below which a proxy shows the pages, for example /viewer")
    parser.add_argument(
        "--no-redact", action="store_const", const="1", help="show secrets as they were recorded; on this machine only"
    )
    return parser
