"""The table of subcommands: to add one, write its module and add its row. Their order is that of ``--help``."""

from diamond_viewer.cli import completion, errors, findings, importing, search, setup, stats, tail, trace
from diamond_viewer.cli.subcommand import Subcommand

SUBCOMMANDS: tuple[Subcommand, ...] = (
    tail.SUBCOMMAND,
    search.SUBCOMMAND,
    trace.SUBCOMMAND,
    errors.SUBCOMMAND,
    findings.SUBCOMMAND,
    stats.SUBCOMMAND,
    importing.SUBCOMMAND,
    setup.SUBCOMMAND,
    completion.SUBCOMMAND,
)
