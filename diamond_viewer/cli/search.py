"""``search``: traces that match, a line each."""

import time
from argparse import ArgumentParser, Namespace

from diamond_viewer.cli.arguments import add_files, add_filters, add_output, patterns_of, query_of
from diamond_viewer.cli.output import Output
from diamond_viewer.cli.subcommand import FOUND, NOTHING_FOUND, Subcommand


def declare(parser: ArgumentParser) -> None:
    add_files(parser)
    part = add_filters(parser, pages=True, sorts=True)
    part.add_argument("--all", action="store_true", help="every match, not only the first --limit")
    add_output(parser, "a document per line: the rows of /api/traces")


def run(namespace: Namespace, output: Output) -> int:
    from diamond_viewer.cli.excerpts import excerpts_for

    now_ns = time.time_ns()
    query = query_of(namespace, now_ns)
    excerpts = excerpts_for(patterns_of(namespace), query)
    import orjson

    from diamond_viewer.answers.traces import trace_row
    from diamond_viewer.cli.questions import all_pages, examined, settled, tell_what_was_meant
    from diamond_viewer.cli.reading import read_store
    from diamond_viewer.cli.trace_line import trace_line
    from diamond_viewer.telemetry.units import format_count

    with read_store(namespace, output, excerpts) as store:
        page = settled(lambda: store.search(query, now_ns))
        if namespace.all:
            store.examine(None, query, now_ns)
        pages = all_pages(store, query, now_ns) if namespace.all else iter([page])
        shown = 0
        for part in pages:
            for summary in examined(store, part.traces):
                shown += 1
                if namespace.json:
                    output.json(orjson.dumps(trace_row(summary)))
                else:
                    output.line(trace_line(summary, output))
        if not page.total:
            tell_what_was_meant(store, query, output)
        if shown < page.total:
            output.remark(
                f"{format_count(page.total)} traces match; {format_count(shown)} are shown. More: --limit, --page, --all."
            )
    return FOUND if page.total else NOTHING_FOUND


SUBCOMMAND = Subcommand(
    "search",
    "traces that match, newest first",
    """\
A line for each trace: when it began (UTC), its id, how long it lasted, how many spans it has, its name, its
service, the users and lessons it names, and what is wrong with it. Everything that stands in the files counts,
rotated and compressed ones too; a span that was written twice counts once.""",
    (
        ("search --lesson lesson-012 --status error", "Failed traces of one lesson"),
        (
            "search --operation api.video.access --since 15m '/data/traces*.json'",
            "An operation, in the last quarter of an hour",
        ),
        (
            "search -q 'duration>1s -user:usr_0007' --sort duration",
            "The slowest first, with the search language of the page",
        ),
        ("search --all --json traces.json | jq -r .trace_id", "Every id, for a script"),
    ),
    declare,
    run,
)
