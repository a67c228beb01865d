"""ImportedSource: what is known of a file that was pasted or dropped."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImportedSource:
    """``number`` is its place in the address, ``format`` in words, ``rejected`` how many records were not kept, ``why`` the
    first reason or empty; ``trace_id`` is that of its only trace, else empty."""

    number: int
    name: str
    format: str
    size_bytes: int
    at_ns: int
    spans: int
    traces: int
    bad_lines: int
    rejected: int
    why: str
    trace_id: str


class ImportRefusedError(ValueError):
    """The message is a sentence, ``status`` the HTTP status."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
