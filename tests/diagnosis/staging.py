"""Real traces, changed in one thing: what the scenarios are made of.

A ``Take`` is one trace out of ``tests/data/diamond-district``, as the collector wrote it. Its methods change it and give
it back, so that a scenario reads as a sentence: ``take("4b61").stretch("pg.query:INSERT diamond", 150)``.
"""

import json
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from diamond_viewer.telemetry.semconv import LESSON_KEYS, USER_KEYS

SOURCE = Path(__file__).parents[1] / "data" / "diamond-district" / "traces.json"
NS_PER_MS = 1_000_000
START_NS = 1_795_347_498_000_000_000  # every take begins here unless it is told when

Json = dict[str, Any]


class Take:
    """A trace as (resource, scope, span) in OTLP/JSON. Spans are found by name, the ``nth`` of that name in time."""

    def __init__(self, parts: list[tuple[Json, Json, Json]]) -> None:
        self._parts = parts
        self.at(0)

    def at(self, start_ms: float) -> Self:
        """The earliest span begins ``start_ms`` after the common start."""
        first_ns = min(int(span["startTimeUnixNano"]) for span in self._spans())
        return self._moved(START_NS + round(start_ms * NS_PER_MS) - first_ns, lambda part: True)

    def copy(self, number: int) -> Self:
        """Other ids, the same otherwise: two copies are two traces."""
        for span in self._spans():
            span["traceId"] = f"{number:04x}{span['traceId'][4:]}"
        return self

    def by(self, user: str) -> Self:
        return self._renamed(USER_KEYS, user)

    def on(self, lesson: str) -> Self:
        return self._renamed(LESSON_KEYS, lesson)

    def stretch(self, name: str, ms: float, nth: int = 0) -> Self:
        """The span takes ``ms`` longer, and everything that lies behind its end moves."""
        return self.pause(int(self.span(name, nth)["endTimeUnixNano"]), ms)

    def delay(self, name: str, ms: float, nth: int = 0) -> Self:
        """The span begins ``ms`` later, and everything that lies behind its start moves; what began before it lasts longer."""
        begin_ns = int(self.span(name, nth)["startTimeUnixNano"])
        parent = self.span(name, nth).get("parentSpanId")
        return self.pause(begin_ns, ms, spare=parent)

    def pause(self, from_ns: int, ms: float, spare: str | None = None) -> Self:
        """Nothing happens for ``ms`` from a time on; ``spare`` is the id of a span whose start stays."""
        for span in self._spans():
            starts = ["startTimeUnixNano"] if span["spanId"] != spare else []
            for key in (*starts, "endTimeUnixNano"):
                if int(span[key]) >= from_ns:
                    span[key] = str(int(span[key]) + round(ms * NS_PER_MS))
            for event in span.get("events", []):
                if int(event["timeUnixNano"]) >= from_ns:
                    event["timeUnixNano"] = str(int(event["timeUnixNano"]) + round(ms * NS_PER_MS))
        return self

    def shift_service(self, service: str, ms: float) -> Self:
        """All spans of a service, as if its clock were ``ms`` ahead."""
        return self._moved(round(ms * NS_PER_MS), lambda part: _value_of(part[0], "service.name") == service)

    def shift_span(self, name: str, ms: float, nth: int = 0) -> Self:
        wanted = self.span(name, nth)
        return self._moved(round(ms * NS_PER_MS), lambda part: part[2] is wanted)

    def say(self, name: str, key: str, value: Any, nth: int = 0) -> Self:
        _put(self.span(name, nth), key, value)
        return self

    def event(self, name: str, event: str, ms: float, nth: int = 0, **attributes: Any) -> Self:
        """One more event, ``ms`` after the start of the span."""
        span = self.span(name, nth)
        time_ns = int(span["startTimeUnixNano"]) + round(ms * NS_PER_MS)
        written: Json = {"timeUnixNano": str(time_ns), "name": event, "attributes": []}
        for key, value in attributes.items():
            _put(written, key.replace("__", "."), value)
        span.setdefault("events", []).append(written)
        return self

    def change_event(self, event: str, key: str, value: Any) -> Self:
        """An attribute of every event of that name; None takes it away."""
        for span in self._spans():
            for one in span.get("events", []):
                if one["name"] == event:
                    _put(one, key, value)
        return self

    def without_event(self, event: str) -> Self:
        for span in self._spans():
            span["events"] = [one for one in span.get("events", []) if one["name"] != event]
        return self

    def without(self, name: str, nth: int = 0) -> Self:
        """The span is lost; its children stay."""
        lost = self.span(name, nth)
        self._parts = [part for part in self._parts if part[2] is not lost]
        return self

    def calm(self, name: str, nth: int = 0) -> Self:
        """The span is not marked as failed any more."""
        self.span(name, nth)["status"] = {}
        return self

    def again(self, name: str, ms: float, copies: int = 1, nth: int = 0, **attributes: Any) -> Self:
        """The span and all below it once more, each copy ``ms`` after the one before. ``{n}`` in a value is its number."""
        below = self._below(self.span(name, nth)["spanId"])
        for number in range(1, copies + 1):
            for resource, scope, span in below:
                twin = deepcopy(span)
                twin["spanId"] = _other(twin["spanId"], number)
                if span is not below[0][2]:
                    twin["parentSpanId"] = _other(twin["parentSpanId"], number)
                for key, value in attributes.items():
                    _put(twin, key.replace("__", "."), value.format(n=number) if isinstance(value, str) else value)
                self._parts.append((resource, scope, twin))
                self._moved(round(number * ms * NS_PER_MS), lambda part, twin=twin: part[2] is twin)
        return self

    def span(self, name: str, nth: int = 0) -> Json:
        named = [span for span in self._spans() if span["name"] == name]
        return sorted(named, key=lambda span: (int(span["startTimeUnixNano"]), span["spanId"]))[nth]

    def line(self) -> str:
        """As one line of the collector, a resource and a scope for each run of spans that share them."""
        resources: list[Json] = []
        for resource, scope, span in self._parts:
            if not resources or resources[-1]["resource"] is not resource:
                resources.append({"resource": resource, "scopeSpans": []})
            scopes = resources[-1]["scopeSpans"]
            if not scopes or scopes[-1]["scope"] is not scope:
                scopes.append({"scope": scope, "spans": []})
            scopes[-1]["spans"].append(span)
        return json.dumps({"resourceSpans": resources}, ensure_ascii=False, separators=(",", ":"))

    def _spans(self) -> list[Json]:
        return [span for _, _, span in self._parts]

    def _below(self, span_id: str) -> list[tuple[Json, Json, Json]]:
        found = [part for part in self._parts if part[2]["spanId"] == span_id]
        for part in found:  # grows while it is walked
            found += [child for child in self._parts if child[2].get("parentSpanId") == part[2]["spanId"]]
        return found

    def _moved(self, by_ns: int, which: Any) -> Self:
        for part in self._parts:
            if which(part):
                for key in ("startTimeUnixNano", "endTimeUnixNano"):
                    part[2][key] = str(int(part[2][key]) + by_ns)
                for event in part[2].get("events", []):
                    event["timeUnixNano"] = str(int(event["timeUnixNano"]) + by_ns)
        return self

    def _renamed(self, keys: tuple[str, ...], value: str) -> Self:
        for span in self._spans():
            for holder in (span, *span.get("events", [])):
                for attribute in holder.get("attributes", []):
                    if attribute["key"] in keys:
                        attribute["value"] = {"stringValue": value}
                    elif attribute["key"] == "http.target" and keys is LESSON_KEYS and "/lesson-" in str(attribute):
                        path = attribute["value"]["stringValue"].rpartition("/")[0]
                        attribute["value"] = {"stringValue": f"{path}/{value}"}
        return self


def take(beginning: str) -> Take:
    """The real trace whose id begins like this."""
    trace_id = next(trace_id for trace_id in _traces() if trace_id.startswith(beginning))
    parts = _traces()[trace_id]
    copies: dict[int, Json] = {}  # what was one resource stays one
    return Take(
        [
            (copies.setdefault(id(resource), resource), copies.setdefault(id(scope), scope), deepcopy(span))
            for resource, scope, span in parts
        ]
    )


@lru_cache(maxsize=1)
def _traces() -> dict[str, list[tuple[Json, Json, Json]]]:
    traces: dict[str, list[tuple[Json, Json, Json]]] = {}
    for line in SOURCE.read_text(encoding="utf-8").splitlines():
        for resource_spans in json.loads(line)["resourceSpans"]:
            for scope_spans in resource_spans["scopeSpans"]:
                for span in scope_spans["spans"]:
                    part = (resource_spans["resource"], scope_spans["scope"], span)
                    traces.setdefault(span["traceId"], []).append(part)
    return traces


def _put(holder: Json, key: str, value: Any) -> None:
    holder["attributes"] = [one for one in holder.get("attributes", []) if one["key"] != key]
    if value is None:
        return
    if isinstance(value, bool):
        wire: Json = {"boolValue": value}
    elif isinstance(value, int):
        wire = {"intValue": str(value)}
    elif isinstance(value, float):
        wire = {"doubleValue": value}
    else:
        wire = {"stringValue": value}
    holder["attributes"].append({"key": key, "value": wire})


def _value_of(resource: Json, key: str) -> str:
    return next((str(one["value"]["stringValue"]) for one in resource["attributes"] if one["key"] == key), "")


def _other(span_id: str, number: int) -> str:
    return f"{int(span_id, 16) ^ (number << 8):016x}"
