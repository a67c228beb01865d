"""Routes of the video page and of the metrics in the API."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from flask import Blueprint, Response, abort, render_template, request

from diamond_viewer.query.filters import FilterError
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.metrics import MetricOutline, Point
from diamond_viewer.telemetry.units import zone_label
from diamond_viewer.web.freshness import SEEN_HEADER, Seen, SharedAnswers, digest
from diamond_viewer.web.header_poll import poll_header
from diamond_viewer.web.metric_charts import MAX_PARTS, SERVICE_LABEL, Window, figures_of, parts_of
from diamond_viewer.web.pausing import paused_since_ns
from diamond_viewer.web.standstill import STANDSTILL, Moment
from diamond_viewer.web.status import status_of
from diamond_viewer.web.swaps import POLL, nothing_new, shared_html, swap_target
from diamond_viewer.web.swaps import page as page_of
from diamond_viewer.web.video_page import VIDEO_PATH, compare_facts, read_video_address, video_page


def video_pages(store: TraceStore, clock: Callable[[], int]) -> Blueprint:
    """``clock`` gives ns since 1970."""
    blueprint = Blueprint("video", __name__)
    shared = SharedAnswers()

    @blueprint.errorhandler(FilterError)
    def refuse(error: FilterError) -> Response:
        return _json({"error": str(error)}, status=400)

    @blueprint.get(VIDEO_PATH)
    def video() -> Response:
        args = [pair for pair in request.args.items(multi=True) if pair[0] not in ("seen", "paused")]
        if swap_target() == POLL:
            if paused_since_ns() is not None:
                return poll_header(store, clock())
            return _poll(store, shared, args, clock())
        page = video_page(store, args, clock())
        return page_of("video.html", page=page, status=page.status)

    @blueprint.get("/api/metrics")
    def metrics() -> Response:
        catalogue = store.metrics()
        return _json(
            {
                "series": catalogue.series_count,
                "others": catalogue.others,
                "unreadable_points": catalogue.unreadable_points,
                "metrics": [_outline(outline) for outline in catalogue.metrics],
            }
        )

    @blueprint.get("/api/metrics/<path:name>")
    def metric(name: str) -> Response:
        address, window, _ = read_video_address(_window_and_split(), clock(), strict=True)
        outline = store.metrics().find(name)
        if outline is None:
            abort(404, f"No metric is called {name[:60]!r}.")
        if address.split_by and address.split_by not in (SERVICE_LABEL, *outline.label_keys):
            raise FilterError(f"by={address.split_by[:60]!r} is no attribute of {name[:60]!r}.")
        series = store.series(name)
        parts = parts_of(series, window, address.split_by)
        readings = [
            {"labels": dict(one.name.labels), "service": one.name.service, "readings": _readings(one.points, window)}
            for one in series
            if not one.name.is_flow
        ]
        return _json(
            {
                **_outline(outline),
                "by": address.split_by,
                "parts": [figures_of(part) for part in parts[:MAX_PARTS]],
                "more_parts": max(0, len(parts) - MAX_PARTS),
                "readings": readings[:MAX_PARTS],
            }
        )

    @blueprint.get("/api/video")
    def comparison() -> Response:
        _, window, _ = read_video_address(_window_and_split(), clock(), strict=True)
        found = compare_facts(store, window, store.health().held_since_ns)
        return _json(
            {
                "is_lost": any(one.lost for one in found),
                "facts": [
                    {
                        "metric": one.fact.metric,
                        "event": one.fact.counted,
                        "service": one.service,
                        "measured": one.measured,
                        "traced": one.traced,
                        "lost": one.lost,
                        "worst_since_unix_nano": str(one.worst[0]) if one.worst else None,
                        "worst_until_unix_nano": str(one.worst[1]) if one.worst else None,
                    }
                    for one in found
                ],
            }
        )

    return blueprint


def _poll(store: TraceStore, shared: SharedAnswers, args: list[tuple[str, str]], now_ns: int) -> Response:
    """Header, charts and comparison, drawn once for all readers; nothing while nothing comes in."""
    seen = Seen.parse(request.args.get("seen", ""))
    now = Moment.of(store)  # before anything is read: what comes meanwhile is asked for again
    status = status_of(store.health().feed, now_ns)
    question = digest(VIDEO_PATH, sorted(args), zone_label())
    asked = digest(now.mark, question, status)
    if asked == seen.asked:
        request.environ.get(STANDSTILL, lambda now: None)(now)
        return nothing_new()

    def make() -> tuple[str, bool]:
        return render_template("_live_video.html", page=video_page(store, args, now_ns), status=status), True

    answer = shared.of(question, asked, seen, make)
    response = nothing_new() if answer.shown == seen.shown else shared_html(answer.text, answer.packed)
    response.headers[SEEN_HEADER] = str(Seen(answer.asked, answer.shown))
    return response


def _window_and_split() -> list[tuple[str, str]]:
    """What the questions about metrics understand. Raises ``FilterError`` for anything else."""
    pairs = list(request.args.items(multi=True))
    for name, _ in pairs:
        if name not in ("since", "until", "by"):
            raise FilterError(f"Unknown parameter {name[:60]!r}. Known are since, until, by.")
    return pairs


def _outline(outline: MetricOutline) -> dict[str, Any]:
    return {
        "name": outline.name,
        "unit": outline.unit,
        "description": outline.description,
        "kinds": list(outline.kinds),
        "series": outline.series_count,
        "services": list(outline.services),
        "attributes": list(outline.label_keys),
        "first_unix_nano": str(outline.first_ns),
        "last_unix_nano": str(outline.last_ns),
    }


def _readings(points: Sequence[Point], window: Window) -> list[dict[str, Any]]:
    return [
        {"time_unix_nano": str(point.time_ns), "value": point.amount}
        for point in points
        if window.since_ns < point.time_ns <= window.until_ns
    ]


def _json(document: object, status: int = 200) -> Response:
    return Response(orjson.dumps(document), status=status, mimetype="application/json")
