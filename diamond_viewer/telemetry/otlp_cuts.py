"""Spans cut out of a line: those that promise something; those of some traces, for who comes to the same line again and again.

A line of a collector holds spans of many traces, and each of them is wanted a few times in its first seconds. To find its spans
takes as long as to read the whole line: ``Cuts`` do that once.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Container, Iterable, Iterator
from functools import cached_property, lru_cache
from itertools import groupby

import msgspec

from diamond_viewer.telemetry.model import Resource, Scope, Span
from diamond_viewer.telemetry.otlp_spans import raw_spans_of, resource_above, scope_above, span_below, trace_id_of

MAX_SHARED_BYTES = 16 * 1024  # of a resource and a scope that lines share


class _Above:
    """What spans stand below, decoded when the first of them is wanted: all of them then share it."""

    def __init__(self, resource: bytes, resource_url: str | None, scope: bytes, scope_url: str | None) -> None:
        self.raw_resource, self._resource_url = resource, resource_url
        self.raw_scope, self._scope_url = scope, scope_url

    @cached_property
    def resource(self) -> Resource:
        return resource_above(self.raw_resource, self._resource_url)

    @cached_property
    def scope(self) -> Scope:
        return scope_above(self.raw_scope, self._scope_url)


_RawAbove = tuple[bytes, str | None, bytes, str | None]  # as it is written, in the order of ``_Above``
_shared = lru_cache(maxsize=64)(_Above)  # a process writes the same before each of its batches


def _above(raw: _RawAbove) -> _Above:
    resource, _, scope, _ = raw
    made = _shared if len(resource) + len(scope) <= MAX_SHARED_BYTES else _Above
    return made(*raw)


def _spans_below(original: bytes) -> Iterator[tuple[_RawAbove, list[msgspec.Raw]]]:
    """What stands below one resource has its bytes in common."""
    above, resource = None, b""
    for resource_spans, scope_spans, raw_spans in raw_spans_of(original):
        if resource_spans is not above:
            above, resource = resource_spans, bytes(resource_spans.resource)
        yield (resource, resource_spans.schema_url, bytes(scope_spans.scope), scope_spans.schema_url), raw_spans


def promising_spans(
    original: bytes, promises: Callable[[bytes, bytes, bytes], bool], passed_over: Container[str] = ()
) -> Iterator[Span]:
    """The spans that ``promises(span, scope, resource)`` says yes to, given the bytes of each; the others are not decoded.

    Nor are those whose trace id is in ``passed_over``, which may change between one span and the next.
    """
    for raw_above, raw_spans in _spans_below(original):
        above = _above(raw_above)
        for raw in raw_spans:
            text = bytes(raw)
            if not promises(text, above.raw_scope, above.raw_resource):
                continue
            if passed_over and trace_id_of(text) in passed_over:
                continue
            yield span_below(text, above.resource, above.scope)


class Cuts:
    """Of one ``Batch.original``, which is not kept. Raises ``msgspec.DecodeError``."""

    def __init__(self, original: bytes) -> None:
        self._firsts: list[int] = []  # the first span below each of ``_above``
        self._above: list[_RawAbove] = []  # not decoded: hundreds of processes say more than is worth to be kept
        begins: list[int] = []
        ends: list[int] = []
        numbers: dict[str, list[int]] = {}
        end = 0
        for above, raw_spans in _spans_below(original):
            self._firsts.append(len(begins))
            self._above.append(above)
            for number, text in enumerate(map(bytes, raw_spans), len(begins)):
                begin = end + 1  # behind a comma, as nearly always
                if not original.startswith(text, begin):
                    begin = original.index(text, end)
                end = begin + len(text)
                begins.append(begin)
                ends.append(end)
                trace_id = trace_id_of(text)
                if trace_id in numbers:
                    numbers[trace_id].append(number)
                else:
                    numbers[trace_id] = [number]
        self._begins, self._ends = array("I", begins), array("I", ends)  # of each span, in the order of the line
        self._numbers = {trace_id: array("I", theirs) for trace_id, theirs in numbers.items()}  # counted in that order

    def spans_of(self, original: bytes, trace_ids: Iterable[str]) -> Iterator[Span]:
        """As ``decode_spans_among``; ``original`` is the line that this was made of."""
        wanted = sorted(number for trace_id in trace_ids for number in self._numbers.get(trace_id, ()))
        for place, numbers in groupby(wanted, key=lambda number: bisect_right(self._firsts, number) - 1):
            above = _above(self._above[place])
            for number in numbers:
                yield span_below(original[self._begins[number] : self._ends[number]], above.resource, above.scope)

    @property
    def size_bytes(self) -> int:
        """About."""
        resources = {id(resource): len(resource) for resource, *_ in self._above}
        above_bytes = sum(resources.values()) + sum(200 + len(scope) for _, _, scope, _ in self._above)
        return 300 * len(self._numbers) + 12 * len(self._begins) + above_bytes
