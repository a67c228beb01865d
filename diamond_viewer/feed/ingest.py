"""Lines in, spans written: each line is checked once, decoded once, and counted when it cannot be read."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import xxhash

from diamond_viewer.feed.preview import preview
from diamond_viewer.store import TraceWriter
from diamond_viewer.telemetry.model import Problem
from diamond_viewer.telemetry.otlp import Batch, LineError, decode_line
from diamond_viewer.telemetry.otlp_documents import behind_fragment, documents_in, holds_several
from diamond_viewer.telemetry.redact import redact_text

COUNTERS = (
    "rotations",
    "truncations",
    "joined",
    "utf8_repaired",
    "oversize",
    "missed_files",
    "salvaged",
    "invalid_spans",
    "repeated_keys",
    "other_signal",
    "logs_without_trace",
    "gap_bytes",
    "unreadable",
    "duplicate_lines",
)

MAX_KNOWN_ENDS = 1_000
MAX_PREVIEWS = 100  # of one kind in one file; from then on every hundredth
MAX_PROBLEM_KINDS = 20  # of one source: kinds are few, but their names come from errors
INTERNAL_ERROR = "internal error"
_FIRST_BYTES = frozenset((b"{", b"[", b" ", b"\t", b"\xef"))  # 0xEF: a byte order mark

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Ledger:
    """What is known of the lines of one file. ``problems`` holds one entry a kind: how often, and one of the latest."""

    lines: int = 0
    bad_lines: int = 0
    problems: dict[str, Problem] = field(default_factory=dict)

    def note(self, kind: str, sentence: str, offset: int = -1, line: bytes = b"") -> None:
        before = self.problems.get(kind)
        count = before.count + 1 if before else 1
        if before is not None and count > MAX_PREVIEWS and count % MAX_PREVIEWS:
            # a file of another sort is a million bad lines: looking for secrets in each of them would take minutes
            self.problems[kind] = Problem(kind, before.sentence, before.offset, before.preview, count)
        elif before is not None or len(self.problems) < MAX_PROBLEM_KINDS:
            # an error may quote what it stumbled over
            self.problems[kind] = Problem(kind, redact_text(sentence), offset, preview(line), count)

    def withdraw(self, kind: str) -> None:
        """One problem of this kind turned out to be none."""
        problem = self.problems.pop(kind, None)
        if problem is not None and problem.count > 1:
            self.problems[kind] = replace(problem, count=problem.count - 1)


class Ingest:
    """The one place where lines become spans. ``decode`` is an argument so that tests can do without telemetry."""

    def __init__(self, writer: TraceWriter, decode: Callable[[bytes], Batch] = decode_line) -> None:
        self.counters: Counter[str] = Counter(dict.fromkeys(COUNTERS, 0))
        self.stumbles = Ledger()  # of no file: what the viewer itself did wrong
        self.lines = 0
        self.bad_lines = 0
        self._stumbled_over: set[str] = set()
        self._known_ends: dict[bytes, None] = {}  # digests of second halves that files began with, oldest first
        self._writer = writer
        self._decode = decode

    def take(self, ledger: Ledger, offset: int, line: bytes, halves: Sequence[bytes] | None = None) -> bytes | None:
        """Write the spans of a line; count it when it has none to give.

        ``halves`` belong to the first line of a file: they are the unfinished last lines of earlier files, because old
        collectors cut a line between two. When the line is unreadable by itself and readable behind one of them, that
        half is returned, else None. Several documents on one line are lines of their own, so that each is recognised
        wherever it comes again.
        """
        kind = sentence = ""
        try:
            is_one = self._write(line, may_be_several=True)
        except LineError as error:
            kind, sentence = error.kind, str(error)
        except Exception as error:  # noqa: BLE001  (a bug in decoding costs the line it tripped over, never the feed)
            kind, sentence = INTERNAL_ERROR, self._stumbled(error)
        if (kind or not is_one) and len(documents := documents_in(offset, line)) > 1:
            (_, first), *others = documents
            used = self.take(ledger, offset, first, halves)
            for begin, document in others:
                self.take(ledger, begin, document)
            return used
        ledger.lines += 1
        self.lines += 1
        if not kind:
            return None
        if halves is not None:
            if xxhash.xxh3_128_digest(line) in self._known_ends:
                self.counters["duplicate_lines"] += 1  # in a copy of a file that began with it
                return None
            for half in halves:
                if self.join(half, line):
                    return half
            self._remember_end(line)
        if not self.take_behind_fragment(ledger, offset, line):
            self.refuse(ledger, kind, sentence, offset, line)
        return None

    def take_behind_fragment(self, ledger: Ledger, offset: int, line: bytes) -> bool:
        """Write the whole line that stands behind a fragment, if one does; the fragment is a bad line."""
        document = behind_fragment(line)
        if not document or not self.write_if_readable(document):
            return False
        self.counters["salvaged"] += 1
        sentence = "A fragment stands before a whole line, as a full disk leaves it. The whole line was read."
        self.refuse(ledger, "fragment", sentence, offset, line)
        return True

    def join(self, half: bytes, line: bytes) -> bool:
        """Write the line that the two make together, if they do; the half may itself begin with a fragment."""
        both = half + line
        is_whole = self.write_if_readable(both)
        if not is_whole and len(begun := behind_fragment(both)) > len(line):
            is_whole = self.write_if_readable(begun)
            self.counters["salvaged"] += is_whole
        if is_whole:
            self.counters["joined"] += 1
            self._remember_end(line)
        return is_whole

    def _remember_end(self, line: bytes) -> None:
        self._known_ends[xxhash.xxh3_128_digest(line)] = None
        if len(self._known_ends) > MAX_KNOWN_ENDS:
            del self._known_ends[next(iter(self._known_ends))]

    def write_if_readable(self, line: bytes) -> bool:
        """Write the line if it is telemetry as it stands, else do and count nothing."""
        try:
            self._write(line)
        except LineError:
            return False  # the caller has another plan
        except Exception as error:  # noqa: BLE001  (a bug; the caller refuses the line for another reason: told here)
            self.stumbles.note(INTERNAL_ERROR, self._stumbled(error))
            return False
        return True

    def _stumbled(self, error: Exception) -> str:
        """The sentence about it; where it happened goes to the log, once for each kind."""
        name = type(error).__name__
        if name not in self._stumbled_over and len(self._stumbled_over) < MAX_PROBLEM_KINDS:
            self._stumbled_over.add(name)
            log.error("A line made the viewer stumble; it is counted as a bad line.", exc_info=error)
        return f"The line made the viewer stumble: {name}: {error}."

    def refuse(self, ledger: Ledger, kind: str, sentence: str, offset: int, line: bytes) -> None:
        """Count a line that cannot be read, and keep its beginning."""
        ledger.bad_lines += 1
        self.bad_lines += 1
        ledger.note(kind, sentence, offset, line)

    def withdraw(self, ledger: Ledger, kind: str) -> None:
        """A line that was refused goes on after all."""
        ledger.bad_lines -= 1
        self.bad_lines -= 1
        ledger.withdraw(kind)

    def refuse_oversize(self, ledger: Ledger, offset: int, limit_bytes: int) -> None:
        """Count a line that was dropped because of its length. It is not bad: it may well have been telemetry."""
        ledger.lines += 1
        self.lines += 1
        self.counters["oversize"] += 1
        sentence = f"The line is longer than the limit of {limit_bytes:,} bytes: its spans are not shown."
        ledger.note("line too long", sentence, offset)

    def _write(self, line: bytes, *, may_be_several: bool = False) -> bool:
        """False when several documents stand on the line, if that may be: then nothing is written."""
        if line[:1] not in _FIRST_BYTES:  # a file of another sort, most likely, and a long one
            raise LineError("not JSON", "The line is not JSON: it does not begin with a bracket.")
        digest = xxhash.xxh3_128_digest(line)
        if self._writer.is_held(digest):
            self.counters["duplicate_lines"] += 1
            return True
        batch = self._decode(line)
        # what is kept just as it stands was one document; looking for a second one takes as long as compressing the line
        if may_be_several and batch.original is not line and holds_several(line):
            return False
        self.counters["invalid_spans"] += batch.invalid_spans
        self.counters["utf8_repaired"] += batch.repaired
        self.counters["repeated_keys"] += batch.has_repeated_keys
        self.counters["other_signal"] += batch.signal in ("metrics", "logs", "mixed")
        self.counters["logs_without_trace"] += batch.logs.without_trace
        if batch.is_worth_keeping or batch.has_metrics:
            self._writer.add(batch, digest)
        return True
