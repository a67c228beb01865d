"""A trace as one HTML file that opens anywhere, offline, and asks no server for anything."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from flask import render_template

from diamond_viewer.telemetry.units import format_times
from diamond_viewer.trace.outline import outline_facts
from diamond_viewer.trace.shown import Folding, shown_rows
from diamond_viewer.trace.waterfall import ticks
from diamond_viewer.web.address import Address
from diamond_viewer.web.badges import badges_of
from diamond_viewer.web.span_body import span_body
from diamond_viewer.web.span_rows import Finding, axis_labels, span_rows
from diamond_viewer.web.story import story_of
from diamond_viewer.web.trace_address import TraceAddress
from diamond_viewer.web.trace_list import UNNAMED
from diamond_viewer.web.trace_shelf import Reading
from diamond_viewer.web.value_links import ValueLinks

MAX_ROWS = 3_000  # with all their details: about 15 MB
STYLES = ("tokens.css", "viewer.css", "trace.css", "waterfall.css", "span.css", "story.css")
SCRIPT = "offline.js"


def offline_page(reading: Reading, static: Path) -> bytes:
    """The first ``MAX_ROWS`` spans with everything that is known of each. Its own policy allows its style and script only."""
    trace = reading.trace
    summary = trace.summary
    address = TraceAddress(summary.trace_id)
    links = ValueLinks(Address.from_args([], 0)[0])
    last = min(MAX_ROWS, len(trace.rows))
    shown = shown_rows(trace.rows, trace.spans, Folding())
    bodies = {place: span_body(trace, place, address, links) for place in range(last)}
    hidden = len(trace.rows) - last
    body = render_template(
        "trace_offline.html",
        name=summary.name or UNNAMED,
        facts=" · ".join(outline_facts(summary)),
        badges=badges_of(summary),
        axis=axis_labels(ticks(trace.scale.duration_ns)),
        rows=span_rows(trace, shown, 0, last, trace.scale, address, Finding(), bodies),
        hidden=f"{format_times(hidden, 'more span')}: not in this file" if hidden > 0 else "",
        story=story_of(trace, address, links),
    )
    style = "\n".join((static / name).read_text("utf-8") for name in STYLES)
    script = (static / SCRIPT).read_text("utf-8")
    policy = (
        f"default-src 'none'; style-src {_hashed(style)}; script-src {_hashed(script)}; img-src data:; base-uri 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Trace {summary.trace_id}</title>\n<style>{style}</style>\n</head>\n"
        f"{body}\n<script>{script}</script>\n</html>\n"
    ).encode()


def _hashed(text: str) -> str:
    """As a policy names what it allows."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
