"""Reading only what a question can be about. The answer is what the whole index answers: what is kept is every span of every
trace that may match, and traces are looked at one by one.
"""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from diamond_viewer.feed.files import Name
from diamond_viewer.feed.parallel import Ahead, WorkError, for_each_file, is_much
from diamond_viewer.feed.plain import NotPlainError, plain_files, plain_lines
from diamond_viewer.telemetry.otlp_excerpts import Needle, TraceIdNeedle, excerpt, traces_saying

if TYPE_CHECKING:
    from diamond_viewer.query.query import Query

LINE_BYTES = 64 * 1024**2  # as the server: a longer line is skipped and counted
MAX_KEPT_BYTES = 64 * 1024**2  # of one file: so much is read as quickly in the ordinary way
Excerpts = Callable[[], list[bytes] | None]  # to be called once; None when it must be read in the ordinary way

# filters whose value stands in the bytes of a span of the trace; the most telling first
TELLING = ("user", "lesson", "operation", "event")
# what no encoder spells in two ways, but for escapes by number, which are looked for
_PLAIN = re.compile(r"[ !#-.0-\[\]-~]{3,}")
_NUMBER = re.compile(r"[-+]?[\d.]+([eE][-+]?\d+)?|true|false|null|nan|inf(inity)?", re.IGNORECASE)


def telling_bytes(query: "Query") -> bytes:
    """Bytes that stand in some span of every trace that matches; empty when nothing of the sort is asked for.

    >>> from diamond_viewer.query.query import Query
    >>> [telling_bytes(Query((("lesson", text),))) for text in ("lesson-012", "12", "/x", "GET /", "REDACTED")]
    [b'lesson-012', b'', b'', b'', b'']
    """
    for parameter in TELLING:
        value = query.value(parameter)
        if _PLAIN.fullmatch(value) and not _NUMBER.fullmatch(value) and "REDACTED" not in value:
            return value.encode()
    return b""


def excerpts_for(patterns: Sequence[str], query: "Query") -> Excerpts:
    """Lines with all spans of all traces that can match, and few others."""
    if _asks_for_findings(query) or not (text := telling_bytes(query)):
        return no_excerpts
    needle = Needle(text)

    def look(name: Name) -> set[str]:
        return {found for line in plain_lines(name, LINE_BYTES) for found in traces_saying(line, needle)}

    def take(names: Sequence[Name]) -> list[bytes]:
        trace_ids = {trace_id.encode() for found in for_each_file(look, names) for trace_id in found}
        return _gathered(names, lambda line: excerpt(line, trace_ids)) if trace_ids else []

    return _begun(patterns, take)


def _asks_for_findings(query: "Query") -> bool:
    """What several traces of a person show is seen only where all of them are."""
    return any(name == "finding" or (name == "q" and "finding" in value) for name, value in query.set_filters)


def excerpts_of_trace(patterns: Sequence[str], trace_id: str) -> Excerpts:
    """Lines on which the id stands. How it may be spelled in other ways is asked only when it is nowhere."""

    def take(names: Sequence[Name]) -> list[bytes]:
        return _mentioning(names, TraceIdNeedle(trace_id)) or _mentioning(names, TraceIdNeedle(trace_id, thorough=True))

    return _begun(patterns, take)


def _mentioning(names: Sequence[Name], needle: Needle) -> list[bytes]:
    return _gathered(names, lambda line: line if needle.may_be_in(line) else b"")


def no_excerpts() -> None:
    """Everything must be read."""


def _begun(patterns: Sequence[str], take: Callable[[Sequence[Name]], list[bytes]]) -> Excerpts:
    """Begun at once where it takes a while: whoever asked has modules to import meanwhile."""
    try:
        names = plain_files(patterns)
    except NotPlainError:
        return no_excerpts
    ahead = Ahead(lambda: take(names)) if is_much(names) else None

    def excerpts() -> list[bytes] | None:
        try:
            return ahead.result() if ahead else take(names)
        except (NotPlainError, WorkError):
            return None

    return excerpts


def _gathered(names: Sequence[Name], cut: Callable[[bytes], bytes]) -> list[bytes]:
    def gather(name: Name) -> list[bytes]:
        kept, size_bytes = [], 0
        for line in plain_lines(name, LINE_BYTES):
            if part := cut(line):
                kept.append(part)
                size_bytes += len(part)
                if size_bytes > MAX_KEPT_BYTES:
                    raise NotPlainError
        return kept

    return [line for kept in for_each_file(gather, names) for line in kept]
