"""What is said of failed spans, as codes: the type of an exception, and the message without its variable parts.

Worked out once, when a span comes in: later it would take decompressing every line that an error stands on.
"""

from collections.abc import Sequence
from typing import NamedTuple

from diamond_viewer.diagnosis.errors import template_of
from diamond_viewer.index.columns import Dictionary
from diamond_viewer.telemetry.otlp import Batch
from diamond_viewer.telemetry.redact import redact_text
from diamond_viewer.telemetry.semconv import EXCEPTION_EVENT
from diamond_viewer.telemetry.tallies import OTHERS

MAX_KNOWN = 4_096
MAX_FAULT_TEXTS = 1_000  # of one segment: a million different messages must not fill the memory


class _TemplateByHash(dict[int, str]):
    """Message -> what of it is the same every time. Kept by the hash: a message may hold secrets until it is redacted."""

    def of(self, message: str) -> str:
        key = hash(message)
        template = self.get(key)
        if template is None:
            if len(self) >= MAX_KNOWN:
                self.clear()
            template = self[key] = template_of(redact_text(message))
        return template


_templates = _TemplateByHash()


class Fault(NamedTuple):
    row: int
    kind: str
    message: str


class ToldApart:
    """Codes of a segment for the first so many texts of faults; all further ones get one code together."""

    def __init__(self) -> None:
        self._known: set[str] = {""}

    def code(self, text: str, dictionary: Dictionary) -> int:
        if text not in self._known:
            if len(self._known) > MAX_FAULT_TEXTS:
                return dictionary.intern(OTHERS)
            self._known.add(text)
        return dictionary.intern(text)


def faults_of(batches: Sequence[Batch], failed: Sequence[int]) -> tuple[Fault, ...]:
    """``failed`` are rows over all batches, ascending; the result has one fault for each of them, in that order.

    An exception without a type is told by its message when the span's status has none.
    """
    if not failed:
        return ()
    wanted = set(failed)
    kinds: dict[int, str] = {}
    messages: dict[int, str] = {}
    first_row = 0
    for batch in batches:
        for row, message in batch.messages.items():
            messages[first_row + row] = message
        for event in batch.events:
            if event.name == EXCEPTION_EVENT and (row := first_row + event.row) in wanted:
                if event.facts.detail:
                    kinds.setdefault(row, event.facts.detail)
                elif event.facts.message:
                    messages.setdefault(row, event.facts.message)
        first_row += batch.span_count
    return tuple(
        Fault(
            row,
            redact_text(kinds[row]) if row in kinds else "",
            _templates.of(messages[row]) if row in messages else "",
        )
        for row in failed
    )
