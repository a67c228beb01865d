"""Lanes: what a trace or an event was about, for a drawing of somebody's way."""

from functools import lru_cache

from diamond_viewer.diagnosis.vocabulary import (
    PROGRESS_ROUTE,
    REPORT_ROUTE,
    SIGN_IN_ROUTES,
    VIDEO_ROUTE,
    is_sign_in_page,
)
from diamond_viewer.telemetry.model import Flag
from diamond_viewer.telemetry.ways import WayStep

AUTH, VIDEO, PROGRESS, JOBS, OTHER = LANES = ("Auth", "Video", "Progress", "Jobs", "Other")
_SPAN_NAMES = {"auth": AUTH, "middleware": AUTH, "video": VIDEO, "progress": PROGRESS, "job": JOBS}
_WORK = ("process", "worker")  # BullMQ says "process <queue>", other queues "<queue> process"
_ERROR, _AUTH_FAILURE = Flag.ERROR.value, Flag.AUTH_FAILURE.value  # numbers: operations on flags take ten times as long
_SLOW = (Flag.SLOW | Flag.SLOW_DB | Flag.BUFFERING | Flag.RESUME_MISMATCH).value
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


@lru_cache(maxsize=4_096)  # a person's ten thousand traces have a few names
def lane_of(name: str, service: str = "") -> str:
    """Of a trace's name or an event's.

    >>> [lane_of(name) for name in ("POST /api/auth/[...nextauth]", "GET /api/video/[id]", "POST /api/telemetry/video")]
    ['Auth', 'Video', 'Video']
    >>> [lane_of(name) for name in ("POST /api/progress", "process mail", "mail process", "job completed", "video.loaded")]
    ['Progress', 'Jobs', 'Jobs', 'Jobs', 'Video']
    >>> lane_of("GET /login"), lane_of("GET /process"), lane_of("sweep", "diamond-worker"), lane_of("video-transcode process")
    ('Auth', 'Other', 'Jobs', 'Jobs')
    """
    method, _, rest = name.partition(" ")
    if method in _METHODS:
        if rest.startswith(SIGN_IN_ROUTES) or is_sign_in_page(rest):
            return AUTH
        if rest.startswith((VIDEO_ROUTE, REPORT_ROUTE)):
            return VIDEO
        return PROGRESS if rest.startswith(PROGRESS_ROUTE) else OTHER
    if any(work in name.split() for work in _WORK):
        return JOBS
    family = name.replace(".", " ").partition(" ")[0]
    return _SPAN_NAMES.get(family) or (JOBS if "worker" in service else OTHER)


def lane_of_step(step: WayStep) -> str:
    """A request for something else that was refused is about signing in."""
    lane = lane_of(step.name, step.service)
    return AUTH if lane == OTHER and step.flags & _AUTH_FAILURE else lane


def tone_of_step(step: WayStep) -> str:
    """error | auth | slow, or "" for what went well.

    >>> tone_of_step(WayStep("", "", "", 0, 0, Flag.ERROR | Flag.SLOW, 500, (), ()))
    'error'
    """
    if step.flags & _ERROR or step.http_status >= 500:
        return "error"
    if step.flags & _AUTH_FAILURE:
        return "auth"
    return "slow" if step.flags & _SLOW else ""
