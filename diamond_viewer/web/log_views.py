"""Routes of the logs: the page, what a poll brings, and the same as JSON."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, render_template, request

from diamond_viewer.answers.reach import reach_answer
from diamond_viewer.query.filters import FilterError
from diamond_viewer.query.log_query import LogQuery
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.found_logs import FoundLogs
from diamond_viewer.telemetry.model import Log
from diamond_viewer.telemetry.severity import LEVELS
from diamond_viewer.telemetry.shown_values import plain_value
from diamond_viewer.telemetry.units import NS_PER_MS, NS_PER_SECOND, zone_label
from diamond_viewer.web.api import json_answer
from diamond_viewer.web.freshness import SEEN_HEADER, Answer, Seen, SharedAnswers, digest
from diamond_viewer.web.log_address import API_LOGS_PATH, LOGS_PATH
from diamond_viewer.web.logs_page import BUCKETS, log_list, logs_page, read_log_query
from diamond_viewer.web.pausing import paused_since_ns
from diamond_viewer.web.standstill import STANDSTILL, Moment
from diamond_viewer.web.status import Paused, status_of
from diamond_viewer.web.swaps import POLL, nothing_new, redirection, shared_html, swap_target
from diamond_viewer.web.swaps import page as page_of
from diamond_viewer.web.views import FURTHER_S, without_idle_arguments

OF_POLLS = ("seen", "held", "paused")
UNSAID = "unspecified"  # what the API calls the level of a record that names none


def log_pages(store: TraceStore, clock: Callable[[], int]) -> Blueprint:
    """``clock`` gives ns since 1970."""
    blueprint = Blueprint("logs", __name__)
    shared = SharedAnswers()

    @blueprint.errorhandler(FilterError)
    def refuse(error: FilterError) -> Response:
        return json_answer({"error": str(error)}, status=400)

    @blueprint.get(LOGS_PATH)
    def logs() -> Response:
        now_ns = clock()
        if swap_target() == POLL:
            return _poll(store, shared, now_ns)
        if (tidy := without_idle_arguments(LOGS_PATH, now_ns)) is not None:
            return redirection(tidy)
        query, notices = read_log_query(request.args.items(multi=True), now_ns)
        page = logs_page(store, query, notices, now_ns)
        return page_of("logs.html", page=page, live=page.list, status=page.status)

    @blueprint.get(API_LOGS_PATH)
    def api_logs() -> Response:
        now_ns = clock()
        query, _ = LogQuery.from_args(request.args.items(multi=True), now_ns, strict=True)
        return json_answer(_document(store.logs(query, now_ns, BUCKETS)))

    return blueprint


def _poll(store: TraceStore, shared: SharedAnswers, now_ns: int) -> Response:
    """The status always, the list unless the reader paused."""
    seen = Seen.parse(request.args.get("seen", ""))
    now = Moment.of(store)  # before anything is read: what comes meanwhile is asked for again
    pairs = [pair for pair in request.args.items(multi=True) if pair[0] not in OF_POLLS]
    query, _ = read_log_query(pairs, now_ns)
    health = store.health()
    paused = _paused(store, query, now_ns)
    status = status_of(health.feed, now_ns, paused)
    question = digest(LOGS_PATH, query, zone_label())
    second = now_ns // NS_PER_SECOND if query.moves_with_time else ""
    asked = digest(now.mark, question, status, second)
    if asked == seen.asked:
        if not second:
            request.environ.get(STANDSTILL, lambda now: None)(now)
        return nothing_new()

    def make() -> tuple[str, bool]:
        if paused:
            return render_template("_live_logs.html", status=status, live=None), True
        _look_further(store, query, now_ns)
        live = log_list(store, query, health, now_ns)
        return render_template("_live_logs.html", status=status, live=live), live.is_complete

    answer = Answer.made(asked, make) if paused else shared.of(question, asked, seen, make)
    # a search that has not looked at everything goes on with the next poll
    now_seen = Seen(answer.asked if answer.is_complete else "", answer.shown)
    response = nothing_new() if answer.shown == seen.shown else shared_html(answer.text, answer.packed)
    response.headers[SEEN_HEADER] = str(now_seen)
    return response


def _paused(store: TraceStore, query: LogQuery, now_ns: int) -> Paused | None:
    since_ns = paused_since_ns()
    if since_ns is None:
        return None
    found = store.logs(replace(query, page=1, limit=1), now_ns, 1)
    return Paused(since_ns, found.newer if query.anchor else found.total)


def _look_further(store: TraceStore, query: LogQuery, now_ns: int) -> None:
    """The page comes at once with what was found; a poll that finds the search unfinished may take longer over it, unless
    it gains nothing by that: of a cluster the newest records are all that is ever looked through."""
    if not query.text:
        return
    deadline_s = time.monotonic() + FURTHER_S
    before = None
    while not (found := store.logs(replace(query, page=1, limit=1), now_ns, 1)).is_complete:
        if (came := (found.scanned_to_ns, found.total)) == before or time.monotonic() >= deadline_s:
            return
        before = came


def _document(found: FoundLogs) -> dict[str, Any]:
    names = (UNSAID, *LEVELS[1:])
    histogram = found.histogram
    return {
        "version": found.version,
        "total": found.total,
        "newer": found.newer,
        **reach_answer(found),
        "scanned_to_unix_nano": str(found.scanned_to_ns),
        "held_since_unix_nano": str(found.held_since_ns),
        "levels": dict(zip(names, found.levels, strict=True)),
        "services": dict(found.services),
        "series_start_unix_nano": str(histogram.start_ns),
        "series_width_ms": histogram.width_ns / NS_PER_MS,
        "series": dict(zip(names, histogram.counts, strict=True)) if histogram.counts else {},
        "logs": [_log(log) for log in found.logs],
    }


def _log(log: Log) -> dict[str, Any]:
    return {
        "time_unix_nano": str(log.time_ns),
        "severity": log.severity,
        "severity_number": log.severity_number,
        "event_name": log.name,
        "body": plain_value(log.body),
        "attributes": plain_value(log.attributes),
        "service": log.service,
        "trace_id": log.trace_id,
        "span_id": log.span_id,
        "scope": log.scope.name,
        "resource": plain_value(log.resource.attributes),
    }
