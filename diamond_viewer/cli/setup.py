"""``clickhouse-setup``: columns of their own for what is asked most, as statements to be read first or run at once."""

from argparse import ArgumentParser, Namespace

from diamond_viewer.cli.output import Output
from diamond_viewer.cli.subcommand import FOUND, Subcommand


def declare(parser: ArgumentParser) -> None:
    from diamond_viewer.cli.arguments import add_output
    from diamond_viewer.cli.cluster import add_store

    add_store(parser)
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="the viewer's TOML file; its table [attributes] says what names users and lessons",
    )
    parser.add_argument(
        "--ids",
        action="store_true",
        help="keep ids as numbers too: figures in about two thirds of the time, for 32 bytes more a span on disk",
    )
    parser.add_argument("--apply", action="store_true", help="run the statements instead of printing them")
    add_output(parser, "")


def run(namespace: Namespace, output: Output) -> int:
    from diamond_viewer.cli.cluster import address_of, connected
    from diamond_viewer.cli.reading import configuration_of
    from diamond_viewer.clickhouse.materialised import missing_statements
    from diamond_viewer.settings.in_force import put_in_force

    configuration = configuration_of(namespace)
    put_in_force(configuration.attributes, configuration.redaction)
    address = address_of(namespace)
    with connected(address) as connection:
        statements = missing_statements(connection, with_ids=namespace.ids)
        for statement in statements:
            output.line(f"{statement};")
            output.flush()
            if namespace.apply:
                connection.command(statement)
    if not statements:
        output.say(f"{address.table} of {address} has everything already: nothing to do.")
    elif namespace.apply:
        output.say(
            "Done. The server fills old rows in by itself; new ones come with it. Viewers that run use them within a minute."
        )
    return FOUND


SUBCOMMAND = Subcommand(
    "clickhouse-setup",
    "makes a cluster answer questions about users and lessons faster",
    """\
Prints the ALTER statements that give the table of spans three columns of its own, which the server works out of the
attributes when a span is written: users, lessons (all spellings) and HTTP status. Pages use them when they are there.
With --ids three more, for ids as numbers: lists, figures and users cost about a third less, for 32 bytes a span.
The exporter goes on as before. With --apply the statements are run; the user then needs ALTER on the table.

Run it again at any time: it prints what is still missing, and nothing once all is there. Statements for a cluster
(?cluster=, or a Distributed table) are ON CLUSTER.""",
    (
        ("clickhouse-setup --store clickhouse://admin@ch.example:8123/otel", "What would be run"),
        ("clickhouse-setup --store clickhouse://admin@ch.example:8123/otel --apply", "Run it"),
    ),
    declare,
    run,
)
