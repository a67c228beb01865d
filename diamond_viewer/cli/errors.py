"""``errors``: what failed how often, by root cause; or only how many spans did."""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from diamond_viewer.cli.arguments import add_files, add_filters, add_output, patterns_of, query_of
from diamond_viewer.cli.output import Output
from diamond_viewer.cli.subcommand import FOUND, NOTHING_FOUND, CommandError, Subcommand

if TYPE_CHECKING:
    from diamond_viewer.telemetry.tallies import ErrorGroup


def declare(parser: ArgumentParser) -> None:
    add_files(parser)
    part = add_filters(parser, pages=True)
    part.add_argument("--group", metavar="X", default="", help="only the group with this fingerprint")
    part.add_argument("--count", action="store_true", help="one number: spans with status code 2, each counted once")
    add_output(parser, "a document per line: the groups of /api/errors")


def run(namespace: Namespace, output: Output) -> int:
    from diamond_viewer.cli.excerpts import excerpts_for

    now_ns = time.time_ns()
    query = query_of(namespace, now_ns)
    excerpts = excerpts_for(patterns_of(namespace), query)
    import orjson

    from diamond_viewer.answers.tallies import errors_answer
    from diamond_viewer.cli.questions import settled, tell_what_was_meant
    from diamond_viewer.cli.reading import read_store
    from diamond_viewer.telemetry.units import format_times

    if query.page != 1:
        raise CommandError("This list has no pages: raise --limit instead.")
    with read_store(namespace, output, excerpts) as store:
        if namespace.count:
            count = settled(lambda: store.stats(query, now_ns)).error_spans
            output.line(str(count))
            return FOUND if count else NOTHING_FOUND
        found = settled(lambda: store.errors(replace(query, page=1), now_ns, query.limit, fingerprint=namespace.group))
        if not found.groups:
            tell_what_was_meant(store, query, output)
    if namespace.json:
        for row in errors_answer(found, 0)["groups"]:
            output.json(orjson.dumps(row))
    else:
        for group in found.groups:
            for line in group_lines(group, output):
                output.line(line)
        if len(found.groups) < found.group_count:
            output.remark(f"{format_times(found.group_count, 'group')} in all. More: --limit.")
    return FOUND if found.groups else NOTHING_FOUND


def quick(arguments: Sequence[str], output: Output) -> int | None:
    """``errors --count PATTERN ...`` and nothing else."""
    patterns = [word for word in arguments if word != "--count"]
    if not patterns or len(patterns) == len(arguments) or any(word.startswith("-") for word in patterns):
        return None
    from diamond_viewer.cli.error_count import quick_count

    count = quick_count(patterns)
    if count is None:
        return None
    output.line(str(count))
    return FOUND if count else NOTHING_FOUND


def group_lines(group: "ErrorGroup", output: Output) -> Iterator[str]:
    """How often and what, then where, whom it met, since when, and where to look."""
    from diamond_viewer.cli.trace_line import stamp
    from diamond_viewer.telemetry.units import format_times

    key = group.key
    yield f"{output.paint(f'{group.count:>6}', 'red')}  {output.paint(key.what or '(nothing was said)', 'bold')}"
    began = f" in {key.cause}" if key.cause and key.cause != key.operation else ""
    yield f"        {output.paint(key.operation)}{output.paint(began)}  {output.paint(key.service, 'cyan')}"
    met = [format_times(group.traces, "trace")]
    # as on the page: that nobody is named is not that nobody was met
    met += [format_times(count, noun) for count, noun in ((group.users, "user"), (group.lessons, "lesson")) if count]
    yield f"        {', '.join(met)}, from {stamp(group.first_ns)} to {stamp(group.last_ns)}"
    yield output.paint(f"        --group {key.fingerprint}, for example trace {' '.join(group.examples[:1])}", "grey")


SUBCOMMAND = Subcommand(
    "errors",
    "what failed how often, by root cause; --count for one number",
    """\
Failed spans below which none failed, grouped by what was said, the operation and where it began; the most
frequent first, each with a trace to look at. With --count one number instead: spans with status code 2 in the
traces that match. A span counts once, however often its line or its batch was written.""",
    (
        ("errors --since 1d", "Since yesterday"),
        ("errors --count '/var/log/otel-collector/traces*.json'", "How many spans failed"),
        ("errors --lesson lesson-012 --json | jq -r '.examples[]'", "Traces that show the errors of a lesson"),
    ),
    declare,
    run,
    quick,
)
