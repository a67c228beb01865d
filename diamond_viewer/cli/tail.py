"""``tail``: traces as they come, a line each once they have come to rest; or spans, as soon as they are written."""

import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from diamond_viewer.cli.arguments import add_files, add_filters, add_output, hint_for_words, patterns_of, query_of
from diamond_viewer.cli.output import Output
from diamond_viewer.cli.subcommand import FOUND, NOTHING_FOUND, CommandError, Subcommand

if TYPE_CHECKING:
    from diamond_viewer.cli.following import Followed
    from diamond_viewer.cli.telling import Teller

DEFAULT_LAST = 10
LAST_BYTES = 8 * 1024 * 1024  # of the live file that are read for the last traces
MAX_MEMORY_BYTES = 256 * 1024 * 1024  # unless --memory says otherwise: what was told long ago is not needed any more
LOOK_S = 0.1
STANDARD_INPUT = "-"


def declare(parser: ArgumentParser) -> None:
    add_files(parser)
    add_filters(parser, pages=False)
    output = add_output(parser, "a document per line: rows as /api/traces has them, or spans")
    output.add_argument("--spans", action="store_true", help="a line for each span as soon as it is written")
    output.add_argument(
        "-n",
        "--last",
        metavar="N",
        type=int,
        default=DEFAULT_LAST,
        help=f"begin with the last N traces that match, as far as they stand in the last 8 MiB (default: {DEFAULT_LAST})",
    )


def run(namespace: Namespace, output: Output) -> int:
    from diamond_viewer.cli.following import Followed
    from diamond_viewer.cli.reading import new_store
    from diamond_viewer.cli.telling import SpanTeller, TraceTeller

    query = query_of(namespace, time.time_ns())
    patterns = patterns_of(namespace)
    if STANDARD_INPUT in patterns and len(patterns) > 1:
        raise CommandError("Standard input is followed alone: leave out the other PATTERNs.")
    if namespace.last < 0:
        raise CommandError(f"--last {namespace.last} is not a whole number from 0 on.")
    if hint := hint_for_words(namespace):
        output.say(hint)
    store = new_store(namespace, MAX_MEMORY_BYTES)
    followed = Followed(store)
    make = SpanTeller if namespace.spans else TraceTeller
    teller = make(store, followed, query, output, is_json=namespace.json)
    if STANDARD_INPUT in patterns:
        for is_over in _standard_input(followed):
            teller.tell(is_over)
    else:
        for _ in _files(patterns, followed, teller, namespace.last, output):
            teller.tell()
    return FOUND if teller.told else NOTHING_FOUND


def _files(
    patterns: tuple[str, ...], followed: "Followed", teller: "Teller", last: int, output: Output
) -> Iterator[None]:
    """Until Ctrl-C, at every look."""
    from diamond_viewer.feed.feed import Feed

    feed = Feed(patterns, followed, only_last_bytes=LAST_BYTES if last else 0)
    try:
        feed.start()
        _wait_for(lambda: teller.store.feed().ready)
        output.remark(f"Following {', '.join(patterns)}. Ctrl-C ends it.")
        teller.begin(last)
        said = ""
        while True:
            notice = teller.store.feed().notice
            if notice and notice != said:
                output.say(notice)
            said = notice
            yield
            time.sleep(LOOK_S)
    finally:
        feed.stop(2.0)


def _wait_for(is_so: Callable[[], bool]) -> None:
    while not is_so():
        time.sleep(LOOK_S / 10)


def _standard_input(followed: "Followed") -> Iterator[bool]:
    """Whenever something came, or nothing did for a while; True at its end."""
    from select import select

    from diamond_viewer.cli.excerpts import LINE_BYTES
    from diamond_viewer.feed.ingest import Ingest
    from diamond_viewer.feed.stream import Stream

    stream = Stream(0, Ingest(followed), LINE_BYTES)
    while True:
        more = stream.read() if select([0], [], [], LOOK_S)[0] else True
        followed.commit()
        yield not more
        if not more:
            return


SUBCOMMAND = Subcommand(
    "tail",
    "traces as they come, a line each; or spans, as soon as they are written",
    """\
Follows the live file through its rotations, as the viewer does, until Ctrl-C; a file that is not there yet is
waited for. A trace is told once it has come to rest, that is when nothing of it has come for a second, and again
if it grows later. Filters look at the trace as a whole; with --spans, a trace that begins to match is told from its
first span on.""",
    (
        ("tail traces.json", "Everything that happens"),
        ("tail --status error --service diamond-district-web traces.json", "What fails"),
        ("tail --spans --user usr_0007 traces.json", "What somebody does, span by span"),
        (
            "tail --json -n 0 traces.json | jq -r 'select(.duration_ms > 1000) | .name'",
            "For a script, only what is new",
        ),
    ),
    declare,
    run,
)
