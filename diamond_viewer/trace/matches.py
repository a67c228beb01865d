"""Search inside one trace: the rows whose names, keys, values or events hold some words."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from diamond_viewer.telemetry.model import Attributes, AttributeValue, Span
from diamond_viewer.telemetry.sketch import LogSketch, SpanSketch
from diamond_viewer.trace.timeline import PlacedLog

_AS_IN_JSON = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_ :./-")
_IN_NO_NUMBER = frozenset("ghjkmopqrsvwxyz_/")  # nor in null, true, hex or "inf", which are spelt otherwise on the wire


def matching_places(
    spans: Sequence[SpanSketch], words: str, logs: Mapping[int, Sequence[PlacedLog]] | None = None
) -> tuple[int, ...]:
    """Places of spans that say ``words`` (upper and lower case alike), also as ``key=value`` or as the span's id.

    A span says what its ``logs`` (by place) say. Its resource, which it shares with a thousand others, is asked only for
    ``key=value``.
    """
    needle = words.strip().casefold()
    if not needle:
        return ()
    is_plain = _AS_IN_JSON.issuperset(needle) and not _IN_NO_NUMBER.isdisjoint(needle)
    raw = needle.encode() if is_plain else b""
    in_resource = lru_cache(maxsize=256)(lambda known: any(needle in text for text in _texts_of(known.attributes)))
    in_name = lru_cache(maxsize=4096)(lambda name: needle in name.casefold())
    found = []
    for place, span in enumerate(spans):
        is_found = in_name(span.name) or in_name(span.service) or span.span_id.startswith(needle)
        if not is_found and (not raw or span.source.may_say(raw)):
            is_found = _span_says(span, needle, raw)
        if not is_found and "=" in needle:
            is_found = in_resource(_Known(span.source.origin()[0].attributes))
        if is_found:
            found.append(place)
    if logs:
        said = {
            place for place, of in logs.items() if place >= 0 and any(_log_says(one.log, needle, raw) for one in of)
        }
        found = sorted({*found, *said})
    return tuple(found)


def _span_says(span: SpanSketch, needle: str, raw: bytes) -> bool:
    """Attributes first: they alone are cheaper to decode than the whole span, and most matches lie there."""
    if any(needle in text for text in _texts_of(span.source.attributes_saying(needle, raw))):
        return True
    return span.source.says_more and any(needle in text for text in _texts_beside(span.whole()))


def _log_says(log: LogSketch, needle: str, raw: bytes) -> bool:
    if needle in log.name.casefold():
        return True
    if raw and not log.source.may_say(raw):
        return False
    whole = log.whole()
    texts = (whole.severity.casefold(), *_texts_of({"body": whole.body}), *_texts_of(whole.attributes))
    return any(needle in text for text in texts)


class _Known:
    """Attributes that many spans share, compared by identity."""

    __slots__ = ("attributes",)

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes

    def __hash__(self) -> int:
        return id(self.attributes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Known) and other.attributes is self.attributes


def _texts_beside(span: Span) -> Iterator[str]:
    """Beside its attributes."""
    yield span.status_message.casefold()
    for event in span.events:
        yield event.name.casefold()
        yield from _texts_of(event.attributes)
    for link in span.links:
        yield f"{link.trace_id} {link.span_id}"
        yield from _texts_of(link.attributes)


def _texts_of(attributes: Attributes) -> Iterator[str]:
    for key, value in attributes.items():
        for text in _values(value):
            yield f"{key}={text}".casefold()


def _values(value: AttributeValue) -> Iterator[str]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            yield from one
            waiting.extend(one.values())
        elif isinstance(one, list | tuple):
            waiting.extend(one)
        elif isinstance(one, bool):
            yield "true" if one else "false"
        elif isinstance(one, bytes):
            yield one.hex()
        else:
            yield "null" if one is None else str(one)
