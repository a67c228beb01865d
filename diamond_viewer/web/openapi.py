"""``/api/openapi.json``: the API described in OpenAPI 3.1, from the tables that parse what is asked and from real answers."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, request

from diamond_viewer.web.openapi_routes import ENDPOINTS, HTML, JSON, MARKDOWN, Endpoint, Parameter

Json = dict[str, Any]

EXAMPLES_PATH = Path(__file__).with_name("openapi_examples.json")
EVERYWHERE = (403, 405, 414, 503)  # another site's page asks; another method; too long a query string; a crowd
GATED = (401, 429)  # with --auth-token-file
ERROR = {"$ref": "#/components/schemas/Error"}
API_VERSION = "1.0.0"  # of what is described: the first number moves when a stable name goes, the second when one comes
MEASURES = ("_ms", "_s", "_seconds", "_unix_nano", "_percent", "per_second")  # numbers with a fraction; null for none
NULLABLE = frozenset(("source", "measured", "traced"))
ANYTHING = frozenset(("body", "attributes", "resource", "labels"))  # what producers write: of any kind
OPTIONAL = frozenset(("p50", "p95", "p99"))  # of a metric in whose window nothing was counted
OTLP_ANSWERS = "/api/traces/{trace_id}"  # its shape is OpenTelemetry's, and says itself what it is


def openapi() -> Blueprint:
    """The blueprint of the document."""
    blueprint = Blueprint("openapi", __name__)

    @blueprint.get("/api/openapi.json")
    def described() -> Response:
        paths = {_openapi_path(rule.rule) for rule in current_app.url_map.iter_rules()}
        return Response(_encoded(frozenset(paths), request.script_root or "/"), mimetype=JSON)

    return blueprint


@cache
def _encoded(paths: frozenset[str], place: str) -> bytes:
    return json.dumps(document(paths, place), ensure_ascii=False).encode()


def document(paths: Iterable[str], place: str = "/") -> Json:
    """Of the rows of the table that this application has a route for: imports have none when they are switched off.

    ``place``: below which path a proxy has the viewer.
    """
    described: Json = {}
    for endpoint in ENDPOINTS:
        if endpoint.path in paths:
            described.setdefault(endpoint.path, {})[endpoint.method] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Diamond Viewer",
            "version": API_VERSION,
            "description": "Times are nanoseconds since 1970 as texts (64 bits) where the name says unix_nano, durations "
            "milliseconds. An unknown or malformed parameter is answered with 400 and a sentence. See docs/integrations.md.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": place}],
        "paths": described,
        "components": {
            "schemas": {
                "Error": {
                    "type": "object",
                    "required": ["error"],
                    "additionalProperties": False,
                    "properties": {"error": {"type": "string", "description": "One sentence that says what to do."}},
                }
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "With --auth-token-file."}
            },
        },
        "security": [{}, {"token": []}],
    }


def _openapi_path(rule: str) -> str:
    """
    >>> _openapi_path("/api/users/<path:user>")
    '/api/users/{user}'
    """
    return "".join(
        part if at % 2 == 0 else "{" + part.rpartition(":")[2] + "}"
        for at, part in enumerate(rule.replace("<", "\0").replace(">", "\0").split("\0"))
    )


@cache
def examples() -> dict[str, Json]:
    """Real answers, by ``METHOD path``; their lists are cut."""
    found: dict[str, Json] = json.loads(EXAMPLES_PATH.read_text("utf-8"))
    return found


def _operation(endpoint: Endpoint) -> Json:
    words = [endpoint.method, *endpoint.path.removeprefix("/api/").replace("{", "by_").replace("}", "").split("/")]
    refusals = {str(status): _refusal(status) for status in sorted({*endpoint.refusals, *EVERYWHERE, *GATED})}
    return {
        "operationId": "_".join(words).replace(".", "_"),
        "summary": endpoint.summary,
        "parameters": [_parameter(parameter) for parameter in endpoint.parameters],
        **({"requestBody": {"required": True, "content": dict(endpoint.body)}} if endpoint.body else {}),
        "responses": {
            str(endpoint.success): {
                "description": "The answer.",
                "content": {media: _content(endpoint, media) for media in endpoint.answers},
            },
            **refusals,
        },
    }


def _refusal(status: int) -> Json:
    why = {
        400: "A parameter is unknown or malformed.",
        401: "A token is needed.",
        403: "Not allowed from there.",
        404: "There is nothing of that name.",
        405: "Not that method.",
        413: "Too large.",
        414: "The query string is too long.",
        415: "Not that encoding.",
        422: "It holds no telemetry.",
        429: "Too many wrong tokens.",
        503: "Too much at once; Retry-After says when.",
    }
    return {"description": why[status], "content": {JSON: {"schema": ERROR}}}


def _parameter(parameter: Parameter) -> Json:
    schema = {"type": "array", "items": parameter.schema} if parameter.is_repeatable else parameter.schema
    said: Json = {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.sentence,
        "required": parameter.is_required,
        "schema": schema,
    }
    if parameter.is_repeatable:
        said |= {"style": "form", "explode": True}
    if parameter.example:
        example: Any = int(parameter.example) if "anyOf" in parameter.schema else parameter.example
        said["example"] = [example] if parameter.is_repeatable else example
    return said


def _content(endpoint: Endpoint, media: str) -> Json:
    if media != JSON:
        return {"schema": {"type": "string"}} if media in (HTML, MARKDOWN) else {}
    example = examples().get(f"{endpoint.method.upper()} {endpoint.path}")
    if example is None:
        return {"schema": {"type": "object"}}
    schema = {"type": "object"} if endpoint.path == OTLP_ANSWERS else schema_of([example], endpoint.maps)
    return {"schema": schema, "example": example}


def schema_of(values: list[Any], maps: frozenset[str] = frozenset(), name: str = "") -> Json:
    """What all of these have in common; of null alone nothing is known. Objects that ``maps`` names have any keys.

    >>> schema_of([{"a": 1, "b": "x"}, {"a": 0.5}])
    {'type': 'object', 'properties': {'a': {'type': 'number'}, 'b': {'type': 'string'}}, 'required': ['a']}
    >>> schema_of([{"events": {"tick": 2}}], frozenset(["events"]))["properties"]["events"]
    {'type': 'object', 'additionalProperties': {'type': 'integer'}}
    """
    present = [value for value in values if value is not None]
    if not present or name in ANYTHING:
        return {}
    is_measure = name.endswith(MEASURES)
    if all(isinstance(value, dict) for value in present):
        said = _object(present, maps, name)
    elif all(isinstance(value, list) for value in present):
        said = {"type": "array", "items": schema_of([one for value in present for one in value], maps)}
    else:
        kinds = {_kind(value) for value in present}
        is_number = kinds <= {"integer", "number"} and (is_measure or len(kinds) > 1)
        said = {"type": "number"} if is_number else {"type": kinds.pop()} if len(kinds) == 1 else {}
    may_be_null = len(present) < len(values) or is_measure or name in NULLABLE
    return {"anyOf": [said, {"type": "null"}]} if may_be_null and said else said


def _object(values: list[Json], maps: frozenset[str], name: str) -> Json:
    if name in maps:
        return {
            "type": "object",
            "additionalProperties": schema_of([one for value in values for one in value.values()], maps),
        }
    keys = list(dict.fromkeys(key for value in values for key in value))
    return {
        "type": "object",
        "properties": {key: schema_of([value[key] for value in values if key in value], maps, key) for key in keys},
        "required": [key for key in keys if key not in OPTIONAL and all(key in value for value in values)],
    }


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    return "integer" if isinstance(value, int) else "number"
