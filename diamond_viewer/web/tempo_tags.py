"""Names and values of tags for Tempo's autocomplete: from the index where it knows them, else from the newest traces."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from diamond_viewer.query.keys import KINDS, key_named
from diamond_viewer.query.query import Query
from diamond_viewer.store import TraceStore
from diamond_viewer.telemetry.model import Attributes, AttributeValue, Span

Json = dict[str, Any]

SAMPLED_TRACES = 100
SAMPLED_SPANS = 5_000
MAX_NAMES = 1_000  # of each scope
MAX_TEXT = 256  # characters of a value: a longer one is nothing to choose from
INTRINSICS = ("duration", "event:name", "kind", "name", "rootName", "status", "traceDuration")
SCOPES = ("resource", "span", "event", "instrumentation", "intrinsic")


@dataclass(frozen=True, slots=True)
class Sample:
    spans: tuple[Span, ...]


def sampled(store: TraceStore, query: Query, now_ns: int) -> Sample:
    """Spans of the newest matching traces, as many as can be decoded at once."""
    spans: list[Span] = []
    for row in store.search(replace(query, limit=SAMPLED_TRACES), now_ns).traces:
        if row.span_count > SAMPLED_SPANS - len(spans):
            continue
        trace = store.trace(row.trace_id)
        spans += trace.spans if trace else ()
    return Sample(tuple(spans))


def tag_names(sample: Sample, scope: str) -> list[Json]:
    """Names by scope, those that are wanted; a scope without any is left out."""
    found: dict[str, set[str]] = {name: set() for name in SCOPES}
    for span in sample.spans:
        found["resource"] |= span.resource.attributes.keys()
        found["span"] |= span.attributes.keys()
        found["instrumentation"] |= span.scope.attributes.keys()
        for event in span.events:
            found["event"] |= event.attributes.keys()
    found["intrinsic"] = set(INTRINSICS)
    wanted = SCOPES if scope in ("", "none", "all") else (scope,)
    return [{"name": name, "tags": sorted(found[name])[:MAX_NAMES]} for name in wanted if found[name]]


def tag_values(store: TraceStore, sample: Callable[[], Sample], tag: str, limit: int) -> list[Json]:
    """``{"type", "value"}`` each, the most frequent first; ``sample`` is only taken where the index knows nothing."""
    key = _key_of(tag)
    if key == "status":
        return _keywords(("error",))  # the index tells no other apart
    if key == "kind":
        return _keywords(tuple(KINDS))[:limit]
    if field := _field_of(key):
        return [
            {"type": "string", "value": text} for text, _ in store.values(field, "", limit) if len(text) <= MAX_TEXT
        ]
    counts = Counter(_typed(value) for value in _values(sample(), tag, key))
    chosen = [(kind, text) for (kind, text), _ in counts.most_common() if text and len(text) <= MAX_TEXT]
    return [{"type": kind, "value": text} for kind, text in chosen[:limit]]


def _key_of(tag: str) -> str:
    """Without its scope: ``.service.name``, ``resource.service.name`` and ``service.name`` are one."""
    for scope in (
        "span.",
        "resource.",
        "event.",
        "instrumentation.",
        "span:",
        "event:",
        "trace:",
        "instrumentation:",
        ".",
    ):
        if tag.startswith(scope):
            return tag.removeprefix(scope).strip('"') if scope != "event:" else "event"
    return tag.strip('"')


def _field_of(key: str) -> str:
    known = key_named(key)
    return known.field if known is not None and known.field else "operation" if key == "rootName" else ""


def _values(sample: Sample, tag: str, key: str) -> Iterator[AttributeValue]:
    for span in sample.spans:
        for attributes in _sets(span, tag.partition(".")[0]):
            if key in attributes:
                yield attributes[key]


def _sets(span: Span, scope: str) -> Iterator[Attributes]:
    if scope not in ("resource", "event", "instrumentation"):
        yield span.attributes
    if scope not in ("span", "event", "instrumentation"):
        yield span.resource.attributes
    if scope not in ("span", "resource", "instrumentation"):
        yield from (event.attributes for event in span.events)
    if scope == "instrumentation":
        yield span.scope.attributes


def _typed(value: AttributeValue) -> tuple[str, str]:
    if isinstance(value, bool):
        return "bool", str(value).lower()
    if isinstance(value, int):
        return "int", str(value)
    if isinstance(value, float):
        return "float", str(value)
    return "string", value if isinstance(value, str) else ""


def _keywords(words: tuple[str, ...]) -> list[Json]:
    return [{"type": "keyword", "value": word} for word in words]
