"""``import``: what stands in collector files goes into the tables of a cluster."""

import time
from argparse import ArgumentParser, Namespace

from diamond_viewer.cli.output import Output
from diamond_viewer.cli.subcommand import FOUND, NOTHING_FOUND, CommandError, Subcommand


def declare(parser: ArgumentParser) -> None:
    from diamond_viewer.cli.arguments import add_output, add_patterns
    from diamond_viewer.cli.cluster import add_store

    add_patterns(parser)
    add_store(parser)
    parser.add_argument(
        "--again",
        action="store_true",
        help="also lines that were imported before, for example because the tables have been emptied since; what still "
        "stands in the tables is not doubled",
    )
    add_output(parser, "")


def run(namespace: Namespace, output: Output) -> int:
    from diamond_viewer.cli.arguments import patterns_of
    from diamond_viewer.cli.cluster import address_of, connected, patient
    from diamond_viewer.cli.excerpts import LINE_BYTES
    from diamond_viewer.cli.reading import follow, tell_troubles
    from diamond_viewer.clickhouse.importing import TablesMissingError, TableWriter
    from diamond_viewer.clickhouse.insertion import Place
    from diamond_viewer.feed.backlog import Backlog
    from diamond_viewer.telemetry.otlp_written import decode_written
    from diamond_viewer.telemetry.units import format_count, format_duration, format_times

    address, patterns, began_s = address_of(namespace), patterns_of(namespace), time.monotonic()
    with connected(address) as connection:
        try:
            traces = Place.parse(address.table, address.database, address.cluster)
            writer = TableWriter(connection, traces, address.logs, address.metrics, attempt=patient(output))
        except TablesMissingError as error:
            raise CommandError(str(error)) from None
        writer.known.create()
        if not namespace.again:
            writer.known.load()
        backlog = Backlog(patterns, writer, max_line_bytes=LINE_BYTES, decode=decode_written)
        try:
            follow(backlog, output)
            tell_troubles(backlog, patterns, output)
            writer.flush()
        except KeyboardInterrupt:
            output.say("Stopped. What was sent is remembered: the same command goes on from there.")
            raise
        finally:
            backlog.close()
    seconds = time.monotonic() - began_s
    spans = writer.inserted["spans"]
    counts = ", ".join(f"{format_count(count)} {what}" for what, count in writer.inserted.items() if count)
    rate = f" ({format_count(int(spans / seconds))} spans/s)" if spans else ""
    output.line(f"Imported {counts or 'nothing new'} into {address} in {format_duration(int(seconds * 1e9))}{rate}.")
    if writer.lines_known:
        output.line(f"{format_times(writer.lines_known, 'line')} had been imported before.")
    for what, count in writer.left_out.items():
        output.say(f"Left out, because {address} has no table for them: {format_count(count)} {what}.")
    if writer.invalid_points:
        output.say(f"Left out, because they say nothing: {format_times(writer.invalid_points, 'metric point')}.")
    return FOUND if counts or writer.lines_known else NOTHING_FOUND


SUBCOMMAND = Subcommand(
    "import",
    "loads collector files into the tables of a ClickHouse cluster",
    """\
Traces, logs and metrics of collector files, with their rotated and compressed backups, go into the tables that the
collector's clickhouse exporter made: what was written before you switched to it comes along.

Run it as often as you like. A line that was imported is remembered (its digest, in the table diamond_viewer_lines of
the same database), and a span, record or point that stands in its table already is not written again, whoever wrote it.
After Ctrl-C, a lost connection or a full disk the same command goes on where it stopped.

The user needs INSERT and SELECT on the tables, and CREATE TABLE once.""",
    (
        (
            "import '/var/log/otel-collector/*.json' --store clickhouse://writer@ch.example:8123/otel",
            "All files of a folder",
        ),
        (
            "import traces.json --store clickhouse://localhost:8123/otel --again",
            "Once more, into tables that were emptied",
        ),
    ),
    declare,
    run,
)
