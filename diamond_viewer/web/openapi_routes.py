"""The table of the API's addresses: a row each, read by the OpenAPI document and by the test that holds it to the routes.

What can be asked comes from the tables that parse it: ``query.filters``, ``query.sorting``, ``web.export``. A new address needs
a row here and an example: ``ACCEPT=1 make test ARGS=tests/web/test_openapi.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diamond_viewer.query import log_query
from diamond_viewer.query.filters import FILTERS, MAX_TEXT, Filter
from diamond_viewer.query.language import MAX_CHARACTERS
from diamond_viewer.query.query import DEFAULT_LIMIT, MAX_LIMIT, MAX_PAGE
from diamond_viewer.query.sorting import ORDERS
from diamond_viewer.telemetry.severity import LEVEL_NAMES
from diamond_viewer.web.export import FORMATS

Json = dict[str, Any]

JSON, HTML, MARKDOWN = "application/json", "text/html", "text/markdown"
NOT_SET = {"type": "string", "maxLength": 0}  # what a form sends for an empty field
TIME = r"^\s*(\d{1,9}[smhd]|\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:\d\d)?)?)?\s*$"


@dataclass(frozen=True, slots=True)
class Parameter:
    """``schema`` is one of JSON Schema. ``repeatable``: it may come several times, and all must hold."""

    name: str
    sentence: str
    schema: Json
    example: str = ""
    place: str = "query"
    is_required: bool = False
    is_repeatable: bool = False


def of_filter(row: Filter) -> Parameter:
    schema: Json = {"type": "string", "maxLength": MAX_CHARACTERS if row.parameter == "q" else MAX_TEXT}
    if row.choices:
        schema = {"type": "string", "enum": [*row.choices, ""]}
    elif row.parameter in ("min_ms", "max_ms"):
        schema = {"type": "string", "pattern": r"^\s*(\d{1,12}(\.\d{1,9})?)?\s*$"}
    elif row.parameter in ("since", "until"):
        schema = {"type": "string", "pattern": TIME}
    sentence = row.sentence.replace("{}", "…")
    return Parameter(row.parameter, f"{row.label}: {sentence}.", schema, row.example, is_repeatable=row.repeatable)


def _whole(most: int) -> Json:
    return {"anyOf": [{"type": "integer", "minimum": 1, "maximum": most}, NOT_SET]}


FILTER_PARAMETERS = tuple(of_filter(row) for row in FILTERS)
WINDOW = tuple(parameter for parameter in FILTER_PARAMETERS if parameter.name in ("since", "until"))
SORT = Parameter(
    "sort",
    f"{', '.join(f'{order.name}: {order.sentence}' for order in ORDERS)}.",
    {"type": "string", "enum": [*(order.name for order in ORDERS), ""]},
    ORDERS[0].name,
)
LIMIT = Parameter("limit", f"How many at most; {DEFAULT_LIMIT} when it is not said.", _whole(MAX_LIMIT), "20")
PAGE = Parameter("page", "Which page of so many.", _whole(MAX_PAGE), "1")
ONLY_PAGE = Parameter("page", "There is only one.", {"anyOf": [{"const": 1}, NOT_SET]}, "1")
QUERY = (*FILTER_PARAMETERS, SORT, LIMIT, PAGE)
ONE_PAGE = (*FILTER_PARAMETERS, SORT, LIMIT, ONLY_PAGE)


def of_log_parameter(row: log_query.Parameter) -> Parameter:
    schema: Json = {"type": "string", "maxLength": MAX_TEXT}
    if row.name in log_query.MOST:
        schema = _whole(log_query.MOST[row.name])
    elif row.name in ("since", "until"):
        schema = {"type": "string", "pattern": TIME}
    elif row.name == "severity":
        schema = {
            "type": "string",
            "pattern": f"^\\s*({'|'.join(LEVEL_NAMES)}|{'|'.join(map(str.upper, LEVEL_NAMES))})?\\s*$",
        }
    return Parameter(row.name, f"{row.label}: {row.meaning}.", schema, row.example)


def _chosen(name: str, choices: tuple[str, ...], sentence: str, *, is_required: bool = False) -> Parameter:
    more = () if is_required else ("",)
    return Parameter(name, sentence, {"type": "string", "enum": [*choices, *more]}, choices[0], is_required=is_required)


def _path(name: str, sentence: str, example: str) -> Parameter:
    return Parameter(name, sentence, {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}, example, "path", True)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``path`` as OpenAPI writes it. ``answers``: what a 200 may be, besides JSON that looks like the example. ``asked`` is the
    question that the example answers, ``cuts`` says to how many entries its lists are cut. ``maps`` are members whose keys are
    not fixed. ``refusals``: statuses with ``{"error": ...}`` besides those of every address."""

    path: str
    summary: str
    parameters: tuple[Parameter, ...] = ()
    asked: str = ""
    answers: tuple[str, ...] = (JSON,)
    maps: frozenset[str] = frozenset()
    refusals: tuple[int, ...] = (400,)
    method: str = "get"
    success: int = 200
    body: Mapping[str, Json] | None = None


_IMPORT_BODY = {
    media: {"schema": {"type": "string"}} for media in ("application/octet-stream", JSON, "application/x-ndjson")
}

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("/api/traces", "Traces that match, a page of them.", QUERY, "limit=1&flag=auth-failure"),
    Endpoint(
        "/api/traces/{trace_id}",
        "One trace as OTLP/JSON, redacted, with what the rules found and the flows between its services.",
        (_path("trace_id", "32 hex digits, or the id as it was found: a traceparent, b3, base64 ...", ""),),
        refusals=(404,),
    ),
    Endpoint("/api/stats", "Figures over all traces that match.", QUERY, maps=frozenset(("events", "flags"))),
    Endpoint(
        "/api/findings",
        "What rules found in the traces that match; with user also over all traces of that person.",
        (*QUERY, _chosen("format", ("json", "markdown"), "json, or markdown for a ticket.")),
        "limit=1",
        answers=(JSON, MARKDOWN),
        maps=frozenset(("thresholds",)),
    ),
    Endpoint(
        "/api/export",
        "All traces that match as a file; with limit so many from the top.",
        (*ONE_PAGE, _chosen("format", tuple(FORMATS), "The format of the file.", is_required=True)),
        "format=ndjson&limit=1",
        answers=tuple(dict.fromkeys(one.mimetype for one in FORMATS.values())),
    ),
    Endpoint(
        "/api/errors",
        "Root causes of errors in the traces that match, the most frequent first.",
        (*ONE_PAGE, Parameter("group", "Only the group with this fingerprint.", {"type": "string"}, "dedd602d423c")),
        "limit=1",
    ),
    Endpoint(
        "/api/operations",
        "Requests, jobs and database statements of the traces that match, those that took most time first.",
        ONE_PAGE,
        "limit=1",
    ),
    Endpoint(
        "/api/differences",
        "What tells the traces that match from good ones of the same operations; at least one filter is needed.",
        QUERY,
        "status=error",
    ),
    Endpoint("/api/map", "Who calls whom in the traces that match.", QUERY),
    Endpoint(
        "/api/journeys",
        "Users and lessons, those with recent trouble first.",
        (
            *WINDOW,
            LIMIT,
            PAGE,
            SORT,
            Parameter("find", "A part of the id, whatever its case.", {"type": "string"}, "usr_0"),
        ),
        "limit=1",
        maps=frozenset(("flags",)),
    ),
    Endpoint(
        "/api/users/{user}",
        "Everything one person did.",
        (_path("user", "The user's id.", "usr_0007"), *WINDOW, SORT, LIMIT, PAGE),
        refusals=(400, 404),
        maps=frozenset(("events",)),
    ),
    Endpoint(
        "/api/lessons/{lesson}",
        "Everything that happened to one lesson, beside all lessons.",
        (_path("lesson", "The lesson's id.", "lesson-012"), *WINDOW, SORT, LIMIT, PAGE),
        refusals=(400, 404),
        maps=frozenset(("events",)),
    ),
    Endpoint(
        "/api/logs",
        "Log records that match, the newest first.",
        tuple(of_log_parameter(row) for row in log_query.PARAMETERS),
        "limit=1",
        maps=frozenset(("services", "levels", "series")),
    ),
    Endpoint("/api/metrics", "Every metric that is held.", refusals=()),
    Endpoint(
        "/api/metrics/{name}",
        "The series of one metric.",
        (
            _path("name", "The metric's name.", "video.load_time_ms"),
            *WINDOW,
            Parameter("by", "The attribute by which it is split.", {"type": "string"}, "quality"),
        ),
        refusals=(400, 404),
    ),
    Endpoint("/api/video", "What metrics say beside what traces say: a difference is lost telemetry.", WINDOW),
    Endpoint(
        "/api/health",
        "What has been read, how far, and what could not be.",
        maps=frozenset(("counters", "keys")),
        refusals=(),
    ),
    Endpoint("/api/import", "The page of imports.", answers=(HTML,), refusals=()),
    Endpoint(
        "/api/import",
        "Open a trace file beside the live files, read-only.",
        (Parameter("name", "What the file is called.", {"type": "string"}, "traces.json"),),
        refusals=(400, 403, 413, 415, 422),
        method="post",
        success=201,
        body=_IMPORT_BODY,
    ),
    Endpoint("/api/openapi.json", "This document.", refusals=()),
)
