"""A trace as one HTML file that opens anywhere, offline, and asks no server for anything."""

from pathlib import Path

from flask import render_template

from diamond_viewer.telemetry.units import format_times
from diamond_viewer.trace.arranged import Arranged
from diamond_viewer.trace.outline import outline_facts
from diamond_viewer.trace.shown import Folding, Shown, shown_rows
from diamond_viewer.trace.waterfall import ticks
from diamond_viewer.web.address import Address
from diamond_viewer.web.badges import badges_of
from diamond_viewer.web.crowd_page import policy_hash
from diamond_viewer.web.span_body import SpanBody, span_body
from diamond_viewer.web.span_rows import Finding, SpanRow, axis_labels, span_rows
from diamond_viewer.web.story import story_of
from diamond_viewer.web.trace_address import TraceAddress
from diamond_viewer.web.trace_list import UNNAMED
from diamond_viewer.web.trace_shelf import Reading
from diamond_viewer.web.value_links import ValueLinks

MAX_ROWS = 10_000
MAX_BYTES = 34_000_000  # of rows and details, estimated from above: about 25 MB, which a browser opens in two seconds
MAX_EVENTS = 2_000  # of the story
ROWS_AT_ONCE = 500
ROW_BYTES, BODY_BYTES, LINE_BYTES = 1_200, 1_500, 140  # of HTML, beside what is written in it
STYLES = ("tokens.css", "viewer.css", "trace.css", "waterfall.css", "span.css", "story.css")
SCRIPT = "offline.js"


def offline_page(reading: Reading, static: Path) -> bytes:
    """The first spans with everything that is known of each, as many as the file may hold; it says which are not in it.

    Its own policy allows its style and script only.
    """
    trace = reading.trace
    summary = trace.summary
    address = TraceAddress(summary.trace_id)
    links = ValueLinks(Address.from_args([], 0)[0])
    shown = shown_rows(trace.rows, trace.spans, Folding())
    rows = _rows(trace, address, links, shown)
    body = render_template(
        "trace_offline.html",
        name=summary.name or UNNAMED,
        facts=" · ".join(outline_facts(summary)),
        badges=badges_of(summary),
        axis=axis_labels(ticks(trace.scale.duration_ns)),
        rows=rows,
        limits=_limits(trace, len(rows)),
        story=story_of(trace, address, links, MAX_EVENTS),
    )
    style = "\n".join((static / name).read_text("utf-8") for name in STYLES)
    script = (static / SCRIPT).read_text("utf-8")
    own = f"style-src {policy_hash(style)}; script-src {policy_hash(script)}"
    policy = f"default-src 'none'; {own}; img-src data:; base-uri 'none'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Trace {summary.trace_id}</title>\n<style>{style}</style>\n</head>\n"
        f"{body}\n<script>{script}</script>\n</html>\n"
    ).encode()


def _rows(trace: Arranged, address: TraceAddress, links: ValueLinks, shown: Shown) -> tuple[SpanRow, ...]:
    """In the order of the tree, until the file is full; at least one."""
    found: list[SpanRow] = []
    size_bytes = 0
    guides_of = min(MAX_ROWS, len(trace.rows))
    for first in range(0, guides_of, ROWS_AT_ONCE):
        last = min(first + ROWS_AT_ONCE, guides_of)
        bodies = {place: span_body(trace, place, address, links) for place in range(first, last)}
        for row in span_rows(trace, shown, first, last, trace.scale, address, Finding(), bodies):
            size_bytes += ROW_BYTES + (_size_of(row.body) if row.body else 0)
            if found and size_bytes > MAX_BYTES:
                return tuple(found)
            found.append(row)
    return tuple(found)


def _size_of(body: SpanBody) -> int:
    """About what its details take as HTML."""
    lists = (
        *(group.lines for group in body.groups),
        *(event.attributes for event in body.events),
        *(log.attributes for log in body.logs),
        *(link.attributes for link in body.links),
        body.resource,
    )
    return BODY_BYTES + sum(LINE_BYTES + len(line.key) + len(line.value) for lines in lists for line in lines)


def _limits(trace: Arranged, row_count: int) -> str:
    """What a reader must not take this file for: all of the trace."""
    said = []
    if row_count < len(trace.rows):
        said.append(f"This file holds the first {row_count:,} of {format_times(len(trace.rows), 'span')}.")
    if len(trace.story) > MAX_EVENTS:
        said.append(f"Of its events it tells the first {MAX_EVENTS:,}.")
    return f"{' '.join(said)} The trace as OTLP/JSON has everything." if said else ""
