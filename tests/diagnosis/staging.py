"""Real traces, changed in one thing: what the scenarios are made of.

A ``Take`` is one trace out of ``tests/data/diamond-district``, as the collector wrote it. Its methods change it and give
it back, so that a scenario reads as a sentence: ``take("4b61").stretch("pg.query:INSERT diamond", 150)``.
"""

import json
from collections.abc import Callable, Collection
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from diamond_viewer.telemetry.semconv import PLATFORM_KEYS

SOURCE = Path(__file__).parents[1] / "data" / "diamond-district" / "traces.json"
NS_PER_MS = 1_000_000
START_NS = 1_795_347_498_000_000_000  # every take begins here unless it is told when

Json = dict[str, Any]
Part = tuple[Json, Json, Json]


class Take:
    """A trace as (resource, scope, span) in OTLP/JSON. Spans are found by name, the ``nth`` of that name in time."""

    def __init__(self, parts: list[Part]) -> None:
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
        return self._renamed(PLATFORM_KEYS.user, user)

    def on(self, lesson: str) -> Self:
        return self._renamed(PLATFORM_KEYS.lesson, lesson)

    def stretch(self, name: str, ms: float, nth: int = 0) -> Self:
        """The span takes ``ms`` longer; everything behind its end moves, and what it lies in lasts longer."""
        return self._paused(int(self.span(name, nth)["endTimeUnixNano"]), ms, spared=())

    def idle_after(self, name: str, ms: float, nth: int = 0) -> Self:
        """After the span nothing happens for ``ms``; what it lies in lasts longer."""
        span = self.span(name, nth)
        spared = [(part[2]["spanId"], "endTimeUnixNano") for part in self._below(span["spanId"])]
        return self._paused(int(span["endTimeUnixNano"]), ms, spared)

    def idle_before(self, name: str, ms: float, nth: int = 0) -> Self:
        """Before the span nothing happens for ``ms``; what it lies in begins when it did, and lasts longer."""
        span = self.span(name, nth)
        spared = [(span_id, "startTimeUnixNano") for span_id in self._above(span)]
        return self._paused(int(span["startTimeUnixNano"]), ms, spared)

    def shift_service(self, service: str, ms: float) -> Self:
        """All spans of a service, as if its clock were ``ms`` ahead."""
        return self._moved(round(ms * NS_PER_MS), lambda part: _value_of(part[0], "service.name") == service)

    def shift_span(self, name: str, ms: float, nth: int = 0) -> Self:
        wanted = self.span(name, nth)
        return self._moved(round(ms * NS_PER_MS), lambda part: part[2] is wanted)

    def say(self, name: str, key: str, value: Any, nth: int = 0) -> Self:
        _put(self.span(name, nth), key, value)
        return self

    def event(self, name: str, event: str, ms: float, **attributes: Any) -> Self:
        """One more event, ``ms`` after the start of the span; an underscore at the end of a key is left out (``from_``)."""
        span = self.span(name)
        time_ns = int(span["startTimeUnixNano"]) + round(ms * NS_PER_MS)
        written: Json = {"timeUnixNano": str(time_ns), "name": event, "attributes": []}
        for key, value in attributes.items():
            _put(written, key.rstrip("_"), value)
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

    def again(self, name: str, ms: float, copies: int = 1, statement: str = "") -> Self:
        """The span and all below it once more, each copy ``ms`` after the one before, with a statement of its
        own if one is given (``{n}`` is its number).
        """
        below = self._below(self.span(name)["spanId"])
        for number in range(1, copies + 1):
            for resource, scope, span in below:
                twin = deepcopy(span)
                twin["spanId"] = _other(twin["spanId"], number)
                if span is not below[0][2]:
                    twin["parentSpanId"] = _other(twin["parentSpanId"], number)
                if statement and any(one["key"] == "db.query.text" for one in twin.get("attributes", [])):
                    _put(twin, "db.query.text", statement.format(n=number))
                self._parts.append((resource, scope, twin))
                _shift(twin, round(number * ms * NS_PER_MS))
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

    def _below(self, span_id: str) -> list[Part]:
        found = [part for part in self._parts if part[2]["spanId"] == span_id]
        for part in found:  # grows while it is walked
            found += [child for child in self._parts if child[2].get("parentSpanId") == part[2]["spanId"]]
        return found

    def _above(self, span: Json) -> list[str]:
        by_id = {one["spanId"]: one for one in self._spans()}
        found = []
        while span := by_id.get(span.get("parentSpanId", ""), {}):
            found.append(span["spanId"])
        return found

    def _paused(self, from_ns: int, ms: float, spared: Collection[tuple[str, str]]) -> Self:
        """Every time from ``from_ns`` on moves, except the ``spared`` ends and starts (span id, field)."""
        for span in self._spans():
            for key in ("startTimeUnixNano", "endTimeUnixNano"):
                if int(span[key]) >= from_ns and (span["spanId"], key) not in spared:
                    span[key] = str(int(span[key]) + round(ms * NS_PER_MS))
            for event in span.get("events", []):
                if int(event["timeUnixNano"]) >= from_ns:
                    event["timeUnixNano"] = str(int(event["timeUnixNano"]) + round(ms * NS_PER_MS))
        return self

    def _moved(self, by_ns: int, which: Callable[[Part], bool]) -> Self:
        for part in self._parts:
            if which(part):
                _shift(part[2], by_ns)
        return self

    def _renamed(self, keys: tuple[str, ...], value: str) -> Self:
        for span in self._spans():
            for holder in (span, *span.get("events", [])):
                for attribute in holder.get("attributes", []):
                    if attribute["key"] in keys:
                        attribute["value"] = {"stringValue": value}
                    elif (
                        attribute["key"] == "http.target"
                        and keys is PLATFORM_KEYS.lesson
                        and "/lesson-" in str(attribute)
                    ):
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
def _traces() -> dict[str, list[Part]]:
    traces: dict[str, list[Part]] = {}
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


def _shift(span: Json, by_ns: int) -> None:
    for key in ("startTimeUnixNano", "endTimeUnixNano"):
        span[key] = str(int(span[key]) + by_ns)
    for event in span.get("events", []):
        event["timeUnixNano"] = str(int(event["timeUnixNano"]) + by_ns)


def _value_of(resource: Json, key: str) -> str:
    return next((str(one["value"]["stringValue"]) for one in resource["attributes"] if one["key"] == key), "")


def _other(span_id: str, number: int) -> str:
    return f"{int(span_id, 16) ^ (number << 8):016x}"
