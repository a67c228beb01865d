"""``trace``: one trace as a waterfall, as OTLP/JSON or as Markdown."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from diamond_viewer.cli.arguments import add_files, add_output, patterns_of
from diamond_viewer.cli.output import Output
from diamond_viewer.cli.subcommand import FOUND, NOTHING_FOUND, CommandError, Subcommand
from diamond_viewer.telemetry.trace_ids import several_traces, trace_id_of, trace_id_start_of

if TYPE_CHECKING:
    from diamond_viewer.index.memory import MemoryStore

DEFAULT_ROWS = 1_000
MAX_LISTED = 20


def declare(parser: ArgumentParser) -> None:
    parser.add_argument(
        "trace_id",
        metavar="TRACE_ID",
        help="32 hex digits or the first 8 or more of them; also as a traceparent, a UUID or base64",
    )
    add_files(parser)
    output = add_output(parser, "the document of /api/traces/TRACE_ID: OTLP/JSON, with findings and flows beside it")
    output.add_argument("--markdown", action="store_true", help="tree, events and findings, to be pasted into a ticket")
    output.add_argument(
        "--rows",
        metavar="N",
        type=int,
        default=DEFAULT_ROWS,
        help=f"spans to draw; 0 for all (default: {DEFAULT_ROWS})",
    )


def run(namespace: Namespace, output: Output) -> int:
    from diamond_viewer.cli.excerpts import excerpts_of_trace

    digits = digits_from(namespace.trace_id)
    excerpts = excerpts_of_trace(patterns_of(namespace), digits)
    from diamond_viewer.cli.reading import read_store  # only now: it takes as long as to find the lines

    with read_store(namespace, output, excerpts, digits) as store:
        trace_id = digits if trace_id_of(namespace.trace_id) else the_one_beginning_with(store, digits, output)
        return show(store, trace_id, namespace, output) if trace_id else NOTHING_FOUND


def digits_from(text: str) -> str:
    """In lower-case hex: all 32, or as many as are left of an id that was cut off. Raises ``CommandError`` for what is neither.

    >>> digits_from("0AF7651916CD43DD8448EB211C80319C"), digits_from("CvdlGRbNQ92ESOshHIAxnA=="), digits_from("0AF76519")
    ('0af7651916cd43dd8448eb211c80319c', '0af7651916cd43dd8448eb211c80319c', '0af76519')
    """
    if found := trace_id_of(text) or trace_id_start_of(text):
        return found
    raise CommandError(
        f"{text[:60]!r} is not a trace id: that is 32 digits of 0-9 and a-f, or the first 8 or more of them."
    )


def the_one_beginning_with(store: "MemoryStore", digits: str, output: Output) -> str:
    """The id of the trace that is meant, or empty when there is none. Raises ``CommandError`` when there are several."""
    from diamond_viewer.cli.trace_line import trace_line

    found = store.beginning_with(digits, MAX_LISTED + 1)
    if not found:
        output.say(f"No trace in these files has an id that begins with {digits}.")
        return ""
    if len(found) == 1:
        return found[0].trace_id
    for summary in found[:MAX_LISTED]:
        output.say(trace_line(summary, output.plain()))
    raise CommandError(several_traces(digits, len(found), is_all=len(found) <= MAX_LISTED))


def show(store: "MemoryStore", trace_id: str, namespace: Namespace, output: Output) -> int:
    """Write the trace out of a store that holds it; the exit code."""
    from diamond_viewer.answers.traces import trace_answer
    from diamond_viewer.cli.waterfall import waterfall_lines
    from diamond_viewer.diagnosis.diagnose import MAX_EXAMINED_SPANS, Diagnosis
    from diamond_viewer.diagnosis.wording import findings_markdown, findings_text, not_examined_words
    from diamond_viewer.trace.arranged import Arranged
    from diamond_viewer.trace.outline import outline_markdown

    sketch = store.sketch(trace_id)
    if sketch is None:
        output.say(
            f"Trace {trace_id} is not in these files: it was dropped or sampled before it reached them, or rotated away."
        )
        return NOTHING_FOUND
    known = store.diagnoses([trace_id], MAX_EXAMINED_SPANS).get(trace_id)
    diagnosis = known or Diagnosis()
    if namespace.json:
        trace = store.trace(trace_id)
        assert trace is not None
        output.json(trace_answer(trace, known))
        return FOUND
    arranged = Arranged.of(sketch)
    names = {span.span_id: span.name for span in arranged.spans} if diagnosis.findings else {}
    note = "" if known else not_examined_words(sketch.summary.span_count)
    if namespace.markdown:
        output.text(outline_markdown(arranged))
        if diagnosis.findings or diagnosis.flows or note:
            output.text(
                f"\n{findings_markdown(diagnosis.findings, diagnosis.flows, names, title='Findings', note=note)}"
            )
        return FOUND
    for line in waterfall_lines(arranged, output, namespace.rows):
        output.line(line)
    if told := findings_text(diagnosis.findings, diagnosis.flows, names, note):
        output.line()
        output.line(output.coloured("Findings", "bold"))
        output.text(told)
    return FOUND


SUBCOMMAND = Subcommand(
    "trace",
    "one trace: its spans as a waterfall, its errors, events and findings",
    """\
The tree of its spans with a bar for each, ◆ for an event and ✗ for an error; then where errors began, what
happened in order of time, and what the rules say. It is found wherever its spans lie: in several files, in
compressed ones, under ids in upper case. The first 8 digits or more of an id will do when no other trace
begins like that; otherwise those that do are named.""",
    (
        ("trace d4d3167950cda8140d447d12cb907d2c", "As a waterfall"),
        ("trace d4d31679", "By what is left of an id that was cut off"),
        ("trace d4d3167950cda8140d447d12cb907d2c --color always | less -R", "One that is longer than the screen"),
        (
            "trace d4d3167950cda8140d447d12cb907d2c --json traces.json | jq '.findings[].sentence'",
            "As OTLP/JSON, with what the rules say beside it",
        ),
    ),
    declare,
    run,
)
