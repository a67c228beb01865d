"""Pausing: a tab's reader has frozen what is shown, on every page that is opened in it until it is resumed."""

from flask import request

from diamond_viewer.telemetry.units import NS_PER_SECOND


def paused_since_ns() -> int | None:
    """``paused=<seconds since 1970>`` of the request: since when the page stands still, in ns; None: it does not, or the text
    is no time."""
    text = request.args.get("paused", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 11):
        return None
    return int(text) * NS_PER_SECOND
