"""``stats``: figures over everything that matches."""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

from diamond_viewer.cli.arguments import add_files, add_filters, add_output, patterns_of, query_of
from diamond_viewer.cli.output import Output
from diamond_viewer.cli.subcommand import FOUND, NOTHING_FOUND, Subcommand

if TYPE_CHECKING:
    from diamond_viewer.telemetry.model import Stats


def declare(parser: ArgumentParser) -> None:
    add_files(parser)
    add_filters(parser, pages=False)
    add_output(parser, "one document: what /api/stats answers")


def run(namespace: Namespace, output: Output) -> int:
    from diamond_viewer.cli.excerpts import excerpts_for

    now_ns = time.time_ns()
    query = query_of(namespace, now_ns)
    excerpts = excerpts_for(patterns_of(namespace), query)
    import orjson

    from diamond_viewer.answers.stats import stats_answer
    from diamond_viewer.cli.questions import settled, tell_what_was_meant
    from diamond_viewer.cli.reading import read_store

    with read_store(namespace, output, excerpts) as store:
        store.examine(None, query, now_ns)
        stats = settled(lambda: store.stats(query, now_ns))
        if not stats.traces:
            tell_what_was_meant(store, query, output)
    if namespace.json:
        output.json(orjson.dumps(stats_answer(stats)))
    else:
        for line in stats_lines(stats, output):
            output.line(line)
    return FOUND if stats.traces else NOTHING_FOUND


def stats_lines(stats: "Stats", output: Output) -> Iterator[str]:
    """A figure a line, with its name; events and flags that occur, the most frequent first."""
    from diamond_viewer.telemetry.units import format_count, format_duration

    counts = (
        ("traces", stats.traces),
        ("spans", stats.spans),
        ("traces with an error", stats.error_traces),
        ("spans with an error", stats.error_spans),
        ("auth failures", stats.auth_failure_traces),
        ("slow traces", stats.slow_traces),
        ("traces with slow SQL", stats.slow_db_traces),
    )
    durations = (("p50", stats.p50_ns), ("p95", stats.p95_ns), ("p99", stats.p99_ns))
    rows = [(name, format_count(count)) for name, count in counts]
    rows += [(name, format_duration(duration_ns)) for name, duration_ns in durations]
    yield from (f"{name:<22}{figure:>10}" for name, figure in rows)
    for title, found in (("Flags", stats.flags), ("Events", stats.events)):
        named = sorted(((name, count) for name, count in found.items() if count), key=lambda pair: (-pair[1], pair[0]))
        if named:
            yield ""
            yield output.paint(title, "bold")
            yield from (f"{format_count(count):>10}  {output.paint(name)}" for name, count in named)


SUBCOMMAND = Subcommand(
    "stats",
    "figures over the traces that match: counts, percentiles, flags, events",
    """\
How many traces and spans, how many of them failed or were slow, and the percentiles of the traces' durations
(nearest rank). Times of the day do not matter unless --since or --until is given.""",
    (
        ("stats --since 1h", "The last hour"),
        ("stats --lesson lesson-012 --json", "One lesson, as /api/stats answers it"),
    ),
    declare,
    run,
)
