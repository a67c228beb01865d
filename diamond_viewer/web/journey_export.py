"""A journey to take along: as Markdown for a ticket, and as JSON."""

from typing import Any

from diamond_viewer.answers.reach import reach_answer
from diamond_viewer.diagnosis.tale import sessions, tale
from diamond_viewer.diagnosis.watched import Watched, lessons_watched, viewers, watched
from diamond_viewer.telemetry.markdown import code, escaped
from diamond_viewer.telemetry.model import flag_names
from diamond_viewer.telemetry.units import NS_PER_MS, format_date_time, zone_label
from diamond_viewer.telemetry.ways import Trouble, Troubles, Watching, Way
from diamond_viewer.web.journey_figures import JourneyFigure, WatchedRow
from diamond_viewer.web.journey_tale import JourneyTale
from diamond_viewer.web.lesson_page import LessonPage
from diamond_viewer.web.user_page import UserPage

MAX_TRACES = 1_000


def user_markdown(page: UserPage) -> str:
    blocks = [*_head(f"Journey of user {code(page.user)}", page.figures, page.lanes.summary if page.lanes else "")]
    blocks += ["## What happened", *_tale_lines(page.tale)]
    blocks += ["## Lessons watched", *_table("Lesson", page.lessons)]
    return "\n\n".join(blocks) + "\n"


def lesson_markdown(page: LessonPage) -> str:
    blocks = _head(f"Journey of lesson {code(page.lesson)}", page.figures, page.lanes.summary if page.lanes else "")
    rows = [f"| {one.label} | {one.own} | {one.average} |" for one in page.compared]
    blocks += [
        "## Against the average lesson",
        "\n".join(["| Figure | This lesson | All lessons |", "|---|---:|---:|", *rows]),
    ]
    blocks += ["## Viewers", *_table("User", page.viewers)]
    return "\n\n".join(blocks) + "\n"


def _head(title: str, figures: tuple[JourneyFigure, ...], summary: str) -> list[str]:
    said = [f"* {one.label}: {one.value}{f' ({one.note})' if one.note else ''}" for one in figures]
    return [f"# {title}", *([f"{summary}."] if summary else []), "\n".join(said)]


def _tale_lines(told: JourneyTale) -> list[str]:
    lines = [f"{told.shown}."] if told.shown else []
    entries = []
    for row in told.rows:
        if row.heading:
            entries.append(f"\n### {escaped(row.heading)}\n")
        lesson = f" {code(row.lesson)}" if row.lesson else ""
        badge = f" **{escaped(row.badge)}**" if row.badge else ""
        trace = f" (`{row.trace_href.partition('?')[0]}`)" if row.trace_href else ""
        entries.append(f"* {row.clock} **{escaped(row.title)}**{lesson}: {escaped(row.detail)}{badge}{trace}")
        entries += [f"  * {escaped(one.sentence)}" for one in row.said]
    return [*lines, f"Times are {zone_label()}.", "\n".join(entries) or "Nothing in this window."]


def _table(heading: str, rows: tuple[WatchedRow, ...]) -> list[str]:
    if not rows:
        return ["None in this window."]
    headings = [heading, *(label for label, _, _ in rows[0].cells)]
    lines = [f"| {' | '.join(headings)} |", "|---|" + "---:|" * (len(headings) - 1)]
    lines += [f"| {code(row.key)} | {' | '.join(value for _, value, _ in row.cells)} |" for row in rows]
    return ["\n".join(lines)]


def user_document(user: str, way: Way) -> dict[str, Any]:
    return {
        "user": user,
        **reach_answer(way),
        **_figures(way),
        "lessons": [_watched("lesson", one) for one in lessons_watched(way)],
        **_told(way),
    }


def lesson_document(lesson: str, way: Way, every: Watching) -> dict[str, Any]:
    return {
        "lesson": lesson,
        **reach_answer(way),
        **_figures(way),
        "average": {
            **reach_answer(every),
            "lessons": every.lessons,
            "traces": every.traces,
            "error_traces": every.error_traces,
            "events": dict(every.events),
            **_percentiles("load", every.load_ms),
            **_percentiles("resume", every.resume_ms),
        },
        "viewers": [_watched("user", one) for one in viewers(way)],
        **_told(way),
    }


def troubles_document(found: Troubles) -> dict[str, Any]:
    """``most_names`` is there only where there may be more names than that."""
    return {
        **reach_answer(found),
        **({"most_names": found.most_names} if found.most_names else {}),
        "total": found.total,
        "in_trouble": found.in_trouble,
        "rows": [_trouble(one) for one in found.rows],
    }


def _trouble(one: Trouble) -> dict[str, Any]:
    return {
        "id": one.value,
        "traces": one.traces,
        "bad_traces": one.bad_traces,
        "flags": {name: count for flag, count in one.counts.items() for name in flag_names(flag)},
        "first_trouble_unix_nano": str(one.first_ns) if one.first_ns else None,
        "last_trouble_unix_nano": str(one.last_ns) if one.last_ns else None,
        "last_seen_unix_nano": str(one.seen_ns),
    }


def _figures(way: Way) -> dict[str, Any]:
    return {key: value for key, value in _watched("", watched("", way.events, way.steps)).items() if key}


def _watched(name: str, one: Watched) -> dict[str, Any]:
    return {
        name: one.key,
        "traces": one.traces,
        "error_traces": one.errors,
        "starts": one.starts,
        "completions": one.completions,
        "watched_s": one.watched_s,
        "saves": one.saves,
        "lost_saves": one.lost_saves,
        "lost_s": one.lost_s,
        "stopped_s": one.stopped_s,
        **_percentiles("load", one.load_ms),
        **_percentiles("resume", one.resume_ms),
        "resumes": one.resumes,
        "buffering": one.stalls,
        "stalled_ms": one.stalled_ms,
        "mismatches": one.mismatches,
    }


def _percentiles(name: str, found: tuple[float, float] | None) -> dict[str, float | None]:
    p50, p95 = found or (None, None)
    return {f"{name}_p50_ms": p50, f"{name}_p95_ms": p95}


def _told(way: Way) -> dict[str, Any]:
    """Sessions, the tale, and the newest traces."""
    return {
        "sessions": [
            {
                "start_unix_nano": str(one.start_ns),
                "end_unix_nano": str(one.end_ns),
                "traces": one.steps,
                "error_traces": one.errors,
                "auth_failure_traces": one.refusals,
            }
            for one in sessions(way.steps)
        ],
        "tale": [
            {
                "time_unix_nano": str(line.time_ns),
                "time": format_date_time(line.time_ns),
                "title": line.title,
                "lesson": line.lesson,
                "detail": line.detail,
                "badge": line.badge,
                "trace_ids": [way.steps[place].trace_id for place in line.steps[:50]],
            }
            for line in tale(way, MAX_TRACES).lines
        ],
        "trace_list": [
            {
                "trace_id": step.trace_id,
                "name": step.name,
                "service": step.service,
                "start_unix_nano": str(step.start_ns),
                "duration_ms": (step.end_ns - step.start_ns) / NS_PER_MS,
                "http_status": step.http_status,
                "flags": list(flag_names(step.flags)),
                "user_ids": step.users,
                "lesson_ids": step.lessons,
            }
            for step in way.steps[-MAX_TRACES:][::-1]
        ],
    }
