"""``findings``: what the rules say is wrong, in words."""

import time
from argparse import ArgumentParser, Namespace

from diamond_viewer.cli.arguments import add_files, add_filters, add_output, patterns_of, query_of
from diamond_viewer.cli.output import Output
from diamond_viewer.cli.subcommand import FOUND, NOTHING_FOUND, Subcommand


def declare(parser: ArgumentParser) -> None:
    add_files(parser)
    add_filters(parser, pages=True)
    output = add_output(parser, "a document per line: the findings of /api/findings, those over several traces first")
    output.add_argument("--markdown", action="store_true", help="for a ticket")


def run(namespace: Namespace, output: Output) -> int:
    from diamond_viewer.cli.excerpts import excerpts_for

    now_ns = time.time_ns()
    query = query_of(namespace, now_ns)
    excerpts = excerpts_for(patterns_of(namespace), query)
    import orjson

    from diamond_viewer.answers.findings import findings_answer, findings_document, journey_findings
    from diamond_viewer.cli.questions import settled, tell_what_was_meant
    from diamond_viewer.cli.reading import read_store
    from diamond_viewer.diagnosis.wording import findings_text
    from diamond_viewer.telemetry.units import format_times

    with read_store(namespace, output, excerpts) as store:
        page = settled(lambda: store.findings(query, now_ns))
        journey = journey_findings(store.journey, query, now_ns)
        if not page.total and not journey:
            tell_what_was_meant(store, query, output)
    if namespace.json:
        answer = findings_answer(page, journey)
        for row in (*answer["journey"], *answer["findings"]):
            output.json(orjson.dumps(row))
    elif namespace.markdown:
        output.text(findings_document(page, journey, query))
    else:
        output.text(findings_text((*journey, *(found.finding for found in page.findings))))
        if len(page.findings) < page.total:
            output.remark(f"{format_times(page.total, 'finding')} in all. More: --limit, --page.")
    return FOUND if page.total or journey else NOTHING_FOUND


SUBCOMMAND = Subcommand(
    "findings",
    "what the rules say is wrong, in words",
    """\
Every rule looks at every trace that matches; what it finds is told with its evidence, its limits and what to do
next. With --user also what shows only over several traces of that person, for example a redirect loop. The
rules are described in docs/diagnosis.md.""",
    (
        ("findings --user usr_0007", "What happened to somebody"),
        ("findings --finding n-plus-one --finding slow-database --since 1d", "Traces with both troubles"),
        ("findings --lesson lesson-012 --markdown > ticket.md", "For a ticket"),
    ),
    declare,
    run,
)
