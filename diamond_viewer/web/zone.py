"""The reader's time zone: one setting of a browser, in a cookie, so that the server prints every time as it is shown."""

import re
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask import Flask, g, request

from diamond_viewer.telemetry.units import in_zone, zone_label

COOKIE = "zone"
_NAME = re.compile(r"[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}")  # of the IANA database; no path of a file


@dataclass(frozen=True, slots=True)
class ShownZone:
    """``label`` is short enough for a table's head; ``name`` is as the IANA database spells it."""

    label: str
    name: str
    is_local: bool


def keep_zone(app: Flask) -> None:
    """Every view and template of the app formats times in the zone that the reader's browser has set."""

    def enter() -> None:
        g.zone = in_zone(zone_of(request.cookies.get(COOKIE, "")))
        g.zone.__enter__()

    def leave(error: BaseException | None) -> None:
        if "zone" in g:
            g.pop("zone").__exit__(None, None, None)

    app.before_request(enter)
    app.teardown_request(leave)
    app.context_processor(lambda: {"zone": shown_zone()})


def shown_zone() -> ShownZone:
    name = str(zone_of(request.cookies.get(COOKIE, "")))
    return ShownZone(zone_label(), name, name != "UTC")


@lru_cache(maxsize=64)
def zone_of(name: str) -> tzinfo:
    """UTC for what is no zone, or one that this machine does not know.

    >>> [str(zone_of(name)) for name in ("Asia/Kolkata", "", "../../etc/passwd", "Europe", "Mars/Base", "UTC")]
    ['Asia/Kolkata', 'UTC', 'UTC', 'UTC', 'UTC', 'UTC']
    """
    if name == "UTC" or not _NAME.fullmatch(name):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of zones
        return UTC
